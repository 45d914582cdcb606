//! No text from a file or a store reaches a terminal as something that it obeys.

use crate::harness::{BatchRun, Server, Workplace, batch, batch_command, program};

/// Clears the screen, renames the window, and turns the direction of what follows.
const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}";
const SHOWN: &str = r"\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}";

/// What was printed, none of which is obeyed.
fn printed(run: &BatchRun) -> String {
    let text = format!("{}{}", run.stdout, run.stderr);
    let is_obeyed = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!text.contains(is_obeyed), "{text:?}");
    text
}

#[test]
fn what_a_bad_file_says_is_escaped_in_errors_logs_and_plans() {
    let workplace = Workplace::new();
    let store = workplace.store();
    let header = "userId,movieId,rating,timestamp";
    let good = "u,1,3,7\n".repeat(200);
    let files = [
        ("first-line.csv".to_owned(), format!("{HOSTILE}\n{good}"), 3),
        ("header.csv".to_owned(), format!("userId,movieId,rating,{HOSTILE}\n{good}"), 3),
        ("two.csv".to_owned(), format!("{header},{HOSTILE},user\n{good}"), 3),
        ("rejects.csv".to_owned(), format!("{header}\n{HOSTILE},1,3,7\n"), 3),
        ("object.jsonl".to_owned(), format!("{{\"{HOSTILE}\":1}}\n"), 3),
        (format!("name-{HOSTILE}.csv"), format!("{header}\n{good}v,1,x,7\n"), 0),
        (format!("none-{HOSTILE}.csv"), "\n".to_owned(), 3),
    ];
    for (name, text, code) in files {
        let path = workplace.write(&name, text);
        let run = |command: &str| {
            let arguments = [command, "--ratings", &path, "--store", &store];
            let output = batch_command(&arguments).env("AKIN_LOG", "debug").output().unwrap();
            BatchRun::of(output)
        };
        let ran = run("run");
        assert_eq!(ran.code, code, "{name}: {}", ran.stderr);
        let said = printed(&ran);
        assert!(said.contains(SHOWN) || name.starts_with("two"), "{name}: {said}");
        printed(&run("plan"));
    }
}

#[test]
fn titles_genres_and_ids_are_escaped_for_people_and_exact_for_programs() {
    let workplace = Workplace::new();
    let items =
        format!("movieId,title,genres\n1,One {HOSTILE},{HOSTILE}|Drama\n2,\"Two\n{HOSTILE}\",\n");
    workplace.write("movies.csv", items);
    let first = workplace.publish(&[]).summary()["version"].clone();
    let odd = "\u{202e}odd";
    let more = ["ann", "bob", "cat"].map(|user| format!("{user},{odd},5,2000\n")).concat();
    workplace.write("ratings.csv", format!("{}{more}", crate::harness::RATINGS));
    workplace.publish(&[]).summary();
    let store = workplace.store();
    let operate = |arguments: &[&str]| batch(&[arguments, &["--store", &store]].concat());
    let shown = printed(&operate(&["show", "1"]));
    assert!(shown.starts_with(&format!("1  One {SHOWN}\n  genres   {SHOWN}, Drama\n")), "{shown}");
    assert!(shown.contains(&format!(r"Two\n{SHOWN}")), "{shown}");
    assert!(shown.contains(r"\u{202e}odd"), "{shown}");
    let exact = operate(&["show", "1", "--json"]).summary();
    assert_eq!(exact["item"]["title"], format!("One {HOSTILE}"));
    // Two titles match: the message lists them.
    let ambiguous = printed(&operate(&["show", "owned"]));
    assert!(ambiguous.contains(&format!("1 (One {SHOWN})")), "{ambiguous}");
    let diff = printed(&operate(&["diff", first.as_str().unwrap()]));
    assert!(diff.contains(r"\u{202e}odd"), "{diff}");
    for command in ["versions", "check", "gc"] {
        printed(&operate(&[command]));
    }
    let missing = operate(&["show", HOSTILE, "--version", HOSTILE]);
    assert!(printed(&missing).contains(SHOWN));
}

#[test]
fn the_servers_log_and_errors_are_escaped() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let data = format!("data-{HOSTILE}");
    let server = Server::start_in(&workplace, &data, &[]);
    server.wait_until_ready();
    let log = server.log_text();
    let is_obeyed = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!log.contains(is_obeyed), "{log:?}");
    drop(server);
    let file = workplace.write(&format!("file-{HOSTILE}"), "");
    let mut serve = std::process::Command::new(program("akin-serve"));
    serve.args(["--store", &workplace.store(), "--data-dir", &format!("{file}/x")]);
    let ended = serve.args(["--listen", "127.0.0.1:0"]).output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains(SHOWN) && !said.contains(is_obeyed), "{said:?}");
}
