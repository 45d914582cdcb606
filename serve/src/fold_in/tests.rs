//! What an accepted rating comes to.

#![allow(clippy::unwrap_used)]
use std::fs;
use std::path::Path;

use akin_schemas::UserId;
use akin_store::open_store;
use serde_json::Value;

use super::*;
use crate::ledger::Submission;
use crate::ledger::faulty_disk::FaultyDisk;
use crate::ledger::gated::Gated;

fn fold_in() -> FoldIn<'static> {
    FoldIn {
        version: "v20261123T204500Z-x7k2".parse().unwrap(),
        user: "abby".into(),
        rated: RatedItem { item_id: "1".into(), known: false, title: None },
        unknown_genres: Vec::new(),
        recommendations: Vec::new(),
    }
}

#[test]
fn an_output_beyond_the_limit_of_step_functions_fails_and_says_why() {
    let of_length = |bytes: usize| {
        let user = |length| FoldIn { user: "x".repeat(length).into(), ..fold_in() };
        let rest = JsonText::of(&user(0)).unwrap().as_str().len();
        ended(&user(bytes - rest)).unwrap()
    };
    assert!(matches!(of_length(LONGEST_DATA), Outcome::Succeeded(_)));
    let too_long = of_length(LONGEST_DATA + 1);
    assert!(
        matches!(too_long, Outcome::Failed { error, .. } if error == "States.DataLimitExceeded")
    );
}

/// Copies a file of the store of the tests, or all below a folder of it, to another store.
fn copy(key: &str, to: &Path) {
    let fixture =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/store-schema-1/store");
    let from = fixture.join(key);
    if from.is_dir() {
        for entry in fs::read_dir(from).unwrap() {
            let name = entry.unwrap().file_name();
            copy(&format!("{key}/{}", name.to_str().unwrap()), to);
        }
    } else {
        fs::create_dir_all(to.join(key).parent().unwrap()).unwrap();
        fs::copy(from, to.join(key)).unwrap();
    }
}

#[test]
fn a_version_that_takes_over_while_the_ledger_is_read_is_the_one_that_is_folded_into() {
    let folder = tempfile::tempdir().unwrap();
    for part in ["neighbours", "items", "profiles", "manifests/00000000000000000001.json"] {
        copy(part, folder.path());
    }
    let live = Arc::new(Live::new(open_store(folder.path().to_str().unwrap()).unwrap()));
    live.refresh(|_| {});
    assert_eq!(live.current().unwrap().manifest.sequence, 1);

    // The second version has what the user "dan" rated; by then the ledger has let go of it.
    let ledger = Gated::open(FaultyDisk::default().ledger().unwrap());
    let rating = |item: &str| Submission {
        user: UserId::try_from("dan").unwrap(),
        item: ItemId::try_from(item).unwrap(),
        rating: None,
        input: "{}".to_owned(),
    };
    let accepted = ledger.accept(&[rating("no such item")], &[], 5).unwrap().remove(0);
    // More than are handed over with it.
    let accepted = Accepted { entries: Arc::default(), ..accepted };
    let (serving, folder) = (live.clone(), folder.path().to_owned());
    ledger.before_entries(move |ledger| {
        copy("manifests/00000000000000000002.json", &folder);
        serving.refresh(|_| {});
        ledger.mark_flushed(1).unwrap();
        let through = [(ledger.origin(), 1)].into();
        assert_eq!(ledger.forget_contained(&through, 9), Ok(1));
    });
    let outcome = outcome(&live, &ledger, &mut Scorer::default(), &accepted, 10).unwrap();
    let Outcome::Succeeded(output) = outcome else { panic!("{outcome:?}") };
    let output: Value = serde_json::from_str(output.json().unwrap().as_str()).unwrap();
    let second = live.current().unwrap().manifest.version.to_string();
    assert_eq!(output["version"], second.as_str(), "{output}");
    let recommendations = output["recommendations"].as_array().unwrap();
    let is_founded = |one: &Value| !one["because"].as_array().unwrap().is_empty();
    assert!(recommendations.iter().any(is_founded), "{output}");
}
