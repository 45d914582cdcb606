//! Titles and genres stay known until an operator drops them, whichever runs forget to name a catalogue.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::harness::{BatchRun, ITEMS, Workplace, batch};

/// A run of the ratings without a catalogue.
fn without_items(workplace: &Workplace, more: &[&str]) -> BatchRun {
    let (ratings, store) = (workplace.text("ratings.csv"), workplace.store());
    batch(&[&["run", "--ratings", &ratings, "--store", &store, "--json"], more].concat())
}

/// What the current version says of every item: its title, and its genres with `|` between.
fn known(workplace: &Workplace) -> BTreeMap<String, (Option<String>, String)> {
    let store = workplace.store();
    let one = |item: &str| {
        let shown = batch(&["show", item, "--store", &store, "--json"]);
        (shown.code == 0).then(|| shown.summary()["item"].clone())
    };
    let items = ["1", "2", "3", "4", "5", "6"].into_iter().filter_map(|id| Some((id, one(id)?)));
    items
        .map(|(id, item)| {
            let genres = item["genres"].as_array().unwrap().iter();
            let genres: Vec<_> = genres.map(|genre| genre.as_str().unwrap()).collect();
            let title = item["title"].as_str().map(str::to_owned);
            (id.to_owned(), (title, genres.join("|")))
        })
        .collect()
}

fn all() -> BTreeMap<String, (Option<String>, String)> {
    let rows = [
        ("1", "Harbour Lights, The (1999)", "Drama|Romance"),
        ("2", "Second Wind (2001)", "Drama"),
        ("3", "Iron Comet (1984)", "Sci-Fi"),
        ("4", "Quiet Orbit (1992)", "Sci-Fi|Thriller"),
        ("5", "Never Rated (2020)", ""),
    ];
    rows.map(|(id, title, genres)| (id.to_owned(), (Some(title.to_owned()), genres.to_owned())))
        .into()
}

/// How many titles a run has, and the version before.
fn titles(summary: &Value) -> [Option<u64>; 2] {
    ["titles", "titles_before"].map(|name| summary[name].as_u64())
}

/// The path of a version's items.
fn items_of(workplace: &Workplace, summary: &Value) -> PathBuf {
    let version = summary["version"].as_str().unwrap();
    workplace.path(&format!("store/items/version={version}/part-00000.parquet"))
}

/// Makes a manifest one of the programs that did not say whether titles are complete.
fn make_old(workplace: &Workplace, sequence: u64) {
    let path = workplace.path(&format!("store/manifests/{sequence:020}.json"));
    let whole = std::fs::read_to_string(&path).unwrap();
    let manifest: Value = serde_json::from_str(&whole).unwrap();
    let mut body = manifest["body"].clone();
    assert_eq!(body.as_object_mut().unwrap().remove("titles_complete"), Some(true.into()));
    let body = body.to_string();
    let sum = akin_schemas::Checksum::of(body.as_bytes());
    std::fs::write(&path, format!("{{\"sha256\":\"{sum}\",\"body\":{body}}}\n")).unwrap();
}

#[test]
fn no_run_without_a_catalogue_loses_a_title() {
    let workplace = Workplace::new();
    let first = workplace.publish(&[]).summary();
    assert_eq!(titles(&first), [Some(5), None]);
    let config = workplace.write("best.json", r#"{"measure": "cosine", "top-k": 10}"#);
    for more in [
        &[][..],
        &["--with-ledger"],
        &["--without-ledger", "--measure", "lift"],
        &["--config", &config, "--with-ledger", "--guard"],
    ] {
        let summary = without_items(&workplace, more).summary();
        assert_eq!(titles(&summary), [Some(5), Some(5)], "{more:?}");
        assert_eq!((&summary["items"], &summary["warnings"]), (&5.into(), &json!([])));
        assert_eq!(known(&workplace), all(), "{more:?}");
    }
    let store = workplace.store();
    batch(&["run", "--since-last", "--store", &store, "--json"]).summary();
    assert_eq!(known(&workplace), all());

    // Other ratings, in which hardly an item is left.
    workplace.write("ratings.csv", "userId,movieId,rating,timestamp\nann,1,5,1000\nann,6,5,1000\n");
    let summary = without_items(&workplace, &[]).summary();
    assert_eq!((titles(&summary), &summary["items"]), ([Some(5), Some(5)], &6.into()));
    let mut expected = all();
    expected.insert("6".to_owned(), (None, String::new()));
    assert_eq!(known(&workplace), expected);
}

#[test]
fn a_workflow_without_a_catalogue_keeps_titles_and_tells_what_a_run_does() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let publish = |name: &str, options: Value| {
        let request = json!({"run": name, "store": workplace.store(), "options": options});
        let ingest = batch(&["ingest", &request.to_string()]).summary();
        let document = json!({"ingest": ingest});
        let similar = batch(&["similarities", "--shard", "1/1", &document.to_string()]).summary();
        let evaluate = batch(&["evaluate", &document.to_string()]).summary();
        let together = json!({"ingest": ingest, "similarities": [similar], "evaluate": evaluate});
        let published = batch(&["publish", &together.to_string()]).summary();
        let report = json!({"publish": published});
        (ingest, evaluate, batch(&["report", &report.to_string()]).summary())
    };
    let ratings = workplace.text("ratings.csv");
    let (ingest, ..) = publish("keeps", json!({"ratings": [ratings]}));
    assert_eq!(titles(&ingest), [Some(5), Some(5)]);
    assert_eq!(known(&workplace), all());
    assert_eq!(workplace.current()["titles_complete"], true);

    let options = json!({"ratings": [ratings], "drop-items": true, "guard": 0.05});
    let (ingest, evaluate, report) = publish("drops", options);
    let fell = "titles fell from 5 to 0";
    assert_eq!(ingest["warnings"], json!([fell]));
    assert!(evaluate["reason"].as_str().unwrap().ends_with(fell), "{evaluate}");
    assert!(report["warnings"].as_array().unwrap().contains(&fell.into()), "{report}");
    assert!(known(&workplace).values().all(|(title, genres)| title.is_none() && genres.is_empty()));
}

#[test]
fn what_a_new_catalogue_lacks_is_kept_and_what_it_says_stands() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let text = "movieId,title,genres\n1,Harbour Light,\n2,,War\n4,Quiet Orbit,(no genres listed)\n6,New,\n";
    workplace.write("movies.csv", text);
    let summary = workplace.publish(&[]).summary();
    assert_eq!(titles(&summary), [Some(6), Some(5)]);
    let mut expected = all();
    for (id, title, genres) in [
        ("1", "Harbour Light", "Drama|Romance"),
        ("2", "Second Wind (2001)", "War"),
        ("4", "Quiet Orbit", ""),
        ("6", "New", ""),
    ] {
        expected.insert(id.to_owned(), (Some(title.to_owned()), genres.to_owned()));
    }
    assert_eq!(known(&workplace), expected);
    // The text says how many there were, where it is another number.
    let (ratings, store) = (workplace.text("ratings.csv"), workplace.store());
    let run = batch(&["run", "--ratings", &ratings, "--store", &store, "--drop-items"]);
    assert!(run.stdout.contains("  titles        0 (before 6)\n"), "{}", run.stdout);
    assert!(run.stdout.ends_with("warning       titles fell from 6 to 0\n"), "{}", run.stdout);
    let run = batch(&["run", "--ratings", &ratings, "--store", &store]);
    assert!(run.stdout.contains("  titles        0\n"), "{}", run.stdout);
}

#[test]
fn titles_are_dropped_when_asked_for_and_then_for_good() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let some: String = ITEMS.lines().take(3).map(|line| format!("{line}\n")).collect();
    workplace.write("movies.csv", &some);
    let summary = workplace.publish(&["--drop-items"]).summary();
    assert_eq!((titles(&summary), &summary["items"]), ([Some(2), Some(5)], &4.into()));
    assert_eq!(summary["warnings"], json!(["titles fell from 5 to 2"]));
    let version = summary["version"].as_str().unwrap();
    let report = workplace.path(&format!("store/reports/version={version}/report.html"));
    let page = std::fs::read_to_string(report).unwrap();
    assert_eq!(page.matches("<li>titles fell from 5 to 2").count(), 1, "{page}");
    assert_eq!(titles(&without_items(&workplace, &[]).summary()), [Some(2), Some(2)]);
    let store = workplace.store();
    let since = batch(&["run", "--since-last", "--store", &store, "--json"]).summary();
    assert_eq!(titles(&since), [Some(2), Some(2)]);
}

#[test]
fn titles_that_older_programs_lost_are_found_in_the_versions_before() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    // As older programs published a run without a catalogue: no titles, and no item that nobody rated.
    without_items(&workplace, &["--drop-items"]).summary();
    make_old(&workplace, 1);
    make_old(&workplace, 2);
    for more in [&["--since-last"][..], &[]] {
        let summary = without_items(&workplace, more).summary();
        assert_eq!(titles(&summary), [Some(5), Some(0)], "{more:?}");
        assert_eq!(known(&workplace), all());
        std::fs::remove_file(workplace.path("store/manifests/00000000000000000003.json")).unwrap();
    }
    // Dropped on purpose, they stay so, though an older version has them.
    assert_eq!(titles(&without_items(&workplace, &["--drop-items"]).summary())[0], Some(0));
    assert_eq!(titles(&without_items(&workplace, &[]).summary())[0], Some(0));
}

#[test]
fn only_what_changes_is_published_if_changed() {
    let workplace = Workplace::new();
    workplace.publish(&["--if-changed"]).summary();
    let published = |run: BatchRun| run.summary()["published"].clone();
    assert_eq!(published(without_items(&workplace, &["--if-changed"])), false);
    assert_eq!(published(without_items(&workplace, &["--if-changed", "--drop-items"])), true);
    assert_eq!(published(without_items(&workplace, &["--if-changed", "--drop-items"])), false);
    assert_eq!(published(workplace.publish(&["--if-changed"])), true);
    // Of a part of the catalogue nothing is new.
    let some: String = ITEMS.lines().take(3).map(|line| format!("{line}\n")).collect();
    workplace.write("movies.csv", some);
    assert_eq!(published(workplace.publish(&["--if-changed"])), false);
    workplace.write("movies.csv", "movieId,genres\n5,War\n");
    assert_eq!(published(workplace.publish(&["--if-changed"])), true);
}

#[test]
fn items_that_cannot_be_read_stop_no_run_and_are_found_once_they_are_restored() {
    let workplace = Workplace::new();
    let first = workplace.publish(&[]).summary();
    workplace.write("movies.csv", format!("{ITEMS}6,Late Arrival (2026),Drama\n"));
    let second = workplace.publish(&[]).summary();
    // The newest version has it all: the one before is not read again.
    let (old, newest) = (items_of(&workplace, &first), items_of(&workplace, &second));
    let bytes = std::fs::read(&newest).unwrap();
    std::fs::rename(&old, workplace.path("aside")).unwrap();
    let third = without_items(&workplace, &[]);
    assert_eq!(titles(&third.summary()), [Some(6), Some(6)]);
    assert!(!third.stderr.contains("cannot be kept"), "{}", third.stderr);
    std::fs::remove_file(workplace.path("store/manifests/00000000000000000003.json")).unwrap();

    std::fs::rename(workplace.path("aside"), &old).unwrap();
    std::fs::write(&newest, &bytes[1..]).unwrap();
    let passed = without_items(&workplace, &[]).summary();
    assert_eq!(titles(&passed), [Some(5), None]);
    let warning = passed["warnings"][0].as_str().unwrap();
    for part in [second["version"].as_str().unwrap(), "cannot be kept", "part-00000.parquet"] {
        assert!(warning.contains(part), "{warning}");
    }
    std::fs::write(&newest, &bytes).unwrap();
    assert_eq!(titles(&without_items(&workplace, &[]).summary()), [Some(6), Some(5)]);
}
