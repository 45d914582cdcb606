//! The state machine and its worker on an emulator of Step Functions, and all of the deployment on AWS on an emulator of
//! that: see `tests/workflow.py`, `tests/worker.py` and `tests/aws_stack.py`.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use crate::harness::{emulator, program};

#[track_caller]
fn run(script: &str, arguments: &[&OsStr]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let python = root.join("target/venv/bin/python");
    let output = Command::new(&python)
        .arg(root.join("tests").join(script))
        .args(arguments)
        .output()
        .unwrap_or_else(|error| {
            panic!("cannot start {}: {error}; run `make venv` first", python.display())
        });
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[track_caller]
fn run_on_the_emulator(script: &str) {
    let programs = program("akin-batch");
    run(script, &[emulator().endpoint().as_ref(), programs.parent().unwrap().as_os_str()]);
}

#[test]
fn the_state_machine_publishes_tries_again_refuses_and_ends_early() {
    run_on_the_emulator("workflow.py");
}

#[test]
fn a_worker_tells_of_every_end_and_goes_when_no_stage_has_work() {
    run("worker.py", &[]);
}

#[test]
fn the_stack_for_aws_goes_from_its_schedule_to_a_served_version_within_its_roles() {
    run_on_the_emulator("aws_stack.py");
}

#[test]
fn the_picture_of_the_state_machine_shows_what_its_file_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let drawn = Command::new("python3").arg(root.join("deploy/picture.py")).output().unwrap();
    assert!(drawn.status.success(), "{}", String::from_utf8_lossy(&drawn.stderr));
    let kept = std::fs::read(root.join("docs/state-machine.svg")).unwrap();
    assert!(drawn.stdout == kept, "docs/state-machine.svg is out of date; run `make bless`");
}
