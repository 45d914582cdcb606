//! Commands for a shell that the documentation tells people to type, exactly as they stand there.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::harness::{Server, Workplace, emulator, get, program, send};

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

/// Runs a script that is written into the workplace, by a program, with what finds the emulator; what it prints.
#[track_caller]
fn printed_by(workplace: &Workplace, program: &Path, name: &str, script: &str) -> String {
    let script = workplace.write(name, script);
    let mut command = Command::new(program);
    command.arg(script).current_dir(workplace.path("")).env("AWS_ALLOW_HTTP", "true");
    command.env("AWS_DEFAULT_REGION", "us-east-1");
    let output = command.envs(crate::harness::of_s3()).output().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

fn node() -> Option<PathBuf> {
    let found =
        Command::new("node").arg("--version").output().is_ok_and(|ran| ran.status.success());
    if !found {
        eprintln!("Node.js is missing: what docs/http.md has for JavaScript was not run");
    }
    found.then(|| "node".into())
}

#[test]
fn javascript_from_a_rating_to_its_list() {
    let Some(node) = node() else { return };
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &[]);
    let here = |script: &str| script.replace("127.0.0.1:8080", &server.address.to_string());
    let client = here(&blocks("docs/http.md", "## A client in JavaScript", "js").concat());
    let client = format!("{client}\nconsole.log(JSON.stringify({{ rated, recommendations }}));\n");
    let printed = printed_by(&workplace, &node, "client.mjs", &client);
    let shown: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(shown["rated"]["known"], true);
    assert_eq!(shown["recommendations"][0]["itemId"], "2");

    let backend = here(&blocks("docs/http.md", "## Who the user is", "js").concat());
    let asked = r#"
backend.listen(0, "127.0.0.1", async () => {
  const url = `http://127.0.0.1:${backend.address().port}/rate`;
  const body = JSON.stringify({ item: "3", rating: 4, user: "mallory" });
  const statuses = [];
  for (const cookie of ["a=b; session=c0ffee", "session=forged", ""])
    statuses.push((await fetch(url, { method: "POST", body, headers: { cookie } })).status);
  console.log(statuses.join());
  backend.close();
});
"#;
    let printed = printed_by(&workplace, &node, "backend.mjs", &format!("{backend}{asked}"));
    assert_eq!(printed.trim(), "202,401,401");
    let rated =
        |user: &str| get(&server, &format!("/users/{user}/ratings")).json()["ratings"].to_string();
    assert!(
        rated("abby").contains("\"itemId\":\"3\"") && rated("mallory") == "[]",
        "{}",
        rated("abby")
    );
}

#[test]
fn users_and_items_that_nobody_knows_are_answered_as_documented() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &[]);
    let unknown = get(&server, "/users/nobody/recommendations").json();
    assert_eq!(unknown["known"], false);
    assert_eq!(unknown["recommendations"][0]["source"], "popular");
    let rating = r#"{"user":"abby","movieID":"new","rating":5}"#;
    let accepted = send(&server, "POST", "/ratings", &[], Some(rating));
    assert_eq!(accepted.status, 202);
    let arn = accepted.json()["executionArn"].as_str().unwrap().to_owned();
    let ended = get(&server, &format!("/executions/{arn}?wait=20")).json();
    assert_eq!(ended["output"]["rated"]["known"], false);
    assert_eq!(get(&server, "/users/abby/recommendations").json()["known"], true);
    assert_eq!(get(&server, "/items/new").status, 404);
}

#[test]
fn a_store_on_s3_is_asked_from_pandas_polars_and_duckdb() {
    let workplace = Workplace::on_s3();
    workplace.publish(&[]).summary();
    let script = blocks("docs/store.md", "## Asking a store on S3", "python").concat();
    let script = script.replace("s3://bucket/prefix", &workplace.store());
    let shown = "\nprint(list(in_pandas.neighbour_id), list(in_polars['neighbour_id']), [row[1] for row in in_duckdb])\n";
    let python = sources().join("target/venv/bin/python");
    let printed = printed_by(&workplace, &python, "ask.py", &format!("{script}{shown}"));
    assert_eq!(printed.trim(), "['2', '3'] ['2', '3'] ['2', '3']");
}

#[test]
fn the_activities_and_the_machine_are_made_as_documented() {
    let workplace = Workplace::new();
    emulator();
    std::os::unix::fs::symlink(sources().join("deploy"), workplace.path("deploy")).unwrap();
    let script =
        blocks("docs/workflow.md", "## Making the activities and the machine", "python").concat();
    let checked = "
described = states.describe_state_machine(stateMachineArn=machine)
assert '${' not in described['definition'], described['definition']
listed = {one['activityArn'] for one in states.list_activities()['activities']}
assert set(activities.values()) <= listed, listed
";
    let python = sources().join("target/venv/bin/python");
    let printed = printed_by(&workplace, &python, "make.py", &format!("{script}{checked}"));
    assert!(printed.starts_with("AKIN_ACTIVITIES=ingest=arn:aws:states:"), "{printed}");
}

#[test]
fn a_server_without_systemd_comes_again_and_stops_when_it_is_told() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let loop_of_the_page = blocks("docs/deploy.md", "## One machine", "sh").concat();
    let ready = "curl --silent --fail --retry 60 --retry-delay 1 --retry-all-errors http://127.0.0.1:8080/health/ready";
    let commands = format!(
        "{loop_of_the_page}\nset -e\n{ready}\nfirst=$(pgrep -P $(cat akin-serve.pid) akin-serve)\nkill -9 $first\n\
         until second=$(pgrep -P $(cat akin-serve.pid) akin-serve) && [ $second != $first ]; do sleep 0.2; done\n\
         {ready}\nkill $(cat akin-serve.pid)\nwhile kill -0 $second 2> /dev/null; do sleep 0.2; done\n\
         sleep 2; ! pgrep -P $(cat akin-serve.pid)\n"
    );
    let printed = succeeds(&workplace, &commands);
    assert!(printed.contains("\"ok\""), "{printed}");
}
