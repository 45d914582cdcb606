//! The state machine and its worker on an emulator of Step Functions: see `tests/workflow.py`.

use std::path::Path;
use std::process::Command;

use crate::harness::{emulator, program};

#[test]
fn the_state_machine_publishes_tries_again_refuses_and_ends_early() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let python = root.join("target/venv/bin/python");
    let output = Command::new(&python)
        .arg(root.join("tests/workflow.py"))
        .arg(emulator().endpoint())
        .arg(program("akin-batch").parent().unwrap())
        .output()
        .unwrap_or_else(|error| {
            panic!("cannot start {}: {error}; run `make venv` first", python.display())
        });
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_picture_of_the_state_machine_shows_what_its_file_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let drawn = Command::new("python3").arg(root.join("deploy/picture.py")).output().unwrap();
    assert!(drawn.status.success(), "{}", String::from_utf8_lossy(&drawn.stderr));
    let kept = std::fs::read(root.join("docs/state-machine.svg")).unwrap();
    assert!(drawn.stdout == kept, "docs/state-machine.svg is out of date; run `make bless`");
}
