//! What other programs read by a table's path alone, while versions come, go and come back.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use akin_schemas::stage::Begun;
use akin_schemas::{Manifest, ObjectKey};
use akin_store::{FolderStore, Publication, Store, extend_delta_logs, read_manifest};
use chrono::Utc;

use crate::harness::{RATINGS, Workplace, batch, emulator};

const TABLES: [&str; 3] = ["neighbours", "items", "profiles"];

/// Reads all versions with every engine that schemas/README.md names, and compares them with the manifests.
fn read_by_path(store: &str, entries: usize, gone: &[&str]) {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let python = sources.join("target/venv-delta/bin/python");
    let mut command = Command::new(&python);
    command.arg(sources.join("tests/delta_readers.py")).arg(sources.join("schemas/README.md"));
    command.args([store, &entries.to_string()]).args(gone);
    if store.starts_with("s3://") {
        let endpoint = emulator().endpoint();
        for (name, value) in [
            ("AWS_ENDPOINT_URL", &*endpoint),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ALLOW_HTTP", "true"),
        ] {
            command.env(name, value);
        }
    }
    let output = command.output().unwrap_or_else(|error| {
        panic!("cannot start {}: {error}; make test-delta installs it", python.display())
    });
    eprintln!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Three versions and a rollback, of which the last has lost its entries, as when a run ends right after its commit.
fn read_a_history(workplace: &Workplace, lose: impl Fn(&str)) {
    let store = workplace.store();
    let mut ratings = RATINGS.to_owned();
    for user in ["eve", "fay", "gil"] {
        workplace.publish(&[]).summary();
        ratings.push_str(&format!("{user},1,5,2000\n{user},4,4,2001\n"));
        workplace.write("ratings.csv", &ratings);
    }
    read_by_path(&store, 3, &[]);
    let rolled_back = batch(&["rollback", "1", "--store", &store]);
    assert_eq!(rolled_back.code, 0, "{}", rolled_back.stderr);
    read_by_path(&store, 4, &[]);
    for table in TABLES {
        lose(&format!("{table}/_delta_log/{:020}.json", 3));
    }
    read_by_path(&store, 3, &[]);
    let check =
        |more: &[&str]| batch(&[&["check", "--store", &store, "--json"], more].concat()).summary();
    assert_eq!(check(&[])["notes"].as_array().unwrap().len(), 3);
    // The next run adds what is missing and its own.
    workplace.publish(&[]).summary();
    read_by_path(&store, 5, &[]);
    for table in TABLES {
        lose(&format!("{table}/_delta_log/{:020}.json", 4));
    }
    assert_eq!(check(&["--repair"])["repaired"].as_array().unwrap().len(), 3);
    read_by_path(&store, 5, &[]);
}

#[test]
#[ignore = "needs five engines, which are large: make test-delta"]
fn tables_by_path_are_what_the_manifests_say_in_a_folder() {
    let workplace = Workplace::new();
    read_a_history(&workplace, |key| {
        std::fs::remove_file(workplace.path("store").join(key)).unwrap();
    });
    // A clean-up: what is old cannot be read any more, what is kept can.
    for table in TABLES {
        for version in std::fs::read_dir(workplace.path("store").join(table)).unwrap() {
            let part = version.unwrap().path().join("part-00000.parquet");
            if let Ok(part) = std::fs::File::options().append(true).open(part) {
                part.set_modified(SystemTime::now() - Duration::from_secs(100 * 3600)).unwrap();
            }
        }
    }
    let cleaned = batch(&["gc", "--keep", "2", "--delete", "--store", &workplace.store()]);
    assert_eq!(cleaned.code, 0, "{}", cleaned.stderr);
    // The rollback keeps the first version's neighbours and items, and the third's ratings.
    let gone = ["neighbours:1", "neighbours:2", "items:1", "items:2", "profiles:0", "profiles:1"];
    read_by_path(&workplace.store(), 5, &gone);
}

#[test]
#[ignore = "needs five engines, which are large: make test-delta"]
fn tables_by_path_are_what_the_manifests_say_on_s3() {
    let workplace = Workplace::on_s3();
    let store = workplace.store();
    let bucket_and_prefix = store.strip_prefix("s3:/").unwrap();
    read_a_history(&workplace, |key| {
        let path = format!("{bucket_and_prefix}/{key}");
        assert_eq!(emulator().request("DELETE", &path, b"").0, 204);
    });
}

#[test]
#[ignore = "needs five engines, which are large: make test-delta"]
fn tables_by_path_are_what_the_manifests_say_after_a_checkpoint() {
    let workplace = Workplace::new();
    for _ in 0..2 {
        workplace.publish(&[]).summary();
    }
    let store = FolderStore::open(workplace.path("store")).unwrap();
    let turns = [1, 2].map(|sequence| read_manifest(&store, sequence).unwrap());
    for sequence in 3..=104_u64 {
        let begun = Publication::begin(&store, Utc::now()).unwrap().begun().clone();
        let turn = &turns[usize::from(sequence % 2 == 0)];
        let Begun { version, write_id, started_at, .. } = begun;
        let next = Manifest { sequence, version, write_id, started_at, ..turn.clone() };
        let bytes = next.encode().unwrap().into();
        store.create(&ObjectKey::manifest(sequence), bytes).unwrap();
        extend_delta_logs(&store, &next).unwrap();
    }
    assert!(workplace.path("store/items/_delta_log/_last_checkpoint").exists());
    // Readers start from it, so that nobody misses what was before.
    for table in TABLES {
        for number in 4..97 {
            let entry = format!("store/{table}/_delta_log/{number:020}.json");
            std::fs::remove_file(workplace.path(&entry)).unwrap();
        }
    }
    read_by_path(&workplace.store(), 104, &[]);
    let check = batch(&["check", "--repair", "--store", &workplace.store(), "--json"]).summary();
    assert_eq!(check["repaired"].as_array().unwrap().len(), 3 * 93);
    read_by_path(&workplace.store(), 104, &[]);
}

#[test]
fn a_run_of_today_gives_a_store_of_yesterday_its_logs() {
    let workplace = Workplace::new();
    for _ in 0..2 {
        workplace.publish(&[]).summary();
    }
    for table in TABLES {
        std::fs::remove_dir_all(workplace.path("store").join(table).join("_delta_log")).unwrap();
    }
    // Even one that finds nothing new.
    let unchanged = workplace.publish(&["--if-changed"]).summary();
    assert_eq!(unchanged["published"], false, "{unchanged}");
    let check = batch(&["check", "--store", &workplace.store(), "--json"]).summary();
    assert_eq!((&check["log_entries"], &check["notes"]), (&6.into(), &serde_json::json!([])));
    // What stands in the way is told of, and the run is published all the same.
    let foreign = workplace.path("store/items/_delta_log").join(format!("{:020}.json", 2));
    std::fs::write(&foreign, "{\"commitInfo\":{\"operation\":\"VACUUM START\"}}\n").unwrap();
    let run = workplace.publish(&[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("akin-batch check --repair"), "{}", run.stderr);
    let check = |more: &[&str]| {
        batch(&[&["check", "--store", &workplace.store(), "--json"], more].concat())
    };
    assert_eq!(check(&[]).code, 5);
    let repaired = check(&["--repair"]).summary();
    assert_eq!(
        (&repaired["log_entries"], &repaired["damage"]),
        (&8.into(), &serde_json::json!([]))
    );
    assert_eq!(check(&[]).summary()["log_entries"], 9);
}
