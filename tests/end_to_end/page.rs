//! The page at `/`: how it is served, and what it does in a real browser, which `tests/page/` drives.

use std::path::Path;
use std::process::Command;

use crate::harness::{Server, Workplace, get, post_raw, program, send};

fn published() -> Workplace {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    workplace
}

/// What a page names in quotes after `before`.
fn named<'a>(text: &'a str, before: &str) -> Vec<&'a str> {
    text.split(before).skip(1).filter_map(|rest| rest.split(['"', '\'']).next()).collect()
}

#[test]
fn the_page_and_all_its_files_come_with_a_strict_policy() {
    let workplace = published();
    let server = Server::start_ready(&workplace, &[]);
    let index = get(&server, "/");
    assert_eq!((index.status, index.header("content-type")), (200, "text/html; charset=utf-8"));
    let mut files: Vec<String> = ["href=\"", "src=\""]
        .iter()
        .flat_map(|before| named(&index.body, before))
        .map(str::to_owned)
        .collect();
    files.retain(|file| file.starts_with("page/"));
    assert!(files.len() > 10, "{files:?}");
    for file in &files {
        let answer = get(&server, &format!("/{file}"));
        assert_eq!(answer.status, 200, "{file}");
        // What it imports is preloaded, so that nothing waits for it.
        for import in named(&answer.body, "from './") {
            assert!(files.contains(&format!("page/{import}")), "{file}: {import}");
        }
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; "), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let etag = answer.header("etag").to_owned();
        let again = send(&server, "GET", &format!("/{file}"), &[("if-none-match", &etag)], None);
        assert_eq!((again.status, again.body.as_str()), (304, ""));
        let plain =
            send(&server, "GET", &format!("/{file}"), &[("accept-encoding", "identity")], None);
        assert_eq!((plain.header("content-encoding"), &plain.body), ("", &answer.body));
    }
    assert_eq!(send(&server, "HEAD", "/", &[], None).status, 200);
    for path in ["/page/", "/page/none.js", "/page/..%2Findex.html", "/index.html"] {
        let missing = get(&server, path);
        assert_eq!(
            (missing.status, &missing.json()["type"]),
            (404, &"/problems/not-found".into()),
            "{path}"
        );
    }
}

#[test]
fn without_a_page_calls_of_step_functions_are_all_that_is_taken_there() {
    let workplace = published();
    for options in [&[][..], &["--no-page"]] {
        let server = Server::start_ready(&workplace, options);
        let headers = [("x-amz-target", "AWSStepFunctions.ListStateMachines")];
        let kind = ("content-type", "application/x-amz-json-1.0");
        let call = crate::harness::send_raw(&server, "POST", "/", &[headers[0], kind], "{}");
        assert_eq!(call.status, 200, "{}", call.body);
        assert!(call.json()["stateMachines"][0]["name"] == "akin");
        let unnamed = post_raw(&server, "/", "application/json", b"{}");
        assert_eq!(unnamed.status, 400, "{}", unnamed.body);
        assert_eq!(send(&server, "PUT", "/", &[], None).header("allow"), "GET, HEAD, POST");
        let expected = if options.is_empty() { 200 } else { 404 };
        for path in ["/", "/page/app.js"] {
            assert_eq!(get(&server, path).status, expected, "{path}");
        }
        assert!(server.stop().success());
    }
}

#[test]
fn in_a_browser_one_searches_rates_and_watches_the_list_move() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let programs = program("akin-serve").parent().unwrap().to_owned();
    let python = sources.join("target/venv/bin/python");
    let output = Command::new(&python)
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "--durations=5"])
        .arg(sources.join("tests/page"))
        .arg("--bin-dir")
        .arg(&programs)
        .arg("--screenshots")
        .arg(sources.join("target/page"))
        .arg("--axe")
        .arg(sources.join("target/tools/axe-core-4.14.1/node_modules/axe-core/axe.min.js"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(sources)
        .output()
        .unwrap_or_else(|error| {
            panic!("cannot start {}: {error}; run `make venv` first", python.display())
        });
    let said = String::from_utf8_lossy(&output.stdout);
    eprintln!("{said}");
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}
