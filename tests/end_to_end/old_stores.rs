//! Stores that older programs wrote open with today's: one folder of `tests/fixtures` a schema version.
//!
//! A fixture is written once, by the programs of its day, and never again:
//! `cargo test --locked --workspace --test end_to_end -- --ignored write_the_store_of_this_schema_version`

use std::path::{Path, PathBuf};

use akin_schemas::tables::{PartWriter, ProfileRow, Profiles};
use akin_schemas::{ObjectKey, SCHEMA_VERSION};
use akin_store::{FolderStore, Store};
use serde_json::{Value, json};

use crate::harness::{RATINGS, Server, Workplace, batch, get};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// What a fixture answers, as far as no later program may answer differently.
fn answers(workplace: &Workplace) -> Value {
    let check = batch(&["check", "--store", &workplace.store(), "--json"]).summary();
    let versions = batch(&["versions", "--store", &workplace.store(), "--json"]).summary();
    let server = Server::start_ready(workplace, &[]);
    let ids = |path: &str, list: &str| {
        let answer = get(&server, path).json();
        let items = answer[list].as_array().unwrap_or_else(|| panic!("{answer}")).iter();
        items.map(|item| json!([item["itemId"], item["title"]])).collect::<Value>()
    };
    json!({
        "publications": check["publications"],
        "segments": check["segments"],
        "parts": check["parts"],
        "damage": check["damage"],
        "versions": versions.as_array().unwrap().iter().map(|version| {
            json!([version["sequence"], version["version"], version["rollback_of"], version["counts"]])
        }).collect::<Value>(),
        "neighbours of 1": ids("/items/1/neighbours", "neighbours"),
        "for ann": ids("/users/ann/recommendations?n=10", "recommendations"),
        "for dan": ids("/users/dan/recommendations?n=10", "recommendations"),
    })
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let from = entry.unwrap().path();
        let to = to.join(from.file_name().unwrap());
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).unwrap();
        }
    }
}

#[test]
fn every_store_that_was_ever_written_opens_and_goes_on() {
    let mut seen = 0;
    for schema_version in 1..=SCHEMA_VERSION {
        let fixture = fixtures().join(format!("store-schema-{schema_version}"));
        let workplace = Workplace::new();
        copy(&fixture.join("store"), &workplace.path("store"));
        let expected = std::fs::read(fixture.join("expected.json")).unwrap();
        let expected: Value = serde_json::from_slice(&expected).unwrap();
        assert_eq!(answers(&workplace), expected, "schema version {schema_version}");
        let difference = batch(&["diff", "1", "2", "--store", &workplace.store(), "--json"]);
        assert_eq!(difference.code, 0, "{}", difference.stderr);
        // Two ratings in segments are new, one replaces, one is taken back by a tombstone.
        let next = workplace.publish(&["--with-ledger"]).summary();
        assert_eq!((&next["sequence"], &next["ratings"]), (&4.into(), &10.into()));
        let rolled_back = batch(&["rollback", "2", "--store", &workplace.store()]);
        assert_eq!(rolled_back.code, 0, "{}", rolled_back.stderr);
        assert_eq!(batch(&["check", "--store", &workplace.store()]).code, 0);
        seen += 1;
    }
    assert_eq!(seen, SCHEMA_VERSION);
}

#[test]
#[ignore = "writes a fixture: once a schema version"]
fn write_the_store_of_this_schema_version() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    write_segments(&workplace);
    let rejected = format!("{RATINGS}eve,1,99,5\n");
    workplace.write("ratings.csv", rejected);
    workplace.publish(&["--with-ledger", "--max-reject-share", "0.2"]).summary();
    let store = workplace.store();
    assert_eq!(batch(&["rollback", "1", "--store", &store]).code, 0);
    // It holds the path of the folder that the store was written in.
    std::fs::remove_file(workplace.path("store/views.sql")).unwrap();
    std::fs::remove_dir_all(workplace.path("store/.staging")).unwrap();
    remove_paths(&workplace.path("store/rejects"), workplace.path("").to_str().unwrap());

    let fixture = fixtures().join(format!("store-schema-{SCHEMA_VERSION}"));
    assert!(!fixture.exists(), "a fixture is never written again: {}", fixture.display());
    copy(&workplace.path("store"), &fixture.join("store"));
    let expected = serde_json::to_string_pretty(&answers(&workplace)).unwrap();
    std::fs::write(fixture.join("expected.json"), format!("{expected}\n")).unwrap();
}

/// Leaves only the names of the files that rejects came from.
fn remove_paths(folder: &Path, of: &str) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path().join("rejects.csv");
        let text = std::fs::read_to_string(&path).unwrap().replace(of, "");
        std::fs::write(path, text).unwrap();
    }
}

/// User, item, and the rating or a tombstone.
type Accepted = (&'static str, &'static str, Option<f32>);

/// What two ledgers accepted: abby rates 3 and 5, ann thinks better of 1, dan takes 4 back.
fn write_segments(workplace: &Workplace) {
    let store = FolderStore::open(workplace.path("store")).unwrap();
    let date = "2026-01-02".parse().unwrap();
    let noon = 1_767_355_200_000_000;
    let segments: [(&str, &[Accepted]); 2] = [
        ("ledger-first0001", &[("abby", "3", Some(6.0)), ("ann", "1", Some(2.5))]),
        ("ledger-second002", &[("dan", "4", None), ("abby", "5", Some(7.0))]),
    ];
    for (ledger, entries) in segments {
        let mut writer = PartWriter::<Profiles>::new().unwrap();
        for (&(user_id, item_id, rating), order_sequence) in entries.iter().zip(1u64..) {
            let order_micros = noon + order_sequence.cast_signed();
            let row = ProfileRow {
                user_id,
                item_id,
                rating,
                rated_at: noon,
                order_micros,
                order_origin: ledger,
                order_sequence,
            };
            writer.push(&row).unwrap();
        }
        let part = writer.finish().unwrap();
        store.create(&ObjectKey::segment(date, ledger, 1), part.bytes).unwrap();
    }
}
