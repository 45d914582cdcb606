//! Handles of executions, and keys of objects: texts with one spelling.

use akin_schemas::ObjectKey;
use akin_schemas::http::{ExecutionId, StateMachine};

use crate::texts;

/// An ARN, and the name of an execution in it.
pub(crate) fn handle(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let machine = StateMachine::default();
    let Ok(name) = machine.execution_name(text) else { return false };
    assert_eq!(machine.execution_arn(name), text);
    let Ok(id) = name.parse::<ExecutionId>() else { return false };
    assert_eq!(id.to_string(), name);
    assert_eq!(ExecutionId::from_key(*id.key()), id);
    assert!((0..1 << 48).contains(&id.millis()));
    true
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let names = [
        "01a0c4506c7b-6f1e2d3c-4b5a-4978-8695-a4b3c2d1e0ff",
        "000000000000-00000000-0000-4000-8000-000000000000",
    ];
    names.iter().map(|name| StateMachine::default().execution_arn(name).into_bytes()).collect()
}

/// The key of an object, as it is listed.
pub(crate) fn object_key(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Ok(key) = ObjectKey::try_from(text.to_owned()) else { return false };
    assert_eq!(key.as_str(), text);
    if let Some(sequence) = key.manifest_sequence() {
        assert_eq!(ObjectKey::manifest(sequence), key);
    }
    if let Some(oldest) = key.cleanup_sequence() {
        assert_eq!(ObjectKey::cleanup(oldest), key);
    }
    if let Some((origin, _)) = key.segment_start() {
        assert!(text.contains(origin));
    }
    if let Some(version) = key.version() {
        assert!(text.contains(version));
    }
    true
}

pub(crate) fn object_key_seeds() -> Vec<Vec<u8>> {
    texts(&[
        "manifests/00000000000000000012.json",
        "cleanups/00000000000000000003.json",
        "ratings/date=2026-01-02/ledger-first0001-00000000000000000001.parquet",
        "neighbours/version=v20261124T124307Z-k4nm/part-00000.parquet",
        "work/monday/ingest.json",
        "current.json",
    ])
}
