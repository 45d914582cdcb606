//! The Step Functions door, driven by boto3: see `tests/step_functions.py`.

use std::path::Path;
use std::process::Command;

use crate::executions::left_running;
use crate::harness::{Server, Workplace, get, post_raw, send};

#[track_caller]
fn boto3(server: &Server, arguments: &[&str]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let python = root.join("target/venv/bin/python");
    let output = Command::new(&python)
        .arg(root.join("tests/step_functions.py"))
        .arg(format!("http://{}", server.address))
        .args(arguments)
        .output()
        .unwrap_or_else(|error| {
            panic!("cannot start {}: {error}; run `make venv` first", python.display())
        });
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn boto3_works_unchanged_and_names_outlive_a_restart() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &[]);
    boto3(&server, &["open"]);
    // Both doors show the same executions.
    let arn = "arn:aws:states:local:000000000000:execution:akin:first-one";
    let execution = get(&server, &format!("/executions/{arn}")).json();
    assert_eq!(execution["executionArn"], arn);
    assert_eq!(execution["status"], "SUCCEEDED");
    let machines = |server: &Server| {
        let headers = [
            ("x-amz-target", "AWSStepFunctions.ListStateMachines"),
            ("content-type", "application/x-amz-json-1.0"),
        ];
        send(server, "POST", "/", &headers, Some("{}")).json()
    };
    let before = machines(&server);
    assert!(before["stateMachines"][0]["creationDate"].is_number(), "{before}");
    server.kill_9();
    let server = Server::start_ready(&workplace, &[]);
    boto3(&server, &["restarted"]);
    assert_eq!(machines(&server), before);
}

#[test]
fn boto3_stops_an_execution_and_is_told_to_come_back_without_a_version() {
    let workplace = Workplace::new();
    let arns = left_running(&workplace, &["1"]);
    let server = Server::start(&workplace, &[]);
    boto3(&server, &["waiting", &arns[0]]);
}

#[test]
fn boto3_is_throttled_while_the_queue_is_full() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &["--queue", "1"]);
    boto3(&server, &["throttled"]);
    let refused = "akin_rating_requests_refused_total{door=\"step-functions\",reason=\"ThrottlingException\"}";
    let metrics = get(&server, "/metrics").body;
    assert!(metrics.contains(refused), "{metrics}");
}

#[test]
fn with_keys_only_signed_calls_are_taken() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let key = "AKIATEST:a secret/with+signs=";
    let server = Server::start_ready(&workplace, &["--access-key", key]);
    boto3(&server, &["signed"]);
    let target = ("x-amz-target", "AWSStepFunctions.ListStateMachines");
    let unsigned = send(&server, "POST", "/", &[target], Some("{}"));
    assert_eq!(unsigned.status, 403, "{}", unsigned.body);
    assert_eq!(unsigned.json()["__type"], "MissingAuthenticationTokenException");
    assert!(!server.log_text().contains("with+signs"), "a secret is in the log");
}

#[test]
fn a_call_that_is_none_is_refused_in_the_protocol() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &[]);
    let json = "application/x-amz-json-1.0";
    let call = |target: &str, kind: &str, body: &str| {
        let headers = [("x-amz-target", target), ("content-type", kind)];
        // A second content type would be sent with a body.
        let mut stream = std::net::TcpStream::connect(server.address).unwrap();
        let mut head = "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n".to_owned();
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("content-length: {}\r\n\r\n{body}", body.len());
        std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("content-type: application/x-amz-json-1.0"), "{head}");
        assert!(head.contains("x-amzn-requestid: "), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let name = body["__type"].as_str().unwrap().to_owned();
        assert!(head.contains(&format!("x-amzn-errortype: {name}")), "{head}");
        if name == "UnknownOperationException" {
            assert!(body["message"].as_str().unwrap().contains(target), "{body}");
        }
        (head.split(' ').nth(1).unwrap().to_owned(), name)
    };
    let list = "AWSStepFunctions.ListStateMachines";
    for (target, kind, body, name) in [
        ("AWSStepFunctions.Nothing", json, "{}", "UnknownOperationException"),
        ("Other.ListStateMachines", json, "{}", "UnknownOperationException"),
        (list, "text/plain", "{}", "SerializationException"),
        (list, json, "", "SerializationException"),
        (list, json, "[]", "SerializationException"),
        (list, json, "{\"maxResults\":\"5\"}", "SerializationException"),
        (list, json, "{\"maxResults\":-1}", "ValidationException"),
    ] {
        assert_eq!(
            call(target, kind, body),
            ("400".to_owned(), name.to_owned()),
            "{target} {body}"
        );
    }
    // Without the header nobody knows what is meant.
    let unnamed = post_raw(&server, "/", json, b"{}");
    assert_eq!(unnamed.status, 400);
    assert!(unnamed.json()["detail"].as_str().unwrap().contains("X-Amz-Target"));
}
