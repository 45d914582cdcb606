//! Versions: published whole or not at all, refused when damaged, one winner of two runs.

use std::io::Write;

use crate::harness::{BatchRun, Server, Workplace, batch_command, get, post_rating};

#[test]
fn a_corrupted_part_is_refused_and_the_old_version_serves_on() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &[]);
    // The new version arrives damaged: its manifest is the last thing to appear.
    let staged = Workplace::new();
    staged.publish(&[]).summary();
    let second = staged.publish(&[]).summary();
    let version = format!("version={}", second["version"].as_str().unwrap());
    for table in ["neighbours", "items", "profiles"] {
        let part = format!("store/{table}/{version}/part-00000.parquet");
        let mut bytes = std::fs::read(staged.path(&part)).unwrap();
        if table == "neighbours" {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        std::fs::create_dir_all(workplace.path(&part).parent().unwrap()).unwrap();
        std::fs::write(workplace.path(&part), bytes).unwrap();
    }
    let manifest = "store/manifests/00000000000000000002.json";
    // Whole at once: the server may look at any time.
    std::fs::copy(staged.path(manifest), workplace.path("manifest")).unwrap();
    std::fs::rename(workplace.path("manifest"), workplace.path(manifest)).unwrap();

    let refused = crate::harness::wait_for("the version is refused", || {
        let current = get(&server, "/versions/current").json();
        assert_eq!(current["sequence"], 1);
        current.get("refused").cloned()
    });
    assert_eq!(refused["sequence"], 2);
    let reason = refused["reason"].as_str().unwrap();
    assert!(reason.contains("neighbours") && reason.contains("sha256"), "{reason}");
    let health = get(&server, "/health/ready");
    assert_eq!((health.status, health.json()["status"].as_str()), (200, Some("degraded")));
    post_rating(&server, "abby", "1", 5.0);

    // At a start too, the highest version that loads serves, degraded.
    server.kill_9();
    let server = Server::start_ready(&workplace, &[]);
    assert_eq!(get(&server, "/versions/current").json()["sequence"], 1);
    assert_eq!(get(&server, "/health/ready").json()["status"], "degraded");

    // The next good version heals it.
    workplace.publish(&[]).summary();
    server.wait_for_sequence(3);
    assert_eq!(get(&server, "/health/ready").json()["status"], "ok");
}

#[test]
fn of_two_runs_at_once_one_publishes_and_the_other_says_it_was_superseded() {
    let workplace = Workplace::new();
    // The slow run has taken its number and waits for its input.
    let pipe = workplace.text("pipe.csv");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let slow = batch_command(&["run", "--ratings", &pipe, "--store", &workplace.store()])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // Opening the pipe waits for its reader, which reads after it has taken its number.
    let mut input = std::fs::File::options().write(true).open(&pipe).unwrap();
    let quick = workplace.publish(&[]).summary();
    input.write_all(crate::harness::RATINGS.as_bytes()).unwrap();
    drop(input);
    let slow = BatchRun::of(slow.wait_with_output().unwrap());
    assert_eq!(slow.code, 4, "{}", slow.stderr);
    let winner = quick["version"].as_str().unwrap();
    assert!(
        slow.error().contains("superseded") && slow.error().contains(winner),
        "{}",
        slow.error()
    );
    assert_eq!(workplace.current()["version"], quick["version"]);
    let manifests = std::fs::read_dir(workplace.path("store/manifests")).unwrap().count();
    assert_eq!(manifests, 1);
}

#[test]
fn the_same_input_gives_the_same_bytes_for_any_number_of_threads_and_any_instructions() {
    let synthetic = Workplace::new();
    let out = synthetic.text("made");
    let made = ["synth", "--users", "300", "--items", "120", "--ratings", "9000", "--out", &out];
    assert_eq!(crate::harness::batch(&made).code, 0);
    let parts = |threads: &str, instructions: Option<&str>| {
        let workplace = Workplace::new();
        let store = workplace.store();
        let (ratings, items) = (format!("{out}/ratings.csv"), format!("{out}/movies.csv"));
        let arguments = ["run", "--ratings", &ratings, "--items", &items, "--store", &store];
        let mut command =
            crate::harness::batch_command(&[&arguments[..], &["--threads", threads]].concat());
        command.envs(instructions.map(|name| ("AKIN_INSTRUCTIONS", name)));
        let run = BatchRun::of(command.output().unwrap());
        assert_eq!(run.code, 0, "{}", run.stderr);
        let sums = |table: &str| workplace.current()["parts"][table][0]["sha256"].clone();
        ["neighbours", "items", "profiles"].map(sums)
    };
    let one = parts("1", None);
    assert!(one.iter().all(serde_json::Value::is_string), "{one:?}");
    assert_eq!(one, parts("2", None));
    assert_eq!(one, parts("7", Some("portable")));
    let mut command = crate::harness::batch_command(&["synth", "--out", &out]);
    let refused = BatchRun::of(command.env("AKIN_INSTRUCTIONS", "mmx").output().unwrap());
    assert_eq!(refused.code, 2);
    let message = "AKIN_INSTRUCTIONS is \"mmx\", but this processor has ";
    assert!(refused.error().contains(message), "{}", refused.error());
}

#[test]
fn a_run_that_cannot_reach_its_store_says_so_with_code_5() {
    let workplace = Workplace::new();
    workplace.write("store", "a file where a folder should be");
    let run = workplace.publish(&[]);
    assert_eq!(run.code, 5);
    assert!(run.error().contains("cannot open the store"), "{}", run.error());
}

#[test]
fn a_damaged_segment_stops_a_run_instead_of_losing_ratings() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &[]);
    post_rating(&server, "abby", "1", 5.0);
    assert!(server.stop().success());
    let date = std::fs::read_dir(workplace.path("store/ratings")).unwrap().next().unwrap().unwrap();
    let segment = std::fs::read_dir(date.path()).unwrap().next().unwrap().unwrap().path();
    let bytes = std::fs::read(&segment).unwrap();
    std::fs::write(&segment, &bytes[..bytes.len() / 2]).unwrap();
    let run = workplace.publish(&["--with-ledger"]);
    assert_eq!(run.code, 5, "{}", run.stderr);
    assert!(run.error().contains("damaged"), "{}", run.error());
    assert_eq!(workplace.current()["sequence"], 1);
}
