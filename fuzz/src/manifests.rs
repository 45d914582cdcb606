//! Manifests, what follows from them in Delta Lake's logs, and the record of the last run.

use akin_schemas::delta::{LogState, LoggedTable, StandingEntry};
use akin_schemas::{Checksum, LastRun, Manifest};

const FIRST: &[u8] =
    include_bytes!("../../tests/fixtures/store-schema-1/store/manifests/00000000000000000001.json");
const THIRD: &[u8] =
    include_bytes!("../../tests/fixtures/store-schema-1/store/manifests/00000000000000000003.json");

/// A manifest as it stands; and what follows a line as the body of one, because hardly any change keeps a checksum.
pub(crate) fn manifest(bytes: &[u8]) -> bool {
    let framed = match bytes.strip_prefix(BODY) {
        Some(body) => {
            let checksum = Checksum::of(body);
            [format!("{{\"sha256\":\"{checksum}\",\"body\":").as_bytes(), body, b"}\n"].concat()
        }
        None => bytes.to_vec(),
    };
    let Ok(manifest) = Manifest::decode(&framed) else { return false };
    let written = manifest.encode().unwrap_or_else(|error| panic!("{manifest:?}: {error}"));
    let again = Manifest::decode(&written).unwrap_or_else(|error| panic!("{manifest:?}: {error}"));
    assert!(again.metrics.keys().eq(manifest.metrics.keys()), "{again:?} {manifest:?}");
    // Numbers are read from JSON to the last bit but one.
    let (metrics, measure) = (manifest.metrics.clone(), manifest.measure.clone());
    let rating_range = manifest.rating_range;
    assert_eq!(Manifest { metrics, measure, rating_range, ..again }, manifest);
    // No other bytes have this checksum.
    for at in [0, written.len() / 2, written.len() - 3] {
        let mut damaged = written.clone();
        damaged[at] ^= 1;
        assert!(Manifest::decode(&damaged).is_err(), "byte {at} of {manifest:?}");
    }
    true
}

const BODY: &[u8] = b"body\n";

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let bodies = [FIRST, THIRD].map(|manifest| {
        let text = std::str::from_utf8(manifest).unwrap_or_default().trim_end();
        let body = text.split_once("\"body\":").map_or("", |(_, body)| body);
        [BODY, body.strip_suffix('}').unwrap_or_default().trim().as_bytes()].concat()
    });
    [FIRST.to_vec(), THIRD.to_vec()].into_iter().chain(bodies).collect()
}

/// An entry of a Delta Lake log: from what it says that stands, the next one can be written and read.
pub(crate) fn delta_entry(bytes: &[u8]) -> bool {
    let Ok(standing) = StandingEntry::decode(bytes) else { return false };
    let before = &standing.state;
    let next = LogState::next(Some(before), before.sequence.saturating_add(1), None);
    for table in LoggedTable::ALL {
        let written = next.entry(table, Some(before), None);
        let written = written.unwrap_or_else(|error| panic!("{next:?}: {error}"));
        let again = StandingEntry::decode(&written);
        let again = again.unwrap_or_else(|error| panic!("{next:?}: {error}"));
        assert_eq!(again.state, next);
        assert!(again.follows(table, Some(before), next.sequence), "{again:?} {before:?}");
    }
    true
}

pub(crate) fn delta_entry_seeds() -> Vec<Vec<u8>> {
    let [first, third] = [FIRST, THIRD].map(|bytes| Manifest::decode(bytes).ok());
    let one = LogState::next(None, 1, first.as_ref());
    let two = LogState::next(Some(&one), 2, third.as_ref());
    let entries = [
        one.entry(LoggedTable::Items, None, first.as_ref()),
        two.entry(LoggedTable::Profiles, Some(&one), third.as_ref()),
    ];
    entries.into_iter().filter_map(Result::ok).collect()
}

/// A record of the last run.
pub(crate) fn last_run(bytes: &[u8]) -> bool {
    let Ok(run) = LastRun::decode(bytes) else { return false };
    let written = run.encode().unwrap_or_else(|error| panic!("{run:?}: {error}"));
    let again = LastRun::decode(&written).unwrap_or_else(|error| panic!("{run:?}: {error}"));
    assert_eq!(again, run);
    true
}

pub(crate) fn last_run_seeds() -> Vec<Vec<u8>> {
    crate::texts(&[
        r#"{"finished_at":"2026-11-30T04:16:12.5Z","published":false,"version":"v20261123T204500Z-x7k2","sequence":12,"written_by":"akin-batch 0.1.0"}"#,
        r#"{"finished_at":"2026-11-30T04:16:12+05:30","published":true,"version":"v20261123T204500Z-x7k2","sequence":1,"written_by":"","later":[1]}"#,
    ])
}
