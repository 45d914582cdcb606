use std::collections::HashMap;

use akin_recommender::profile::{Entry, Origin};

use super::block::Block;
use super::tests::{chunk_after, entries, entry};
use super::{ItemNumbering, Profiles};

const USERS: usize = 2_000;

/// What a version has: users who all rated the same items.
struct Tables {
    items: Vec<&'static str>,
    /// The users who rated otherwise than all.
    changed: Vec<usize>,
    /// A user who is not there.
    without: Option<usize>,
}

impl Tables {
    fn of(items: &[&'static str]) -> Self {
        Self { items: items.to_vec(), changed: Vec::new(), without: None }
    }

    fn numbers(&self) -> HashMap<Box<str>, u32> {
        self.items.iter().map(|item| (*item).into()).zip(0..).collect()
    }

    /// What a user rated: all but new items, which only those rated who rated otherwise. Without sequences, which are not
    /// kept of files' entries.
    fn entries(&self, user: usize) -> Vec<(u32, Entry)> {
        let is_changed = self.changed.contains(&user);
        let ledger = "ledger-a".parse().unwrap_or(Origin::FILES);
        let origin = if user.is_multiple_of(9) { ledger } else { Origin::FILES };
        let mut entry = entry(Some(if is_changed { 1.0 } else { 4.5 }), origin);
        entry.order.sequence = 0;
        let items = (0..).zip(&self.items);
        let rated = items.filter(|(_, item)| is_changed || !item.starts_with("new"));
        rated.map(|(number, _)| (number, entry)).collect()
    }

    /// Loaded from two files, after another version.
    fn load(&self, before: Option<(&Self, &Profiles)>) -> Profiles {
        let items = self.items.iter().copied();
        let numbering = match before {
            None => ItemNumbering::new(items.len()),
            Some((before, profiles)) => profiles.numbering().after(&before.numbers(), items),
        };
        let users = (0..USERS).filter(|&user| Some(user) != self.without);
        let users: Vec<_> = users.map(|user| (id(user), self.entries(user))).collect();
        let (first, second) = users.split_at(users.len() * 2 / 3);
        let chunks = [first, second].map(|users| {
            let users: Vec<_> =
                users.iter().map(|(id, entries)| (id.as_str(), entries.clone())).collect();
            chunk_after(&numbering, before.map(|before| before.1), &users)
        });
        Profiles::join(chunks.into(), numbering).unwrap_or_default()
    }
}

fn id(user: usize) -> String {
    format!("{user:04}")
}

fn blocks(of: &Profiles) -> Vec<&Block> {
    of.chunks.iter().flat_map(|chunk| &chunk.blocks).collect()
}

/// How many blocks a version has, and how many of them are those of another one.
fn shared(of: &Profiles, with: &Profiles) -> (usize, usize) {
    let (of, with) = (blocks(of), blocks(with));
    let is_shared = |block: &&&Block| with.iter().any(|other| block.is_shared_with(other));
    (of.len(), of.iter().filter(is_shared).count())
}

#[test]
fn what_stays_the_same_is_shared_with_the_version_before() {
    let old = ["a", "c", "e", "k"];
    let before = Tables::of(&old);
    let loaded = before.load(None);
    let (count, _) = shared(&loaded, &loaded);
    assert!((USERS / 16..USERS / 4).contains(&count), "{count}");
    let again = Tables::of(&old).load(Some((&before, &loaded)));
    assert_eq!(shared(&again, &loaded), (count, count));
    assert_eq!(shared(&before.load(None), &loaded), (count, 0));

    // Some rate, and one is gone, so that the second file begins elsewhere; and items are new, so that others move.
    let changed = vec![3, 900, 1_999];
    let after = Tables {
        changed,
        without: Some(10),
        ..Tables::of(&["a", "new b", "c", "e", "k", "new z"])
    };
    let changed = after.load(Some((&before, &loaded)));
    let (count, of_these) = shared(&changed, &loaded);
    assert!((count - 8..=count - 3).contains(&of_these), "{of_these} of {count}");
    for user in 0..USERS {
        let expected = if user == 10 { Vec::new() } else { after.entries(user) };
        assert_eq!(entries(&changed, &id(user)), expected, "{user}");
    }

    // Most items are gone, so that all are numbered anew: what has other numbers is not the same.
    let few = Tables::of(&["e", "k"]);
    let numbered_anew = few.load(Some((&after, &changed)));
    assert_eq!(shared(&numbered_anew, &changed).1, 0);
    assert_eq!(entries(&numbered_anew, &id(9)), few.entries(9));
}
