//! The description of the REST door, and schemathesis, which asks the server whatever it allows and what it does not.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Server, Workplace, get, post_rating};

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

#[test]
fn the_server_shows_the_description_that_is_checked_in() {
    let workplace = Workplace::new();
    let server = Server::start(&workplace, &[]);
    let answer = get(&server, "/openapi.json");
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let checked_in = std::fs::read_to_string(sources().join("schemas/openapi.json")).unwrap();
    assert_eq!(answer.body, checked_in);
}

/// Asks with this seed, at most so many times a route and kind of question, and gives what schemathesis says.
fn schemathesis(seed: u32, examples: u32) -> String {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &[]);
    post_rating(&server, "abby", "1", 5.0);
    let address = format!("http://{}", server.address);
    // Not by the script beside it, which names the folder in which it was installed.
    let program = sources().join("target/venv/bin/python");
    let output = Command::new(&program)
        .args(["-m", "schemathesis.cli"])
        .arg("--config-file")
        .arg(sources().join("tests/schemathesis.toml"))
        .args(["run", &format!("{address}/openapi.json"), "--url", &address])
        .args(["--seed", &seed.to_string(), "--max-examples", &examples.to_string()])
        .args(["--continue-on-failure", "--suppress-health-check", "all", "--no-color"])
        .args(["--generation-database", "none", "--warnings", "off"])
        .current_dir(workplace.path(""))
        .env("SCHEMATHESIS_HOOKS", "schemathesis_hooks")
        .env("PYTHONPATH", sources().join("tests"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap_or_else(|error| {
            panic!("cannot start {}: {error}; run `make venv` first", program.display())
        });
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(get(&server, "/health/ready").status, 200);
    let metrics = get(&server, "/metrics").body;
    assert!(metrics.lines().any(|line| line == "akin_http_panics_total 0"), "{metrics}");
    said
}

#[test]
fn whatever_is_asked_the_answer_is_one_that_is_described() {
    let said = schemathesis(1, 5);
    let cases = said.lines().find_map(|line| line.trim().split_once(" generated"));
    assert!(cases.is_some_and(|(count, _)| count.parse::<u32>().unwrap() > 300), "{said}");
}

#[test]
#[ignore = "long: make soak-api"]
fn whatever_is_asked_for_long_the_answer_is_one_that_is_described() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    // It says its seed.
    eprintln!("{}", schemathesis(now.subsec_nanos(), 1150));
}
