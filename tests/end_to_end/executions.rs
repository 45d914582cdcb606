//! The life of executions over the REST door: names, arrays, deletions, listings, stops.

use std::collections::BTreeSet;

use akin_schemas::{ItemId, UserId};
use akin_serve::ledger::{Ledger, Opening, RedbLedger, Submission};
use serde_json::{Value, json};

use crate::harness::{Response, Server, Workplace, get, post_rating, send, send_raw};

fn ready() -> (Workplace, Server) {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &[]);
    (workplace, server)
}

fn post(server: &Server, key: Option<&str>, body: &Value) -> Response {
    let headers = key.map(|key| ("idempotency-key", key));
    send(server, "POST", "/ratings", headers.as_slice(), Some(&body.to_string()))
}

#[track_caller]
fn ended(server: &Server, arn: &str) -> Value {
    get(server, &format!("/executions/{arn}?wait=30")).json()
}

/// Through the Step Functions door.
fn call(server: &Server, operation: &str, parameters: &Value) -> Value {
    let target = format!("AWSStepFunctions.{operation}");
    let headers = [("x-amz-target", &*target), ("content-type", "application/x-amz-json-1.0")];
    let answer = send_raw(server, "POST", "/", &headers, &parameters.to_string());
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

fn rated_items(server: &Server, user: &str) -> Vec<(String, f64)> {
    let body = get(server, &format!("/users/{user}/ratings")).json();
    let ratings = body["ratings"].as_array().unwrap().iter();
    ratings
        .map(|r| (r["itemId"].as_str().unwrap().to_owned(), r["rating"].as_f64().unwrap()))
        .collect()
}

#[test]
fn one_name_is_one_rating_and_one_handle_at_once_and_after_a_restart() {
    let (workplace, server) = ready();
    let body = json!({"movieID": "1", "user": "abby", "rating": 6});
    let answers: Vec<Response> = std::thread::scope(|scope| {
        let send = || post(&server, Some("key 1"), &body);
        let threads: Vec<_> = (0..50).map(|_| scope.spawn(send)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| answer.status == 202));
    let arn = answers[0].json()["executionArn"].as_str().unwrap().to_owned();
    assert!(answers.iter().all(|answer| answer.body == answers[0].body), "one handle for all");
    assert_eq!(ended(&server, &arn)["status"], "SUCCEEDED");
    let listed =
        || get(&server, "/executions?user=abby").json()["executions"].as_array().map(Vec::len);
    assert_eq!(listed(), Some(1));

    // Another spelling is the same input; another input is not, nor is another number of ratings.
    let spelled = r#" {"userId":"abby","itemId":1,"rating":6.0}"#;
    let by_query = send(&server, "POST", "/ratings?name=key%201", &[], Some(spelled));
    assert_eq!(by_query.body, answers[0].body);
    let other = post(&server, Some("key 1"), &json!({"movieID": "1", "user": "abby", "rating": 5}));
    assert_eq!((other.status, other.header("content-type")), (409, "application/problem+json"));
    assert_eq!(post(&server, Some("key 1"), &json!([body, body])).status, 409);
    // Another caller's key is another key, and without one each time counts.
    let bob = json!({"movieID": "1", "user": "bob", "rating": 6});
    assert_ne!(post(&server, Some("key 1"), &bob).body, answers[0].body);
    assert_ne!(post(&server, None, &body).body, answers[0].body);
    assert_eq!(listed(), Some(2));
    for bad in ["", &"x".repeat(256)] {
        assert_eq!(post(&server, Some(bad), &body).status, 400, "{bad}");
    }
    let two = send(&server, "POST", "/ratings?name=a", &[("idempotency-key", "b")], Some(spelled));
    assert_eq!(two.status, 400);
    let headers = [("idempotency-key", "a"), ("idempotency-key", "b")];
    let several = send(&server, "POST", "/ratings", &headers, Some(spelled));
    assert_eq!(several.status, 400);

    server.kill_9();
    let server = Server::start_ready(&workplace, &[]);
    assert_eq!(post(&server, Some("key 1"), &body).body, answers[0].body);
    assert_eq!(rated_items(&server, "abby"), [("1".to_owned(), 6.0)]);
}

#[test]
fn an_array_gives_a_handle_an_element_or_nothing_at_all() {
    let (_workplace, server) = ready();
    let one = |item: &str, rating: f64| json!({"movieID": item, "user": "abby", "rating": rating});
    let refused = post(&server, None, &json!([one("1", 5.0), one("2", 99.0)]));
    assert_eq!(refused.status, 422);
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with("element 1: "), "{detail}");
    assert_eq!(rated_items(&server, "abby"), []);

    let all: Vec<Value> = (0..1000).map(|n| one(&format!("item {n}"), 5.0)).collect();
    let answer = post(&server, Some("many"), &json!(all));
    assert_eq!(answer.status, 202, "{}", answer.body);
    let handles = answer.json();
    let handles: BTreeSet<_> = handles
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["executionArn"].as_str().unwrap())
        .collect();
    assert_eq!(handles.len(), 1000);
    for arn in handles.iter().take(3) {
        let execution = ended(&server, arn);
        assert_eq!(execution["status"], "SUCCEEDED");
        assert_eq!(execution["output"]["rated"]["known"], false);
    }
    assert_eq!(post(&server, Some("many"), &json!(all)).body, answer.body);

    // The user's ratings come in parts.
    let (mut items, mut next) = (Vec::new(), String::new());
    loop {
        let part = get(&server, &format!("/users/abby/ratings?n=300{next}")).json();
        let ratings = part["ratings"].as_array().unwrap();
        items.extend(ratings.iter().map(|one| one["itemId"].as_str().unwrap().to_owned()));
        match part["next"].as_str() {
            Some(after) => next = format!("&after={}", after.replace(' ', "%20")),
            None => break,
        }
    }
    assert_eq!(items.len(), 1000);
    assert!(items.is_sorted());
}

#[test]
fn a_rating_is_put_and_taken_back_under_its_own_address() {
    let (_workplace, server) = ready();
    // Known from the version.
    let ann = || rated_items(&server, "ann");
    assert_eq!(ann(), [("1".to_owned(), 5.0), ("2".to_owned(), 4.5)]);
    let put = send(&server, "PUT", "/users/ann/ratings/3", &[], Some(r#"{"rating":2}"#));
    assert_eq!(put.status, 202, "{}", put.body);
    let arn = put.json()["executionArn"].as_str().unwrap().to_owned();
    let input = ended(&server, &arn)["input"].clone();
    assert_eq!(input, json!({"movieID": "3", "user": "ann", "rating": 2.0}));
    let deleted = send(&server, "DELETE", "/users/ann/ratings/1", &[], None);
    assert_eq!(deleted.status, 202, "{}", deleted.body);
    let execution = ended(&server, deleted.json()["executionArn"].as_str().unwrap());
    assert_eq!(execution["status"], "SUCCEEDED");
    assert_eq!(execution["input"]["rating"], Value::Null);
    assert_eq!(ann(), [("2".to_owned(), 4.5), ("3".to_owned(), 2.0)]);
    // What was taken back may be recommended again.
    let output = get(&server, "/users/ann/recommendations").json();
    let items: Vec<_> = output["recommendations"].as_array().unwrap().iter().collect();
    assert!(items.iter().any(|item| item["itemId"] == "1"), "{output}");

    let whole = r#"{"rating":2,"user":"ann"}"#;
    for (status, method, path, body) in [
        (422, "PUT", "/users/ann/ratings/1", Some(r#"{"rating":11}"#)),
        (422, "PUT", "/users/ann/ratings/1", Some(whole)),
        (422, "PUT", "/users/ann/ratings/1", Some("[2]")),
        (400, "PUT", "/users/ann/ratings/1", Some("")),
        (400, "PUT", "/users/ann/ratings/a%00b", Some(r#"{"rating":2}"#)),
        (400, "DELETE", "/users/a%00b/ratings/1", None),
        (405, "POST", "/users/ann/ratings/1", Some(r#"{"rating":2}"#)),
        (405, "DELETE", "/users/ann/ratings", None),
        (400, "GET", "/users/ann/ratings?n=0", None),
    ] {
        let answer = send(&server, method, path, &[], body);
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
    }
}

#[test]
fn executions_are_listed_newest_first_by_user_and_status_in_parts() {
    let (_workplace, server) = ready();
    let mut arns: Vec<String> = Vec::new();
    for n in 0..7 {
        let user = if n % 2 == 0 { "abby" } else { "bob" };
        let arn = post_rating(&server, user, &n.to_string(), 5.0);
        ended(&server, &arn);
        arns.push(arn);
    }
    arns.reverse();
    let all = |query: &str| {
        let (mut found, mut token) = (Vec::new(), String::new());
        loop {
            let part = get(&server, &format!("/executions?n=2{query}{token}"));
            assert_eq!(part.status, 200, "{}", part.body);
            let part = part.json();
            let executions = part["executions"].as_array().unwrap();
            found.extend(
                executions.iter().map(|one| one["executionArn"].as_str().unwrap().to_owned()),
            );
            match part["nextToken"].as_str() {
                Some(next) => token = format!("&nextToken={next}"),
                None => return found,
            }
        }
    };
    assert_eq!(all(""), arns);
    // An end that was shown is written, and listed by.
    assert_eq!(all("&status=SUCCEEDED"), arns);
    let of_bob: Vec<_> = arns.iter().skip(1).step_by(2).cloned().collect();
    assert_eq!(all("&user=bob"), of_bob);
    assert_eq!(all("&user=bob&status=FAILED"), [""; 0]);
    // Many within a millisecond, which end in any order: newest first is as they were accepted.
    let array: Vec<Value> =
        (0..40).map(|n| json!({"movieID": n, "user": "carl", "rating": 5})).collect();
    let accepted = send(&server, "POST", "/ratings", &[], Some(&json!(array).to_string())).json();
    let accepted = accepted.as_array().unwrap().iter().rev();
    let accepted = accepted.map(|one| one["executionArn"].as_str().unwrap().to_owned());
    let newest: Vec<String> = accepted.chain(arns).collect();
    assert_eq!(all(""), newest);
    assert_eq!(all("&user=carl"), newest[..40]);
    let machine = "arn:aws:states:local:000000000000:stateMachine:akin";
    let mut parameters = json!({"stateMachineArn": machine, "maxResults": 7});
    let mut listed: Vec<String> = Vec::new();
    loop {
        let part = call(&server, "ListExecutions", &parameters);
        let executions = part["executions"].as_array().unwrap();
        listed
            .extend(executions.iter().map(|one| one["executionArn"].as_str().unwrap().to_owned()));
        let Some(next) = part["nextToken"].as_str() else { break };
        parameters["nextToken"] = next.into();
    }
    assert_eq!(listed, newest);
    let token = get(&server, "/executions?n=2").json()["nextToken"].as_str().unwrap().to_owned();
    for query in [
        "status=DONE",
        "n=0",
        "n=1001",
        "user=",
        "nextToken=abc",
        "limit=5",
        "user=%ff",
        &format!("user=bob&nextToken={token}"),
    ] {
        let answer = get(&server, &format!("/executions?{query}"));
        assert_eq!(answer.status, 400, "{query}: {}", answer.body);
    }
}

/// Ratings that an earlier server accepted and did not come to score.
pub fn left_running(workplace: &Workplace, items: &[&str]) -> Vec<String> {
    let ledger = RedbLedger::open(&workplace.path("data"), Opening::default()).unwrap();
    let submission = |item: &&str| Submission {
        user: UserId::try_from("abby").unwrap(),
        item: ItemId::try_from(*item).unwrap(),
        rating: Some(5.0),
        input: "{}".to_owned(),
    };
    let submissions: Vec<_> = items.iter().map(submission).collect();
    let now = chrono::Utc::now().timestamp_micros();
    let accepted = ledger.accept(&submissions, &[], now).unwrap();
    let machine = akin_schemas::http::StateMachine::default();
    let arn = |id: &dyn std::fmt::Display| machine.execution_arn(&id.to_string());
    accepted.iter().map(|accepted| arn(&accepted.execution)).collect()
}

#[test]
fn a_stopped_execution_never_succeeds_and_its_rating_stays() {
    let workplace = Workplace::new();
    let arns = left_running(&workplace, &["1", "2"]);
    let server = Server::start(&workplace, &[]);
    let running = get(&server, &format!("/executions/{}", arns[0]));
    assert_eq!(
        (running.json()["status"].as_str(), running.header("retry-after")),
        (Some("RUNNING"), "1")
    );
    let stop = |arn: &str, body: Option<&str>| {
        send(&server, "POST", &format!("/executions/{arn}/stop"), &[], body)
    };
    for (status, body) in [
        (422, r#"{"error":1}"#),
        (422, r#"{"reason":""}"#),
        (422, r#"["Enough","because"]"#),
        (400, "x"),
    ] {
        assert_eq!(stop(&arns[0], Some(body)).status, status, "{body}");
    }
    let long = json!({"error": "x".repeat(257)}).to_string();
    assert_eq!(stop(&arns[0], Some(&long)).status, 422);
    let long = json!({"cause": "é".repeat(32_769)}).to_string();
    assert_eq!(stop(&arns[0], Some(&long)).status, 422);
    assert_eq!(stop("arn:aws:states:local:000000000000:execution:akin:x", None).status, 404);
    let stopped = stop(&arns[0], Some(r#"{"error":"Enough","cause":"because"}"#));
    assert_eq!(stopped.status, 200, "{}", stopped.body);
    let first = stopped.json();
    assert_eq!(
        (&first["status"], &first["error"], &first["cause"]),
        (&json!("ABORTED"), &json!("Enough"), &json!("because"))
    );
    assert_eq!(stop(&arns[0], None).json(), first, "the first stop stands");
    // On disk when it was answered.
    server.kill_9();

    let server = Server::start(&workplace, &[]);
    assert_eq!(ended(&server, &arns[0]), first);
    workplace.publish(&[]).summary();
    assert_eq!(ended(&server, &arns[1])["status"], "SUCCEEDED");
    assert_eq!(ended(&server, &arns[0]), first);
    let late = send(&server, "POST", &format!("/executions/{}/stop", arns[1]), &[], None).json();
    assert_eq!(late["status"], "SUCCEEDED", "what has ended stays as it is");
    let rated = rated_items(&server, "abby");
    assert_eq!(rated, [("1".to_owned(), 5.0), ("2".to_owned(), 5.0)]);
}

#[test]
fn a_cause_may_be_as_long_as_it_is_said_however_it_is_written() {
    let workplace = Workplace::new();
    let arns = left_running(&workplace, &["1"]);
    let server = Server::start(&workplace, &[]);
    let body = format!(r#"{{"cause":"{}"}}"#, r"\ud83d\ude00".repeat(32_768));
    let stopped = send(&server, "POST", &format!("/executions/{}/stop", arns[0]), &[], Some(&body));
    assert_eq!(stopped.status, 200, "{}", stopped.body);
    assert_eq!(stopped.json()["cause"], "\u{1f600}".repeat(32_768));
}

#[test]
fn no_more_executions_are_kept_than_asked_for_however_fast_they_come() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &["--keep-executions", "100"]);
    let array: Vec<Value> = (0..1000)
        .map(|n| json!({"movieID": n % 7, "user": format!("user-{n}"), "rating": 3}))
        .collect();
    for _ in 0..12 {
        let answer = send(&server, "POST", "/ratings", &[], Some(&json!(array).to_string()));
        assert_eq!(answer.status, 202, "{}", answer.body);
    }
    crate::harness::wait_for("the oldest are forgotten", || {
        let listed = get(&server, "/executions?n=200").json();
        (listed["executions"].as_array().unwrap().len() == 100).then_some(())
    });
}

#[test]
fn an_execution_that_takes_too_long_times_out_and_its_rating_stays() {
    let workplace = Workplace::new();
    let arns = left_running(&workplace, &["1"]);
    let server = Server::start(&workplace, &["--execution-timeout", "0.2"]);
    let execution = ended(&server, &arns[0]);
    assert_eq!(execution["status"], "TIMED_OUT", "{execution}");
    assert_eq!(execution["error"], "States.Timeout", "{execution}");
    let cause = execution["cause"].as_str().unwrap();
    assert!(
        cause.contains("--execution-timeout") && cause.contains("the rating is kept"),
        "{cause}"
    );
    let events = get(&server, &format!("/executions/{}/events", arns[0])).body;
    assert!(events.contains("event: TIMED_OUT") && events.contains("States.Timeout"), "{events}");
    let described = call(&server, "DescribeExecution", &json!({"executionArn": arns[0]}));
    assert_eq!(described["status"], "TIMED_OUT", "{described}");
    assert_eq!(
        (&described["error"], &described["cause"]),
        (&execution["error"], &execution["cause"])
    );
    let history = call(&server, "GetExecutionHistory", &json!({"executionArn": arns[0]}));
    let last = history["events"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["type"], &last["id"]), (&"ExecutionTimedOut".into(), &3.into()));
    assert_eq!(last["previousEventId"], 0, "{last}");
    assert_eq!(last["executionTimedOutEventDetails"], json!({"error": "States.Timeout"}));
    workplace.publish(&[]).summary();
    server.wait_until_ready();
    assert_eq!(ended(&server, &arns[0]), execution);
    assert_eq!(rated_items(&server, "abby"), [("1".to_owned(), 5.0)]);
}
