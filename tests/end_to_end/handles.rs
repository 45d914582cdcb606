//! The names in handles, which an operator chooses.

use serde_json::{Value, json};

use crate::harness::{Response, Server, Workplace, get, post_rating, send_raw};

const NAMES: [&str; 6] =
    ["--arn-region", "eu-central-1", "--arn-account", "123456789012", "--state-machine", "Films_2"];

fn call(server: &Server, operation: &str, body: &Value) -> Response {
    let target = format!("AWSStepFunctions.{operation}");
    let headers = [("x-amz-target", &*target), ("content-type", "application/x-amz-json-1.0")];
    send_raw(server, "POST", "/", &headers, &body.to_string())
}

#[test]
fn handles_carry_the_names_that_were_chosen_and_resolve_under_them_alone() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &NAMES);
    let handle = post_rating(&server, "abby", "1", 5.0);
    let prefix = "arn:aws:states:eu-central-1:123456789012:execution:Films_2:";
    assert!(handle.starts_with(prefix), "{handle}");
    let path = format!("/executions/{handle}?wait=30");
    let execution = get(&server, &path).json();
    assert_eq!(execution["executionArn"], handle);
    assert_eq!(get(&server, "/executions").json()["executions"][0]["executionArn"], handle);

    // The other door has the same names, and knows no others.
    let machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:Films_2";
    let found = call(&server, "ListStateMachines", &json!({})).json();
    assert_eq!(found["stateMachines"][0]["stateMachineArn"], machine);
    assert_eq!(found["stateMachines"][0]["name"], "Films_2");
    let found = call(&server, "DescribeStateMachine", &json!({"stateMachineArn": machine})).json();
    assert_eq!(found["roleArn"], "arn:aws:iam::123456789012:role/akin");
    let described = call(&server, "DescribeExecution", &json!({"executionArn": handle})).json();
    assert_eq!(
        (&described["status"], &described["stateMachineArn"]),
        (&json!("SUCCEEDED"), &json!(machine))
    );
    let input = json!({"movieID": "2", "user": "abby", "rating": 4}).to_string();
    let start = |machine: &str| {
        call(
            &server,
            "StartExecution",
            &json!({"stateMachineArn": machine, "name": "x", "input": input}),
        )
    };
    assert_eq!(start(machine).json()["executionArn"], format!("{prefix}x"));
    let usual = "arn:aws:states:local:000000000000:stateMachine:akin";
    assert_eq!(start(usual).json()["__type"], "StateMachineDoesNotExist");

    // Over a restart with the same names; with others like one that never was; and with the same ones again.
    server.kill_9();
    let server = Server::start_ready(&workplace, &NAMES);
    assert_eq!(get(&server, &path).json(), execution);
    assert!(server.stop().success());
    let server = Server::start_ready(&workplace, &[]);
    assert_eq!(get(&server, &path).status, 404);
    let gone = call(&server, "DescribeExecution", &json!({"executionArn": handle})).json();
    assert_eq!(gone["__type"], "ExecutionDoesNotExist");
    let renamed = get(&server, "/executions?user=abby").json();
    let renamed = renamed["executions"][1]["executionArn"].as_str().unwrap().to_owned();
    assert_eq!(renamed.rsplit(':').next(), handle.rsplit(':').next());
    assert_eq!(get(&server, &format!("/executions/{renamed}")).status, 200);
    assert!(server.stop().success());
    let server = Server::start_ready(&workplace, &NAMES);
    assert_eq!(get(&server, &path).json(), execution);
}

#[test]
fn values_that_would_do_harm_are_refused_at_the_start() {
    let workplace = Workplace::new();
    for (option, value, said) in [
        ("--request-timeout", "0", "a duration from 10ms to 24h"),
        ("--arn-region", "Europe", "a region has"),
        ("--arn-account", "12345", "an account has 12 digits"),
        ("--state-machine", "a:b", "a state machine's name has"),
    ] {
        let (code, log) = Server::start_in_vain(&workplace, &[option, value]);
        assert_eq!(code, Some(2), "{log}");
        assert!(log.contains(said) && log.contains(option), "{log}");
    }
}
