//! Every kind of bad or odd file, with the exit code that it leads to and what is said about it.

mod columnar;
mod odd_columnar;
mod text;

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::{BatchRun, Workplace, batch, program};

/// A file: its name, its content, the exit code, and a part of what is said: of the error, or of the summary where the
/// code is 0.
type Case = (&'static str, Vec<u8>, i32, &'static str);

/// Runs akin-batch with no more address space than this, in KiB. What tries to take more is aborted, and so has no exit
/// code.
const ADDRESS_SPACE: u64 = 1 << 20;

fn bounded(arguments: &[&str]) -> BatchRun {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -v {ADDRESS_SPACE} && exec \"$0\" \"$@\"")]);
    command.arg(program("akin-batch")).args(arguments).stdin(Stdio::null());
    // Glibc reserves address space for each thread, which is no memory.
    command.env_remove("AKIN_STORE").env("MALLOC_ARENA_MAX", "2");
    BatchRun::of(command.output().unwrap())
}

#[test]
fn every_bad_file_has_its_exit_code_and_its_message() {
    let workplace = Workplace::new();
    let cases = [columnar::cases(), odd_columnar::cases(), text::cases()].concat();
    for (name, bytes, code, expected) in cases {
        let path = workplace.write(name, bytes);
        let store = workplace.text(&format!("{name}-store"));
        let run = bounded(&["run", "--ratings", &path, "--store", &store, "--json"]);
        assert_eq!(run.code, code, "{name}: {}", run.stderr);
        let said = if code == 0 { &run.stdout } else { run.error() };
        assert!(said.contains(expected), "{name}: {said}");
        // The one error that is about all files names none.
        assert!(code == 0 || said.contains(name) || said.contains("no ratings"), "{name}: {said}");
        assert_eq!(
            workplace.path(&format!("{name}-store/manifests")).exists(),
            code == 0,
            "{name}"
        );
    }
}

#[test]
fn ids_of_different_types_in_different_files_are_the_same_ids() {
    let workplace = Workplace::new();
    let integers = workplace.write("integers.parquet", columnar::sound());
    let texts = workplace.write("texts.csv", text::of("1,2,4,9\nabby,1,3,9\nabby,01,3,9\n"));
    let run = ["run", "--ratings", &integers, &texts, "--store", &workplace.store(), "--json"];
    let summary = batch(&run).summary();
    let counts = ["ratings_read", "ratings", "users", "items"].map(|key| summary[key].clone());
    // Of the three texts one is a later rating of a pair that the integers hold, and `01` is an item of its own.
    assert_eq!(counts, [7, 6, 3, 3].map(Value::from));
}

#[test]
fn a_line_of_a_gigabyte_costs_only_itself_and_no_memory() {
    let workplace = Workplace::new();
    let packed = std::fs::File::create(workplace.path("long.csv.gz")).unwrap();
    let mut gzip =
        Command::new("gzip").arg("-1c").stdin(Stdio::piped()).stdout(packed).spawn().unwrap();
    let mut stream = gzip.stdin.take().unwrap();
    stream.write_all(&text::of("1,1,5,1\n1,2,")).unwrap();
    let block = vec![b'5'; 1 << 20];
    for _ in 0..1_024 {
        stream.write_all(&block).unwrap();
    }
    stream.write_all(b",1\n2,1,4,1\n").unwrap();
    drop(stream);
    assert!(gzip.wait().unwrap().success());

    let (ratings, store) = (workplace.text("long.csv.gz"), workplace.store());
    let run =
        ["run", "--ratings", &ratings, "--store", &store, "--max-reject-share", "0.5", "--json"];
    let summary = batch(&run).summary();
    assert_eq!((&summary["ratings"], &summary["ratings_rejected"]), (&2.into(), &1.into()));
    assert_eq!(summary["rejected_by_reason"]["line too long"], 1);
    let peak = summary["peak_memory_bytes"].as_u64().unwrap();
    assert!(peak < 128 << 20, "{peak}");
}
