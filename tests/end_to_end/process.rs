//! The server as a process: what it needs to start, and what signals it hears.

use std::process::Command;

use crate::harness::{Server, Workplace, get, post_rating, program, wait_for};

#[test]
fn too_few_files_end_a_start_in_one_line_that_says_what_to_do() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    for files in [10, 20, 40] {
        let (code, log) =
            Server::start_in_vain_with_files(&workplace, files, ("RUST_BACKTRACE", "1"));
        assert_eq!(code, Some(1), "{log}");
        let lines: Vec<&str> = log.lines().collect();
        let [line] = lines[..] else { panic!("{log}") };
        let said = format!("akin-serve: this process may have {files} files and sockets open, and");
        assert!(line.starts_with(&said), "{line}");
        assert!(line.contains("raise the limit (`ulimit -n`, LimitNOFILE= of systemd)"), "{line}");
    }
}

#[test]
fn a_port_in_use_and_a_folder_that_is_none_end_a_start_in_one_line() {
    let workplace = Workplace::new();
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let end = |data: &str, address: &str| {
        let mut server = Command::new(program("akin-serve"));
        server.args(["--store", &workplace.store(), "--data-dir", data, "--listen", address]);
        let output = server.env("AKIN_LOG", "error").output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let log = end(&workplace.text("data"), &address);
    assert!(log.starts_with(&format!("akin-serve: cannot listen on {address}: ")), "{log}");
    assert!(log.ends_with("; choose another address with --listen\n"), "{log}");
    assert_eq!(log.lines().count(), 1, "{log}");

    let file = workplace.write("file", "no folder");
    let log = end(&file, "127.0.0.1:0");
    assert!(
        log.starts_with(&format!("akin-serve: the data folder `{file}` cannot be used (")),
        "{log}"
    );
    assert_eq!(log.lines().count(), 1, "{log}");
}

#[test]
fn sigusr1_writes_what_was_accepted_to_the_store_for_the_next_run() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let never = ["--flush-interval", "3600"];
    let (one, other) =
        (Server::start_ready(&workplace, &never), Server::start_in(&workplace, "other", &never));
    other.wait_until_ready();
    let run = || workplace.publish(&["--with-ledger"]).summary()["ratings"].clone();
    // Nothing to write is no harm.
    one.signal("USR1");
    for (n, server) in [&one, &other, &one].into_iter().enumerate() {
        let before = run();
        post_rating(server, "abby", &n.to_string(), 5.0);
        assert_eq!(run(), before, "nothing was asked for");
        server.signal("USR1");
        server.signal("USR1");
        wait_for("the run sees the rating", || {
            (run() == before.as_u64().unwrap() + 1).then_some(())
        });
    }
    assert_eq!(get(&one, "/health/ready").json()["status"], "ok");
    // Nor is it while the server stops, which writes the rest anyway.
    let before = run();
    post_rating(&one, "zoe", "1", 5.0);
    one.ask_to_stop();
    let _ = one.try_signal("USR1");
    let _ = one.try_signal("USR1");
    let mut one = one;
    assert!(one.wait().success());
    assert_eq!(run(), before.as_u64().unwrap() + 1);
}
