//! What may happen, and in which mixture.

use proptest::prelude::*;

use super::{ITEMS, USERS};

#[derive(Debug, Clone)]
pub enum Operation {
    /// A rating or, without one, its deletion; the server's clock may run backwards.
    Submit {
        server: usize,
        user: usize,
        item: usize,
        rating: Option<u8>,
        second: i64,
    },
    /// The last submission to this server again.
    Repeat {
        server: usize,
        second: i64,
    },
    Flush {
        server: usize,
    },
    /// The flush reaches the store, and the process dies before the ledger knows.
    FlushAndDie {
        server: usize,
    },
    Restart {
        server: usize,
    },
    Backup {
        server: usize,
    },
    /// The last backup takes the place of the ledger. Nobody says so: the next flush has to find out.
    Restore {
        server: usize,
    },
    /// A segment turns up a second time, under another date.
    Replay {
        segment: prop::sample::Index,
    },
    Publish {
        rows: Vec<FileRow>,
        split: prop::sample::Index,
        input: Input,
    },
    /// A server turns to any published version, older ones too.
    Swap {
        server: usize,
        version: prop::sample::Index,
    },
    /// The server lets go of what the newest version and the one before it contain.
    Forget {
        server: usize,
    },
}

/// What a run takes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    Files,
    FilesAndLedger,
    SinceLast,
    FilesSinceLast,
}

#[derive(Debug, Clone, Copy)]
pub struct FileRow {
    pub user: usize,
    pub item: usize,
    pub rating: u8,
    pub second: i64,
}

pub fn any_operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let server = 0..2usize;
    let second = 0..3i64;
    let pair = (0..USERS.len(), 0..ITEMS.len());
    let rating = prop_oneof![3 => (1..=10u8).prop_map(Some), 1 => Just(None)];
    let row = (pair.clone(), 1..=10u8, second.clone())
        .prop_map(|((user, item), rating, second)| FileRow { user, item, rating, second });
    let rows = prop::collection::vec(row, 1..6);
    let index = any::<prop::sample::Index>;
    let input = prop_oneof![
        1 => Just(Input::Files),
        3 => Just(Input::FilesAndLedger),
        2 => Just(Input::SinceLast),
        2 => Just(Input::FilesSinceLast),
    ];
    prop_oneof![
        8 => (server.clone(), pair, rating, second.clone()).prop_map(
            |(server, (user, item), rating, second)| Submit { server, user, item, rating, second }
        ),
        1 => (server.clone(), second).prop_map(|(server, second)| Repeat { server, second }),
        3 => server.clone().prop_map(|server| Flush { server }),
        1 => server.clone().prop_map(|server| FlushAndDie { server }),
        1 => server.clone().prop_map(|server| Restart { server }),
        1 => server.clone().prop_map(|server| Backup { server }),
        1 => server.clone().prop_map(|server| Restore { server }),
        1 => index().prop_map(|segment| Replay { segment }),
        4 => (rows, index(), input).prop_map(|(rows, split, input)| Publish { rows, split, input }),
        2 => server.clone().prop_map(|server| Forget { server }),
        2 => (server, index()).prop_map(|(server, version)| Swap { server, version }),
    ]
}
