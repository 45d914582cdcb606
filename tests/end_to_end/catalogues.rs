//! Catalogues of every kind, and those that do not fit the ratings.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

use crate::harness::{BatchRun, Workplace, batch};

/// Publishes the small ratings with another catalogue.
fn with_items(workplace: &Workplace, items: &str, more: &[&str]) -> BatchRun {
    let (ratings, store) = (workplace.text("ratings.csv"), workplace.store());
    let run = ["run", "--ratings", &ratings, "--items", items, "--store", &store];
    batch(&[&run[..], more].concat())
}

fn shown(workplace: &Workplace, item: &str) -> [Value; 2] {
    let shown = batch(&["show", item, "--store", &workplace.store(), "--json"]).summary();
    ["title", "genres"].map(|name| shown["item"][name].clone())
}

fn parquet() -> Vec<u8> {
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let titles: ArrayRef = Arc::new(StringArray::from(vec![Some("One"), None]));
    let batch = RecordBatch::try_from_iter([("item_id", ids), ("name", titles)]).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn titles_without_genres_and_genres_without_titles_are_taken() {
    let workplace = Workplace::new();
    let (one, none) = (json!("One"), Value::Null);
    let cases: [(&str, Vec<u8>, [Value; 2]); 5] = [
        ("titles.csv", b"movieId,title\n1,One\n".to_vec(), [one.clone(), json!([])]),
        (
            "personalize.csv",
            b"ITEM_ID,GENRES,CREATION_TIMESTAMP\n1,Drama|War,1500000000\n".to_vec(),
            [none.clone(), json!(["Drama", "War"])],
        ),
        ("titles.jsonl", b"{\"item\":1,\"title\":\"One\"}\n".to_vec(), [one.clone(), json!([])]),
        (
            "genres.jsonl",
            b"{\"item\":\"1\",\"genres\":[\"War\"]}\n{\"item\":\"2\",\"title\":\"x\"}\n".to_vec(),
            [none, json!(["War"])],
        ),
        ("titles.parquet", parquet(), [one, json!([])]),
    ];
    for (name, bytes, expected) in cases {
        let items = workplace.write(name, bytes);
        let run = with_items(&workplace, &items, &["--drop-items", "--json"]);
        assert_eq!(run.summary()["warnings"].as_array().unwrap().len(), 0, "{name}");
        assert_eq!(shown(&workplace, "1"), expected, "{name}");
        std::fs::remove_dir_all(workplace.path("store")).unwrap();
    }
    // What one lacks the other has.
    let [titles, genres] = ["titles.csv", "personalize.csv"].map(|name| workplace.text(name));
    with_items(&workplace, &titles, &["--json"]).summary();
    with_items(&workplace, &genres, &["--json"]).summary();
    assert_eq!(shown(&workplace, "1"), [json!("One"), json!(["Drama", "War"])]);
}

#[test]
fn what_is_no_catalogue_is_refused_in_words_that_fit_one() {
    let workplace = Workplace::new();
    for (name, text, expected) in [
        ("ratings.csv", "", "has no column for title (title,"),
        ("nothing.csv", "a,b\n1,2\n", "there is no header"),
        ("object.jsonl", "{\"item\":1,\"year\":1999}\n", "the first object has no title"),
    ] {
        if !text.is_empty() {
            workplace.write(name, text);
        }
        let run = with_items(&workplace, &workplace.text(name), &[]);
        assert_eq!(run.code, 3, "{name}: {}", run.stderr);
        let error = run.error();
        assert!(error.contains(expected) && error.contains(name), "{error}");
        assert!(error.contains("the item, and its title or its genres or both"), "{error}");
        assert!(!error.contains("--"), "a catalogue has no options of columns: {error}");
    }
    assert!(!workplace.path("store/manifests").exists());
}

#[test]
fn a_catalogue_of_which_too_much_cannot_be_read_is_refused_as_ratings_are() {
    let workplace = Workplace::new();
    let items = workplace.write("items.csv", "movieId,title\n1,One\n2\n3\n4\n");
    let document = json!({
        "run": "r",
        "store": workplace.store(),
        "options": {"ratings": workplace.text("ratings.csv"), "items": items},
    });
    let ratings = workplace.text("ratings.csv");
    for refused in [
        with_items(&workplace, &items, &[]),
        with_items(&workplace, &items, &["--max-reject-share", "0.7"]),
        batch(&["ingest", &document.to_string()]),
        batch(&["plan", "--ratings", &ratings, "--items", &items]),
    ] {
        assert_eq!(refused.code, 3, "{}", refused.stderr);
        for part in ["3 of 4 records", "items.csv:3: wrong number of fields", "--max-reject-share"]
        {
            assert!(refused.error().contains(part), "{part}: {}", refused.error());
        }
    }
    assert!(!workplace.path("store/manifests").exists());
    with_items(&workplace, &items, &["--max-reject-share", "0.75", "--json"]).summary();
    assert_eq!(shown(&workplace, "1")[0], "One");
}

#[test]
fn a_catalogue_that_names_no_rated_item_is_told_in_log_summary_and_report() {
    let workplace = Workplace::new();
    let rows: String = (1..=20).map(|n| format!("{n:07},Film {n},Drama\n")).collect();
    let items = workplace.write("items.csv", format!("movieId,title,genres\n{rows}"));
    let warning = "no catalogue row names a rated item: the catalogue has for example \"0000001\", the ratings \
                   have \"1\"; ids must be written alike in both";
    let run = with_items(&workplace, &items, &["--json"]);
    let summary = run.summary();
    assert_eq!(summary["warnings"], json!([warning]));
    assert!(run.stderr.contains(warning), "{}", run.stderr);
    let version = summary["version"].as_str().unwrap();
    let report = workplace.path(&format!("store/reports/version={version}/report.html"));
    let page = std::fs::read_to_string(report).unwrap();
    assert!(page.contains("<li>no catalogue row names a rated item"), "{page}");
    let text = with_items(&workplace, &items, &[]);
    assert!(text.stdout.ends_with(&format!("  warning       {warning}\n")), "{}", text.stdout);
    assert!(text.stdout.contains("/report.html\n  program "), "{}", text.stdout);
    // Titles of an earlier version do not hide it.
    workplace.publish(&[]).summary();
    let summary = with_items(&workplace, &items, &["--json"]).summary();
    assert_eq!(summary["warnings"], json!([warning]));
    assert_eq!(workplace.publish(&[]).summary()["warnings"], json!([]));
}

#[test]
fn what_spark_leaves_beside_its_data_is_passed_over_here_and_on_s3() {
    let ratings = |rows: &str| format!("userId,movieId,rating,timestamp\n{rows}");
    let files = [
        ("_SUCCESS", String::new()),
        ("._SUCCESS.crc", "crc".to_owned()),
        (".part-0.csv.crc", "crc".to_owned()),
        ("part-0.csv", ratings("ann,1,5,7\n")),
        ("part-1.csv", String::new()),
        ("part-2.csv", ratings("bob,1,4,7\nbob,2,4,7\n")),
    ];
    for workplace in [Workplace::new(), Workplace::on_s3()] {
        let is_on_s3 = workplace.store().starts_with("s3://");
        let mut sources = Vec::new();
        if is_on_s3 {
            let places =
                files.each_ref().map(|(name, text)| workplace.put(&format!("in/{name}"), text));
            let folder = places[0].strip_suffix("/_SUCCESS").unwrap().to_owned();
            sources.extend([format!("{folder}/*"), folder.clone(), format!("{folder}/")]);
        } else {
            std::fs::create_dir(workplace.path("in")).unwrap();
            for (name, text) in &files {
                workplace.write(&format!("in/{name}"), text);
            }
            sources.extend(["in/*", "in", "in/"].map(|source| workplace.text(source)));
        }
        for source in sources {
            let run =
                batch(&["run", "--ratings", &source, "--store", &workplace.store(), "--json"]);
            let summary = run.summary();
            let counts = ["ratings", "users", "ratings_rejected"].map(|name| summary[name].clone());
            assert_eq!(counts, [3, 2, 0].map(Value::from), "{source}");
            let plan = batch(&["plan", "--ratings", &source, "--json"]).summary();
            assert_eq!(plan["files"].as_array().unwrap().len(), 2, "{source}: {plan}");
        }
    }
}
