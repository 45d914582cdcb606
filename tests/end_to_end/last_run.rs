//! The record of the last run that ended well, and who shows it.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Server, Workplace, batch, get, metrics, post_rating, post_raw, wait_for};

const METRIC: &str = "akin_last_run_timestamp_seconds";

fn recorded(workplace: &Workplace) -> Option<Value> {
    let bytes = std::fs::read(workplace.path("store/last-run.json")).ok()?;
    Some(serde_json::from_slice(&bytes).unwrap())
}

fn finished(record: &Value) -> chrono::DateTime<chrono::Utc> {
    record["finished_at"].as_str().unwrap().parse().unwrap()
}

/// What the server tells is what the record says, to the millisecond.
fn shows(server: &Server, record: &Value) {
    let expected = finished(record).timestamp_millis() as f64 / 1e3;
    wait_for("the metric of the last run", || {
        (metrics(server).get(METRIC) == Some(&expected)).then_some(())
    });
}

fn versions(workplace: &Workplace, more: &[&str]) -> String {
    let run = batch(&[&["versions", "--store", &workplace.store()], more].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.stdout
}

#[test]
fn a_run_that_ends_well_is_recorded_whether_it_publishes_or_not() {
    let workplace = Workplace::new();
    let summary = workplace.publish(&[]).summary();
    let first = recorded(&workplace).unwrap();
    assert_eq!((&first["published"], &first["sequence"]), (&true.into(), &1.into()));
    assert_eq!(first["version"], summary["version"]);
    let server = Server::start_ready(&workplace, &[]);
    shows(&server, &first);

    let unchanged = workplace.publish(&["--if-changed"]).summary();
    assert_eq!(unchanged["published"], false);
    let second = recorded(&workplace).unwrap();
    assert_eq!((&second["published"], &second["sequence"]), (&false.into(), &1.into()));
    assert!(finished(&second) > finished(&first), "{second} after {first}");
    shows(&server, &second);
    assert!(metrics(&server)["akin_version_started_timestamp_seconds"] < metrics(&server)[METRIC]);
    let listed: Value = serde_json::from_str(&versions(&workplace, &["--json"])).unwrap();
    let shown = json!({"finished_at": second["finished_at"], "published": false});
    assert_eq!(listed[0]["last_run"], shown);
    let told = versions(&workplace, &[]);
    assert!(told.trim_end().ends_with("UTC: it found nothing newer than number 1"), "{told}");

    // What does not end well leaves no word, and a rollback is no run.
    let bad = workplace.publish(&["--max-reject-share", "0", "--rating-range", "0:5"]);
    assert_eq!(bad.code, 2, "{}", bad.stderr);
    workplace.publish(&["--measure", "lift"]).summary();
    let third = recorded(&workplace).unwrap();
    assert_eq!(batch(&["rollback", "1", "--store", &workplace.store()]).code, 0);
    assert_eq!(recorded(&workplace), Some(third.clone()));
    let told = versions(&workplace, &[]);
    assert!(told.trim_end().ends_with("UTC: it published number 2"), "{told}");

    // Nothing rests on it: neither on its being there nor on what it says.
    let path = workplace.path("store/last-run.json");
    std::fs::write(&path, "{}").unwrap();
    assert!(versions(&workplace, &[]).contains("cannot be told"));
    std::fs::remove_file(&path).unwrap();
    wait_for("the metric is gone", || (!metrics(&server).contains_key(METRIC)).then_some(()));
    assert!(versions(&workplace, &[]).contains("is not recorded"));
    assert_eq!(get(&server, "/health/ready").json()["status"], "ok");
    std::fs::create_dir(&path).unwrap();
    let run = workplace.publish(&["--if-changed"]);
    assert_eq!(run.summary()["published"], true);
    assert!(run.stderr.contains("last-run.json does not say so"), "{}", run.stderr);
}

#[test]
fn stages_record_the_end_of_their_run_once() {
    let workplace = Workplace::new();
    let options = json!({"ratings": [workplace.text("ratings.csv")], "if-changed": true});
    let stage = |name: &str, document: Value| batch(&[name, &document.to_string()]).summary();
    let ingest = |run: &str| {
        stage("ingest", json!({"run": run, "store": workplace.store(), "options": options}))
    };
    let first = ingest("first");
    let similarities = stage("similarities", json!({"ingest": first, "shard": "1/1"}));
    assert_eq!(recorded(&workplace), None);
    let publish = || stage("publish", json!({"ingest": first, "similarities": [similarities]}));
    publish();
    let published = recorded(&workplace).unwrap();
    assert_eq!((&published["published"], &published["sequence"]), (&true.into(), &1.into()));
    // An attempt that died before it left word is made good; another one changes nothing.
    std::fs::remove_file(workplace.path("store/last-run.json")).unwrap();
    publish();
    let repeated = recorded(&workplace).unwrap();
    assert!(finished(&repeated) > finished(&published), "{repeated} after {published}");
    publish();
    assert_eq!(recorded(&workplace), Some(repeated.clone()));

    assert_eq!(ingest("second")["changed"], false);
    let unchanged = recorded(&workplace).unwrap();
    assert_eq!((&unchanged["published"], &unchanged["sequence"]), (&false.into(), &1.into()));
    assert!(finished(&unchanged) > finished(&repeated), "{unchanged} after {repeated}");
    ingest("second");
    assert_eq!(recorded(&workplace), Some(unchanged));
}

#[test]
fn every_metric_that_an_alert_asks_for_is_one_that_the_server_has() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &[]);
    let handle = post_rating(&server, "abby", "1", 5.0);
    get(&server, &format!("/executions/{handle}?wait=30"));
    // A metric with labels is not there before it has counted something.
    assert_eq!(post_raw(&server, "/ratings", "application/json", b"{}").status, 422);
    let text = get(&server, "/metrics").body;
    let exported: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("deploy");
    let read = |name: &str| std::fs::read_to_string(deploy.join(name)).unwrap();
    let rules = read("prometheus/akin.rules.yml") + &read("grafana/akin.json");
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let asked: Vec<&str> =
        rules.split(|c: char| !is_part(c)).filter(|word| word.starts_with("akin_")).collect();
    assert!(asked.contains(&METRIC), "{asked:?}");
    for name in asked {
        let stem = ["_total", "_bucket", "_sum", "_count"];
        let stem = stem.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
        assert!(
            exported.contains(&name) || exported.contains(&stem),
            "{name} is in no line of {exported:?}"
        );
    }
}
