//! `akin-batch plan` looks at the input as a run would, and changes nothing.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{RATINGS, Workplace, batch};

fn gzip(workplace: &Workplace, name: &str, bytes: &[u8]) -> String {
    let packed = std::fs::File::create(workplace.path(name)).unwrap();
    let mut gzip =
        Command::new("gzip").arg("-c").stdin(Stdio::piped()).stdout(packed).spawn().unwrap();
    gzip.stdin.take().unwrap().write_all(bytes).unwrap();
    assert!(gzip.wait().unwrap().success());
    workplace.text(name)
}

#[test]
fn a_plan_says_how_each_file_is_understood_and_makes_nothing() {
    let workplace = Workplace::new();
    let csv = workplace.text("ratings.csv");
    let dat = gzip(&workplace, "ratings.dat.gz", b"eve::1::5::1009\neve::9::11::1010\n");
    let lines = workplace.write("r.jsonl", "{\"movieID\":7,\"user\":\"abby\",\"rating\":6}\n");
    let (items, store) = (workplace.text("movies.csv"), workplace.store());
    let arguments = ["--ratings", &csv, &dat, &lines, "--items", &items, "--store", &store];
    let arguments = [&arguments[..], &["--implicit-timestamp", "12", "--max-reject-share", "0.1"]];
    let planned = batch(&[&["plan", "--json"], &arguments.concat()[..]].concat()).summary();
    let file = |at: usize| {
        let file = &planned["files"][at];
        let keys = ["recognised_as", "user_column", "timestamp_column", "ratings", "first"];
        json!([file[keys[0]], file[keys[1]], file[keys[2]], file[keys[3]], file[keys[4]][0]])
    };
    let first = |user: &str, item: &str, rating: f32, at: &str| json!({ "user": user, "item": item, "rating": rating, "rated_at": at });
    let ann = first("ann", "1", 5.0, "1970-01-01T00:16:40Z");
    assert_eq!(file(0), json!(["csv", "userId", "timestamp", 9, ann]));
    let eve = first("eve", "1", 5.0, "1970-01-01T00:16:49Z");
    assert_eq!(file(1), json!(["dat, gzip", "field 1", "field 4", 2, eve]));
    let abby = first("abby", "7", 6.0, "1970-01-01T00:00:12Z");
    assert_eq!(file(2), json!(["jsonl", "user", "always 12", 1, abby]));
    let rejected =
        json!({ "line": 2, "rejected": "outside the rating range", "text": "eve::9::11::1010" });
    assert_eq!(planned["files"][1]["first"][1], rejected);
    let keys =
        ["ratings", "users_at_least", "items_at_least", "catalogue_items", "rejected_of_sampled"];
    assert_eq!(keys.map(|key| planned[key].clone()), [12, 6, 5, 5, 1].map(Value::from));
    assert_eq!((&planned["fits"], &planned["ratings_are_counted"]), (&true.into(), &true.into()));

    let shown = batch(&[&["plan"], &arguments.concat()[..]].concat());
    for part in ["would read 12 ratings from 3 files", "dat, gzip", "abby", "it fits", "userId"] {
        assert!(shown.stdout.contains(part), "{}", shown.stdout);
    }
    assert!(!workplace.path("store").exists());
    // Another word, and the same options make the version.
    let run = batch(&[&["run", "--json"], &arguments.concat()[..]].concat()).summary();
    assert_eq!(
        ["ratings", "ratings_rejected"].map(|key| run[key].clone()),
        [11, 1].map(Value::from)
    );
}

#[test]
fn ratings_of_large_files_are_estimated_from_their_beginning() {
    let workplace = Workplace::new();
    let planned = |path: &str| batch(&["plan", "--json", "--ratings", path]).summary();
    for format in ["csv", "parquet"] {
        let out = workplace.text(format);
        let size = ["--users", "2000", "--items", "500", "--ratings", "60000"];
        let made = ["synth", "--out", &out, "--format", format];
        assert_eq!(batch(&[&made, &size[..]].concat()).code, 0);
    }
    let exact = planned(&workplace.text("parquet/ratings.parquet"));
    assert_eq!((&exact["ratings"], &exact["ratings_are_counted"]), (&60_000.into(), &true.into()));
    let text = std::fs::read(workplace.path("csv/ratings.csv")).unwrap();
    for path in [workplace.text("csv/ratings.csv"), gzip(&workplace, "packed.gz", &text)] {
        let about = planned(&path);
        let ratings = about["ratings"].as_f64().unwrap();
        assert!((57_000.0..63_000.0).contains(&ratings), "{path}: {ratings}");
        assert_eq!(
            (&about["ratings_are_counted"], &about["sampled"]),
            (&false.into(), &10_000.into())
        );
        let shown = batch(&["plan", "--ratings", &path]).stdout;
        assert!(shown.starts_with("would read about "), "{shown}");
    }
}

#[test]
fn a_plan_ends_as_its_run_would() {
    let workplace = Workplace::new();
    let pipe = workplace.text("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let half_bad = format!("{RATINGS}eve,1,NaN,1009\n");
    let fine = workplace.text("ratings.csv");
    let cases = [
        (workplace.write("half-bad.csv", half_bad), 3, "1 of 10 records were rejected"),
        (workplace.write("header-only.csv", "user,item,rating,timestamp\n"), 3, "no ratings"),
        (workplace.write("no-header.csv", "1,1,5,1\n"), 3, "there is no header"),
        (workplace.write("damaged.parquet", "PAR1PAR1"), 3, "not a readable Parquet file"),
        (workplace.text("missing.csv"), 3, "there is no such file"),
        (pipe, 3, "a pipe, which a look would empty"),
    ];
    for (path, code, expected) in cases {
        let plan = batch(&["plan", "--ratings", &path]);
        assert_eq!(plan.code, code, "{path}: {}", plan.stderr);
        assert!(plan.error().contains(expected), "{path}: {}", plan.error());
    }
    let narrow = batch(&["plan", "--ratings", &fine, "--max-memory", "0"]);
    assert_eq!(narrow.code, 7, "{}", narrow.stderr);
    assert!(narrow.stdout.ends_with("it does not fit\n"), "{}", narrow.stdout);
    workplace.publish(&["--rating-range", "0:5"]).summary();
    for (range, code) in [("1:9", 2), ("0:9", 0)] {
        let other =
            ["plan", "--ratings", &fine, "--store", &workplace.store(), "--rating-range", range];
        assert_eq!(batch(&other).code, code, "{range}");
    }
}
