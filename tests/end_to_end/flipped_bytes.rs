//! Every byte of a version counts.

use std::sync::Arc;

use akin_serve::snapshot::{Haste, Live, Snapshot};
use akin_store::{FolderStore, Store, open_version};

use crate::harness::Workplace;

#[test]
fn a_flip_of_any_byte_of_a_version_is_refused_and_the_old_version_serves() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    workplace.publish(&[]).summary();
    let store: Arc<dyn Store> = Arc::new(FolderStore::open(workplace.store()).unwrap());
    // A server that starts now: it serves the newest version that loads, and says which did not.
    let serving = || {
        let live = Live::new(Arc::clone(&store));
        live.refresh(|_| ());
        let sequence = live.current().map(|snapshot| snapshot.manifest.sequence);
        (sequence, live.refused().map(|refused| refused.sequence))
    };
    assert_eq!(serving(), (Some(2), None));

    let parts = open_version(&*store, 2).unwrap().manifest.parts;
    let parts = parts.neighbours.into_iter().chain(parts.items).chain(parts.profiles);
    let mut keys: Vec<String> = parts.map(|part| part.key.to_string()).collect();
    assert_eq!(keys.len(), 3);
    keys.push("manifests/00000000000000000002.json".to_owned());
    for key in keys {
        let path = workplace.path(&format!("store/{key}"));
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0xff;
            std::fs::write(&path, damaged).unwrap();
            assert!(
                Snapshot::load(&*store, 2, Haste::Whole, None).is_err(),
                "{key}, byte {at} of {}",
                whole.len()
            );
            if at % 50 == 0 {
                assert_eq!(serving(), (Some(1), Some(2)), "{key}, byte {at}");
            }
        }
        std::fs::write(&path, whole).unwrap();
    }
    assert_eq!(serving(), (Some(2), None));
}
