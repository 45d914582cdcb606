//! The keystone property: whatever is posted, deleted, repeated, replayed, restarted, restored, published and swapped,
//! a profile is what the last-writer-wins map says.
//!
//! The pieces are the real ones (a ledger in a file, segments and versions in a folder, whole runs of the batch, loaded
//! snapshots), but called as libraries: a case takes some ten operations, and starting processes and polling for each
//! of them would leave time for a handful of cases only. The programs around the pieces are driven by the other tests.
//! The model beside them keeps every entry as a plain list, and knows nothing of how the pieces merge.

mod model;
mod operations;
mod server;
mod world;

use proptest::prelude::*;

use operations::any_operation;
use world::World;

const USERS: [&str; 2] = ["ann", "bob"];
const ITEMS: [&str; 3] = ["1", "2", "3"];
/// Every clock starts here, in seconds, and differs by a few seconds at most: ties are the rule.
const BASE: i64 = 1_700_000_000;

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn profiles_are_the_last_writer_wins_map_whatever_happens(
        operations in prop::collection::vec(any_operation(), 1..40),
    ) {
        let mut world = World::new();
        for operation in operations {
            world.perform(operation);
            world.check();
        }
    }
}
