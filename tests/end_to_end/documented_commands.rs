//! Commands for a shell that the documentation tells people to type, exactly as they stand there.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::harness::{Workplace, program};

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The blocks of a language below a heading of a page, up to the next heading.
fn blocks(page: &str, heading: &str, language: &str) -> Vec<String> {
    let text = std::fs::read_to_string(sources().join(page)).unwrap();
    let begins = format!("\n{heading}\n");
    let (_, section) = text.split_once(&begins).unwrap_or_else(|| panic!("{page}: {heading}"));
    let fence = format!("\n```{language}\n");
    let (mut found, mut in_block) = (Vec::new(), false);
    let mut rest = section;
    while let Some((before, after)) =
        if in_block { rest.split_once("\n```") } else { rest.split_once(&*fence) }
    {
        if in_block {
            found.push(before.to_owned());
        } else if before.contains("\n#") {
            break;
        }
        (rest, in_block) = (after, !in_block);
    }
    assert!(!found.is_empty(), "{page}: nothing in {language} below {heading}");
    found
}

/// Runs commands by bash in a workplace, with the programs of the tests, and servers at a free port instead of 8080.
fn run(workplace: &Workplace, commands: &str) -> Output {
    // Nobody gets this port while it is bound here; the server does right after.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let commands = commands.replace("127.0.0.1:8080", &format!("127.0.0.1:{port}"));
    let programs = workplace.path("programs");
    std::fs::create_dir_all(&programs).unwrap();
    for name in ["akin-batch", "akin-serve"] {
        let link = programs.join(name);
        if !link.exists() {
            std::os::unix::fs::symlink(program(name), link).unwrap();
        }
    }
    // DuckDB's command line by its Python module, which the tests have anyway.
    let python = sources().join("target/venv/bin/python");
    workplace.write(
        "programs/duckdb",
        format!(
            "#!{}\nimport sys, duckdb\n_, init, file, c, query = sys.argv\nassert (init, c) == ('-init', '-c')\n\
             database = duckdb.connect()\ndatabase.execute(open(file).read())\nprint(database.sql(query).fetchall())\n",
            python.display()
        ),
    );
    let strict = "set -euo pipefail\ntrap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n";
    Command::new("bash")
        .args(["-c", &format!("chmod +x programs/duckdb\n{strict}{commands}")])
        .env("PATH", format!("{}:{}", programs.display(), std::env::var("PATH").unwrap()))
        .env("AKIN_LISTEN", format!("127.0.0.1:{port}"))
        .env_remove("AKIN_STORE")
        .current_dir(workplace.path(""))
        .output()
        .unwrap()
}

/// What commands print when all of them succeed.
#[track_caller]
fn succeeds(workplace: &Workplace, commands: &str) -> String {
    let output = run(workplace, commands);
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{commands}\n{stdout}\n{stderr}");
    stdout
}

#[test]
fn five_minutes_from_own_files_to_a_list() {
    let workplace = Workplace::new();
    let blocks = blocks("README.md", "## Five minutes from your files to a list", "sh");
    let printed = succeeds(&workplace, &blocks.join("\n"));
    for expected in [
        "\"status\":\"SUCCEEDED\"",
        "\"recommendations\"",
        "\"neighbours\"",
        "Second Wind",
        "(1 new)",
        "[('Harbour Lights, The (1999)', 4)",
    ] {
        assert!(printed.contains(expected), "{expected}:\n{printed}");
    }
    // Both versions are listed.
    assert_eq!(workplace.current()["sequence"], 2);
}
