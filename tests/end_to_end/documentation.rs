//! What the documentation tells the data team to run.

use std::path::Path;
use std::process::Command;

use crate::harness::{RATINGS, Server, Workplace, post_rating, program, send};

/// Two versions, files of a run that was broken off, and a segment that is younger than both.
fn store_with_a_history() -> Workplace {
    let workplace = Workplace::new();
    // Something speaks against item 1.
    let signed = ["--measure", "adjusted-cosine"];
    let first = workplace.publish(&signed).summary()["version"].as_str().unwrap().to_owned();
    workplace.write("ratings.csv", format!("{RATINGS}eve,1,5,2000\neve,4,4,2001\n"));
    workplace.publish(&signed).summary();
    let server = Server::start_ready(&workplace, &[]);
    post_rating(&server, "ann", "1", 2.0);
    post_rating(&server, "abby", "3", 6.0);
    post_rating(&server, "cat", "3", 3.7);
    assert_eq!(send(&server, "DELETE", "/users/bob/ratings/2", &[], None).status, 202);
    post_rating(&server, "dan", "1", 4.5);
    assert!(server.stop().success());
    for table in ["neighbours", "items", "profiles"] {
        let folder = workplace.path(&format!("store/{table}"));
        let orphan = folder.join("version=v20260101T000000Z-dead");
        std::fs::create_dir(&orphan).unwrap();
        let part = folder.join(format!("version={first}/part-00000.parquet"));
        std::fs::copy(part, orphan.join("part-00000.parquet")).unwrap();
    }
    workplace
}

/// Runs one of the scripts beside this folder over a store with a history, by the Python of `target/<venv>`.
fn run_documented(script: &str, venv: &str, more: &[&str]) {
    let workplace = store_with_a_history();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let python = sources.join("target").join(venv).join("bin/python");
    let output = Command::new(&python)
        .arg(sources.join("tests").join(script))
        .arg("--sources")
        .arg(sources)
        .args(more)
        .current_dir(workplace.path(""))
        .output()
        .unwrap_or_else(|error| {
            panic!(
                "cannot start {}: {error}; see the Makefile for what installs it",
                python.display()
            )
        });
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    eprintln!("{}", text(&output.stdout));
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn the_documented_queries_give_what_the_manifests_say() {
    let program = program("akin-batch");
    let asks = ["--akin-batch", program.to_str().unwrap()];
    run_documented("documented_queries.py", "venv", &asks);
}

#[test]
#[ignore = "needs Spark, which is large: make test-spark"]
fn the_documented_queries_for_spark_give_what_the_manifests_say() {
    run_documented("documented_queries.py", "venv", &["--spark"]);
}

#[test]
fn the_documented_analyses_find_what_the_segments_hold() {
    run_documented("documented_analysis.py", "venv", &[]);
}

#[test]
#[ignore = "needs ClickHouse, which is large: make test-clickhouse"]
fn the_documented_analyses_for_clickhouse_find_what_the_segments_hold() {
    run_documented("documented_analysis.py", "venv-clickhouse", &["--clickhouse"]);
}
