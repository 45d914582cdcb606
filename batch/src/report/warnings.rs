//! What a person should look at, in words.

use akin_schemas::{Manifest, ObjectKey};

use crate::counting::{counted, thousands};

use super::tables::Item;
use super::view::View;

/// A count that falls by more than this share is worth a look.
const FALL: f64 = 0.1;
/// An item that so great a share of all users rated says little of anybody's taste.
const EVERYBODY: f64 = 0.9;
/// A user with so great a share of all ratings bends what is computed from them.
const MUCH: f64 = 0.1;
/// Of fewer users one has a tenth of all ratings, and an item everybody, without anything being wrong.
const FEW_USERS: u64 = 20;
/// Fewer of the nearest neighbours than this share being the same ones is a great change.
const STEADY: f64 = 0.5;

/// What stands out of a version, the gravest first.
pub fn warnings(view: &View) -> Vec<String> {
    let manifest = &view.manifest;
    let mut warnings = manifest.warnings.clone();
    warnings
        .extend(manifest.rollback_of.iter().map(|v| format!("this is a rollback to version {v}")));
    warnings.extend(rejects(view));
    warnings.extend(neighbours(view));
    warnings.extend(quality(manifest));
    if let Some(before) = view.before() {
        warnings.extend(falls(manifest, before));
        warnings.extend(steadiness(view, before));
    }
    let incomparable = view.incomparable.iter();
    warnings
        .extend(incomparable.map(|w| format!("it could not be compared with the one before: {w}")));
    warnings.extend(everybody(view));
    warnings.extend(one_user(view));
    warnings
}

fn rejects(view: &View) -> Option<String> {
    let listed = ObjectKey::rejects(&view.manifest.version);
    let rejected: u64 = view.observed.rejected.values().sum();
    match view.observed.read {
        Some(read) if rejected > 0 => Some(format!(
            "{} of {} were rejected; the first ones are in {listed}",
            thousands(rejected),
            counted(read, "record")
        )),
        None if !view.rejects.is_empty() => {
            Some(format!("records were rejected; the first ones are in {listed}"))
        }
        _ => None,
    }
}

fn neighbours(view: &View) -> Option<String> {
    let rated = || view.tables.present().filter(|(_, item)| item.ratings > 0);
    let all = rated().count() as u64;
    let lonely = rated().filter(|(_, item)| item.neighbours == 0).count() as u64;
    match lonely {
        0 => None,
        lonely if lonely == all => Some(
            "no item has a neighbour: every recommendation will be what is popular; look at --rating-weight, \
             --min-co-count and --half-life, and whether anybody rated two items"
                .to_owned(),
        ),
        lonely => Some(format!(
            "{} of {} that somebody rated have no neighbours: nothing recommends them, and they recommend nothing",
            thousands(lonely),
            counted(all, "item")
        )),
    }
}

fn quality(manifest: &Manifest) -> Option<String> {
    let metric = |name: &str| manifest.metrics.get(name).copied();
    let (ours, popular) = (metric("ndcg@10")?, metric("popularity_ndcg@10")?);
    (ours <= popular).then(|| {
        format!(
            "held-out ratings are found no better (NDCG@10 {ours:.4}) than by recommending what is popular ({popular:.4})"
        )
    })
}

fn falls(manifest: &Manifest, before: &Manifest) -> Vec<String> {
    let (now, then) = (manifest.counts, before.counts);
    let counts = [
        ("ratings", now.ratings, then.ratings),
        ("users", now.users, then.users),
        ("items", now.items, then.items),
        ("pairs", now.pairs, then.pairs),
    ];
    let fell =
        counts.into_iter().filter(|(_, now, then)| (*now as f64) < *then as f64 * (1.0 - FALL));
    fell.map(|(what, now, then)| {
        format!("{what} fell from {} to {}", thousands(then), thousands(now))
    })
    .collect()
}

/// Another measure gives other neighbours; the same one should give much the same.
fn steadiness(view: &View, before: &Manifest) -> Option<String> {
    let (name, then) = (&view.manifest.measure.name, &before.measure.name);
    if name != then {
        return Some(format!("similarities are computed by {name}, before it was {then}"));
    }
    let same = view.change.as_ref()?.mean_same.filter(|same| *same < STEADY)?;
    Some(format!(
        "of the items' nearest neighbours {:.0} % are the same ones as before: lists will look different",
        same * 100.0
    ))
}

fn everybody(view: &View) -> Option<String> {
    let (most, users) = (*view.most_rated.first()?, view.manifest.counts.users);
    let ratings = view.tables.get(most).map(|item: &Item| item.ratings)?;
    let share = ratings as f64 / users.max(1) as f64;
    (users >= FEW_USERS && share >= EVERYBODY).then(|| {
        let who = if ratings >= users {
            "every user rated".to_owned()
        } else {
            format!("{:.0} % of all users rated", share * 100.0)
        };
        format!("{who} {}: that says little of anybody's taste", view.title(most))
    })
}

fn one_user(view: &View) -> Option<String> {
    let counts = view.manifest.counts;
    let (most, _) = view.observed.ratings.as_ref()?.activity.last()?;
    let share = *most as f64 / counts.ratings.max(1) as f64;
    (counts.users >= FEW_USERS && share >= MUCH).then(|| {
        format!(
            "one user gave {:.0} % of all ratings, {} of them: a program rather than a person?",
            share * 100.0,
            thousands(*most)
        )
    })
}
