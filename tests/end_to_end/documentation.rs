//! What the documentation tells the data team to run.

use std::path::Path;
use std::process::Command;

use clap::{Arg, Args, CommandFactory};

use crate::harness::{RATINGS, Server, Workplace, post_rating, send};

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
    run_documented("documented_queries.py", "venv", &[]);
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

/// The rows of the table of options in docs/configuration.md that follows a line beginning so: the cells with the options and the defaults.
fn documented_options(heading: &str) -> Vec<(String, String)> {
    let page =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs/configuration.md");
    let page = std::fs::read_to_string(page).unwrap();
    let lines = page.lines().skip_while(|line| !line.starts_with(heading));
    let rows =
        lines.skip_while(|line| !line.starts_with("| `")).take_while(|line| !line.is_empty());
    let cells = |row: &str| {
        let mut cells = row.split(" | ").map(|cell| cell.trim_matches(['|', ' ']).to_owned());
        (cells.next().unwrap(), cells.next().unwrap())
    };
    rows.map(cells).collect()
}

/// The option of each pair of backticks in a cell: `--name VALUE` without its value.
fn options_in(cell: &str) -> Vec<&str> {
    let quoted = cell.split('`').skip(1).step_by(2);
    quoted.filter_map(|text| text.strip_prefix("--")?.split([' ', '.']).next()).collect()
}

/// As an option writes what the table writes for people.
fn as_option(text: &str) -> String {
    let mut words = text.split(' ');
    match (words.next(), words.next(), words.next()) {
        (Some(number), Some("GiB"), None) => (number.parse::<u64>().unwrap() << 30).to_string(),
        _ if text.starts_with(|c: char| c.is_ascii_digit()) => text.replace(',', ""),
        _ => text.to_owned(),
    }
}

/// An option's default: the value that is taken, or the one that the end of its help tells.
fn default_of(argument: &Arg) -> Option<String> {
    if let [value] = argument.get_default_values() {
        return argument.get_action().takes_values().then(|| value.to_str().unwrap().to_owned());
    }
    let help = argument.get_long_help().or(argument.get_help())?.to_string();
    let (_, told) = help.rsplit_once("[default: ")?;
    let value = told.trim_end_matches('.').strip_suffix(']')?;
    // Others are a sentence.
    (!value.contains(' ')).then(|| value.to_owned())
}

/// Compares a table with the options of a command, and gives those that it names.
fn compare(heading: &str, command: &clap::Command) -> (Vec<(String, String)>, usize) {
    let (rows, mut compared) = (documented_options(heading), 0);
    for (options, defaults) in &rows {
        let names = options_in(options);
        let told: Vec<&str> = defaults.split(", ").collect();
        for (place, name) in names.iter().enumerate() {
            let argument = command.get_arguments().find(|one| one.get_long() == Some(*name));
            let argument =
                argument.unwrap_or_else(|| panic!("docs/configuration.md: there is no --{name}"));
            let Some(expected) = default_of(argument) else { continue };
            assert_eq!(told.len(), names.len(), "docs/configuration.md: {options} | {defaults}");
            assert_eq!(as_option(told[place]), expected, "docs/configuration.md: --{name}");
            compared += 1;
        }
    }
    (rows, compared)
}

#[test]
fn the_defaults_that_are_documented_are_those_of_the_programs() {
    let run = akin_batch::run::RunOptions::augment_args(clap::Command::new("run"));
    let (_, compared) = compare("`akin-batch run`", &run);
    assert!(compared >= 11, "{compared}");
    let serve = akin_serve::options::Options::command();
    let (rows, compared) = compare("`akin-serve`", &serve);
    assert!(compared >= 21, "{compared}");
    // All of them are there, with their variables.
    let is_of_clap = |argument: &&Arg| ["help", "version"].contains(&argument.get_id().as_str());
    for argument in serve.get_arguments().filter(|argument| !is_of_clap(argument)) {
        let name = argument.get_long().unwrap();
        let row = rows.iter().find(|(options, _)| options_in(options).contains(&name));
        let (row, _) =
            row.unwrap_or_else(|| panic!("docs/configuration.md does not tell of --{name}"));
        let variable = argument.get_env().unwrap().to_str().unwrap();
        let usual = format!("AKIN_{}", name.to_uppercase().replace('-', "_"));
        assert!(variable == usual || row.contains(variable), "{variable} of --{name}");
    }
}
