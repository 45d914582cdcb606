//! Bad input and wrong usage have their exit codes and messages.

use std::io::Write;

use crate::harness::{RATINGS, Workplace, batch};

#[test]
fn input_that_cannot_be_used_ends_with_3_and_publishes_nothing() {
    let half_bad = "userId,movieId,rating,timestamp\n1,1,5,1\n1,2,x,1\n";
    let float_ids = "userId,movieId,rating,timestamp\n";
    let cases: [(&str, &str, &str); 6] = [
        ("half-bad.csv", half_bad, "1 of 2 records were rejected"),
        ("empty.csv", "", "empty"),
        ("no-header.csv", "1,1,5,1\n1,2,5,1\n", "header"),
        ("other-columns.csv", "user,title\n1,2\n", "header"),
        ("header-only.csv", float_ids, "no ratings"),
        ("missing.csv", "\0", "missing.csv"),
    ];
    let workplace = Workplace::new();
    for (name, text, expected) in cases {
        let path = workplace.text(name);
        if text != "\0" {
            workplace.write(name, text);
        }
        let run = batch(&["run", "--ratings", &path, "--store", &workplace.store()]);
        assert_eq!(run.code, 3, "{name}: {}", run.stderr);
        assert!(run.error().contains(expected), "{name}: {}", run.error());
        assert!(run.stdout.is_empty(), "{name}");
    }
    assert!(!workplace.path("store/manifests").exists());
}

#[test]
fn rejects_under_the_limit_are_counted_and_kept_and_the_run_goes_on() {
    let workplace = Workplace::new();
    let ratings = format!("{RATINGS}eve,1,NaN,1009\neve,1,11,1010\n,1,5,1011\n");
    let ratings = workplace.write("ratings.csv", ratings);
    let refused = batch(&["run", "--ratings", &ratings, "--store", &workplace.store()]);
    assert_eq!(refused.code, 3);
    assert!(refused.error().contains("--max-reject-share"), "{}", refused.error());
    let summary = workplace.publish(&["--max-reject-share", "0.5"]).summary();
    assert_eq!((&summary["ratings_read"], &summary["ratings_rejected"]), (&12.into(), &3.into()));
    assert_eq!(summary["rejected_by_reason"]["empty id"], 1);
    let version = summary["version"].as_str().unwrap();
    let rejects = workplace.path(&format!("store/rejects/version={version}/rejects.csv"));
    let rejects = std::fs::read_to_string(rejects).unwrap();
    let lines: Vec<&str> = rejects.lines().collect();
    assert_eq!(lines.len(), 4, "{rejects}");
    assert!(lines[1].contains("ratings.csv") && lines[1].contains("\"11\""), "{rejects}");
}

#[test]
fn wrong_usage_ends_with_2() {
    let workplace = Workplace::new();
    let (ratings, store) = (workplace.text("ratings.csv"), workplace.store());
    let run = ["run", "--ratings", &ratings, "--store", &store];
    for more in [
        &["--no-such-option"][..],
        &["--top-k", "0"],
        &["--threads", "0"],
        &["--max-reject-share", "2"],
        &["--rating-range", "5:1"],
        &["--measure", "vibes"],
    ] {
        let run = batch(&[&run, more].concat());
        assert_eq!(run.code, 2, "{more:?}: {}", run.stderr);
    }
    assert_eq!(batch(&[]).code, 2);
    assert_eq!(batch(&["run", "--store", &store]).code, 2);
}

#[test]
fn what_would_not_fit_in_memory_ends_with_7_before_it_is_tried() {
    let workplace = Workplace::new();
    let out = workplace.text("made");
    let made = ["synth", "--users", "2000", "--items", "500", "--ratings", "60000", "--out", &out];
    assert_eq!(batch(&made).code, 0);
    for mebibytes in ["1", "3"] {
        let (ratings, store) = (format!("{out}/ratings.csv"), workplace.store());
        let run = ["run", "--ratings", &ratings, "--store", &store, "--max-memory", mebibytes];
        let run = batch(&run);
        assert_eq!(run.code, 7, "{mebibytes}: {}", run.stderr);
        assert!(run.error().contains("--max-memory"), "{}", run.error());
    }
    assert!(!workplace.path("store/manifests").exists());
}

#[test]
fn compressed_files_parquet_and_globs_give_the_same_version() {
    let workplace = Workplace::new();
    let plain = workplace.publish(&[]).summary();
    let store = workplace.store();
    let sums = || workplace.current()["parts"]["neighbours"][0]["sha256"].clone();
    let expected = sums();

    let (head, rows) = RATINGS.split_once('\n').unwrap();
    let rows: Vec<&str> = rows.lines().collect();
    for (name, rows) in [("part-1.csv", &rows[..4]), ("part-2.csv", &rows[4..])] {
        workplace.write(name, format!("{head}\n{}\n", rows.join("\n")));
    }
    let glob = workplace.text("part-*.csv");
    assert_eq!(batch(&["run", "--ratings", &glob, "--store", &store]).code, 0);
    assert_eq!(sums(), expected);

    let mut gzip = std::process::Command::new("gzip")
        .arg("-c")
        .stdin(std::process::Stdio::piped())
        .stdout(std::fs::File::create(workplace.path("ratings.csv.gz")).unwrap())
        .spawn()
        .unwrap();
    gzip.stdin.take().unwrap().write_all(RATINGS.as_bytes()).unwrap();
    assert!(gzip.wait().unwrap().success());
    let gz = workplace.text("ratings.csv.gz");
    assert_eq!(batch(&["run", "--ratings", &gz, "--store", &store]).code, 0);
    assert_eq!(sums(), expected);
    assert_eq!(plain["sequence"], 1);
}

#[test]
fn synth_refuses_to_overwrite_and_its_output_can_be_run() {
    let workplace = Workplace::new();
    let out = workplace.text("made");
    let made = ["synth", "--users", "50", "--items", "40", "--ratings", "600", "--out", &out];
    assert_eq!(batch(&made).code, 0);
    let again = batch(&made);
    assert_eq!(again.code, 2);
    assert!(again.error().contains("already exists"), "{}", again.error());
    let parquet = workplace.text("parquet");
    let made = ["synth", "--users", "50", "--items", "40", "--ratings", "600", "--out", &parquet];
    assert_eq!(batch(&[&made[..], &["--format", "parquet"]].concat()).code, 0);
    for file in [format!("{out}/ratings.csv"), format!("{parquet}/ratings.parquet")] {
        let items = format!("{out}/movies.csv");
        let store = workplace.store();
        let run =
            batch(&["run", "--ratings", &file, "--items", &items, "--store", &store, "--json"]);
        assert_eq!(run.summary()["ratings"], 600);
    }
}
