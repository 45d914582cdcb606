//! Every bad request has its status: 4xx for whatever the client did.

use crate::harness::{Response, Server, Workplace, get, post_rating, post_raw, send, wait_for};

fn ready() -> (Workplace, Server) {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &["--request-timeout", "1"]);
    (workplace, server)
}

#[track_caller]
fn assert_problem(server: &Server, answer: &Response, status: u16, case: &str) {
    assert_eq!(answer.status, status, "{case}: {}", answer.body);
    assert_eq!(answer.header("content-type"), "application/problem+json", "{case}");
    let problem = answer.json();
    assert_eq!(problem["status"], status, "{case}");
    for field in ["type", "title", "detail", "requestId"] {
        let text = problem[field].as_str().unwrap_or_default();
        assert!(!text.is_empty(), "{case}: {field} in {problem}");
    }
    assert_eq!(answer.header("x-request-id"), problem["requestId"].as_str().unwrap(), "{case}");
    // Its type leads to what it means.
    let kind = get(server, problem["type"].as_str().unwrap());
    assert_eq!(kind.status, 200, "{case}: {}", kind.body);
    let kind = kind.json();
    for field in ["type", "title", "status"] {
        assert_eq!(kind[field], problem[field], "{case}: {kind}");
    }
    for field in ["meaning", "remedy"] {
        assert!(!kind[field].as_str().unwrap_or_default().is_empty(), "{case}: {kind}");
    }
}

#[test]
fn a_bad_body_is_refused_with_its_status() {
    let (_workplace, server) = ready();
    let rating = |text: &str| format!(r#"{{"movieID":"1","user":"abby","rating":{text}}}"#);
    let item = |text: &str| format!(r#"{{"movieID":{text},"user":"abby","rating":5}}"#);
    let long_id = format!("\"{}\"", "x".repeat(129));
    let cases: Vec<(u16, Vec<u8>)> = vec![
        (400, b"".into()),
        (400, b"{".into()),
        (400, rating("NaN").into()),
        (400, rating("1e999").into()),
        (400, item(r#""\ud800""#).into()),
        (400, b"{\"movieID\":\"\xff\",\"user\":\"a\",\"rating\":1}".into()),
        (400, [b"\xef\xbb\xbf".as_slice(), rating("5").as_bytes()].concat()),
        (400, format!("{} x", rating("5")).into()),
        (400, b"[".into()),
        (400, rating("Infinity").into()),
        (400, rating("+5").into()),
        (400, rating("05").into()),
        (400, b"{\"movieID\":\"1\",\"user\":\"abby\",\"rating\":5}\0".into()),
        (400, b"\x1f\x8b\x08\0\0\0\0\0\0\x03".into()),
        (422, b"null".into()),
        (422, b"5".into()),
        (422, b"\"5\"".into()),
        (422, b"{}".into()),
        (422, b"[]".into()),
        (422, b"[null]".into()),
        (422, format!("[{},{}]", rating("5"), rating("0")).into()),
        (422, format!("[{}{}]", rating("5"), format!(",{}", rating("5")).repeat(1000)).into()),
        (422, format!("[[{}]]", rating("5")).into()),
        (422, br#"["1","abby",5]"#.into()),
        (422, br#"[["1","abby",5]]"#.into()),
        (422, br#"[["1","abby",5,null]]"#.into()),
        (422, rating("5,\"options\":[5]").into()),
        (422, rating("5,\"options\":[5,[],[],[],[],1,0.5]").into()),
        (422, rating("0").into()),
        (422, rating("-0.0").into()),
        (422, rating("-1").into()),
        (422, rating("10.0001").into()),
        (422, rating("1e-320").into()),
        (422, rating("null").into()),
        (422, rating("true").into()),
        (422, rating("\"5\"").into()),
        (422, rating("5,\"rating\":6").into()),
        (422, rating("5,\"extra\":6").into()),
        (422, item("1.0").into()),
        (422, item("-0.0").into()),
        (422, item("1e3").into()),
        (422, item("18446744073709551616").into()),
        (422, item("9007199254740993.0").into()),
        (422, item("null").into()),
        (422, item("true").into()),
        (422, item("{}").into()),
        (422, item("\"1\",\"itemId\":\"1\"").into()),
        (422, item("\"1\",\"movieID\":\"1\"").into()),
        (422, item("\"1\",\"userId\":\"abby\"").into()),
        (422, item("\"1\",\"MovieID\":\"1\"").into()),
        (422, br#"{"movieID":"1","user":"","rating":5}"#.into()),
        (422, br#"{"movieID":"1","user":1.5,"rating":5}"#.into()),
        (422, br#"{"movieID":"1","user":"a\u007fb","rating":5}"#.into()),
        (422, br#"{"movieID":"1","rating":5}"#.into()),
        (422, item("\"\"").into()),
        (422, item("\"a\\u0000b\"").into()),
        (422, item(&long_id).into()),
        (422, item("[[[[[[[[[[1]]]]]]]]]]").into()),
        (413, item(&format!("\"{}\"", "x".repeat(1 << 20))).into()),
        (413, format!("[{}]", item(&format!("\"{}\"", "x".repeat(5000)))).into()),
        (413, vec![b'['; 600_000]),
        (400, "[".repeat(200_000).into()),
    ];
    for (status, body) in cases {
        let case = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let answer = post_raw(&server, "/ratings", "application/json", &body);
        assert_problem(&server, &answer, status, &case);
    }
    // Nothing of it was taken.
    assert_eq!(get(&server, "/users/abby/recommendations").json()["known"], false);
}

#[test]
fn ids_are_taken_as_they_are() {
    let (_workplace, server) = ready();
    for (sent, expected) in [
        ("9007199254740993", "9007199254740993"),
        ("\" 1\"", " 1"),
        ("\"01\"", "01"),
        ("\"\\u202eabc\"", "\u{202e}abc"),
        ("\"e\\u0301\"", "e\u{301}"),
        ("\"\\u00e9\"", "\u{e9}"),
        ("\"a\\u200bb\"", "a\u{200b}b"),
        ("\"\\ud83c\\udfac\"", "\u{1f3ac}"),
        ("-1", "-1"),
        ("18446744073709551615", "18446744073709551615"),
        ("1", "1"),
        ("\"1\"", "1"),
    ] {
        let body = format!(r#"{{"itemId":{sent},"userId":7,"rating":5}}"#);
        let answer =
            post_raw(&server, "/ratings", "application/json; charset=utf-8", body.as_bytes());
        assert_eq!(answer.status, 202, "{}", answer.body);
        let location = answer.header("location").to_owned();
        assert_eq!(
            location,
            format!("/executions/{}", answer.json()["executionArn"].as_str().unwrap())
        );
        let execution = get(&server, &format!("{location}?wait=20")).json();
        assert_eq!(execution["output"]["rated"]["itemId"], expected);
        assert_eq!(execution["output"]["user"], "7");
    }
    // Each its own item, but that `1` and `"1"` are one.
    let rated = get(&server, "/users/7/ratings").json()["ratings"].as_array().unwrap().len();
    assert_eq!(rated, 11);
}

#[test]
fn a_handle_that_is_none_is_not_found_whoever_asks_and_for_what() {
    let (_workplace, server) = ready();
    let handle = post_rating(&server, "abby", "1", 5.0);
    let name = handle.rsplit_once(':').unwrap().1;
    let machine = "arn:aws:states:local:000000000000:execution:akin";
    let last = if handle.ends_with('0') { "1" } else { "0" };
    for (status, arn) in [
        (200, handle.clone()),
        // A step of a path may be written in percents.
        (200, handle.replace(':', "%3A")),
        (404, "abc".to_owned()),
        (404, name.to_owned()),
        (404, format!("{machine}:")),
        (404, format!("{machine}:abc")),
        (404, format!("{machine}:{}", "0".repeat(10_000))),
        (404, format!("{}{last}", &handle[..handle.len() - 1])),
        (404, handle[..handle.len() - 1].to_owned()),
        (404, format!("{handle}0")),
        (404, format!("{handle}%20")),
        (404, format!("{handle}%00")),
        (404, format!("{machine}:{}", name.to_uppercase())),
        (404, handle.replace("local", "eu-west-1")),
        (404, handle.replace("000000000000", "123456789012")),
        (404, handle.replace(":akin:", ":other:")),
        (404, handle.replace(":execution:", ":stateMachine:")),
        (404, "%2e%2e".to_owned()),
        (400, format!("{machine}:%ff")),
    ] {
        for (method, path) in [("GET", ""), ("GET", "/events"), ("POST", "/stop")] {
            let path = format!("/executions/{arn}{path}");
            let answer = crate::harness::send(&server, method, &path, &[], None);
            let case = format!("{method} {}", &path[..path.len().min(120)]);
            if status == 200 {
                assert_eq!(answer.status, 200, "{case}: {}", answer.body);
            } else {
                assert_problem(&server, &answer, status, &case);
            }
        }
    }
}

#[test]
fn a_forgotten_handle_is_like_one_that_never_was() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &[]);
    let handles: Vec<_> =
        ["1", "2", "3"].iter().map(|item| post_rating(&server, "abby", item, 5.0)).collect();
    for handle in &handles {
        get(&server, &format!("/executions/{handle}?wait=30"));
    }
    assert!(server.stop().success());

    let server = Server::start_ready(&workplace, &["--keep-executions", "1"]);
    let look = |handle: &str| get(&server, &format!("/executions/{handle}"));
    crate::harness::wait_for("the oldest is forgotten", || {
        (look(&handles[0]).status == 404).then_some(())
    });
    let never_was = handles[0].rsplit_once(':').unwrap().0.to_owned() + ":never-was";
    let without_id = |answer: Response| {
        let id = answer.json()["requestId"].as_str().unwrap().to_owned();
        (answer.status, answer.body.replace(&id, ""))
    };
    assert_eq!(without_id(look(&handles[0])), without_id(look(&never_was)));
    assert_eq!(look(&handles[2]).json()["status"], "SUCCEEDED");
    // Only the handle is: the ratings stay.
    let rated = get(&server, "/users/abby/ratings").json()["ratings"].as_array().unwrap().len();
    assert_eq!(rated, 3);
}

#[test]
fn a_user_with_too_many_new_ratings_is_told_so_at_either_door() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(
        &workplace,
        &["--new-ratings-per-user", "2", "--flush-interval", "0.1"],
    );
    post_rating(&server, "abby", "1", 5.0);
    post_rating(&server, "abby", "2", 5.0);
    let body = br#"{"movieID":"3","user":"abby","rating":5}"#;
    let refused = post_raw(&server, "/ratings", "application/json", body);
    assert_problem(&server, &refused, 429, "REST");
    assert!(refused.body.contains("the user \\\"abby\\\" has 2 ratings"), "{refused:?}");
    let input = String::from_utf8_lossy(body).into_owned();
    let machine = "arn:aws:states:local:000000000000:stateMachine:akin";
    let call = serde_json::json!({"stateMachineArn": machine, "input": input}).to_string();
    let headers = [
        ("x-amz-target", "AWSStepFunctions.StartExecution"),
        ("content-type", "application/x-amz-json-1.0"),
    ];
    let refused = send(&server, "POST", "/", &headers, Some(&call));
    assert_eq!(
        (refused.status, &refused.json()["__type"]),
        (400, &"ExecutionLimitExceeded".into())
    );
    // What is rated already, and whoever else rates, is taken; and deletions are.
    post_rating(&server, "abby", "2", 4.0);
    post_rating(&server, "bob", "3", 5.0);
    assert_eq!(send(&server, "DELETE", "/users/abby/ratings/3", &[], None).status, 202);
    // A run makes room.
    wait_for("a run takes the ratings in", || {
        let sequence = workplace.publish(&["--with-ledger"]).summary()["sequence"].clone();
        server.wait_for_sequence(sequence.as_u64().unwrap());
        (post_raw(&server, "/ratings", "application/json", body).status == 202).then_some(())
    });
}

#[test]
fn an_array_of_more_than_may_ever_wait_is_refused_for_good() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &["--queue", "2"]);
    let array = |ratings: usize| {
        let rating = serde_json::json!({"movieID": "1", "user": "abby", "rating": 5});
        serde_json::json!(vec![rating; ratings]).to_string()
    };
    let answer = post_raw(&server, "/ratings", "application/json", array(3).as_bytes());
    assert_problem(&server, &answer, 422, "three");
    assert!(answer.body.contains("an array here holds 1 to 2 ratings, not 3"), "{answer:?}");
    assert_eq!(post_raw(&server, "/ratings", "application/json", array(2).as_bytes()).status, 202);
}

#[test]
fn a_bad_path_query_or_method_is_refused_with_its_status() {
    let (_workplace, server) = ready();
    let handle = post_rating(&server, "abby", "1", 5.0);
    let other = handle.replace(&handle[handle.len() - 4..], "0000");
    for (status, path) in [
        (404, "/nothing/here".to_owned()),
        (404, "/users/abby".to_owned()),
        (404, format!("/executions/{other}")),
        (404, "/executions/abc".to_owned()),
        (404, "/items/no-such-item/neighbours".to_owned()),
        (404, "/items/%2e%2e/neighbours".to_owned()),
        (404, "/items/a%2Fb/neighbours".to_owned()),
        (400, format!("/executions/{handle}?wait=-1")),
        (400, format!("/executions/{handle}?wait=61")),
        (400, format!("/executions/{handle}?wait=x")),
        (400, format!("/executions/{handle}?weit=5")),
        (400, "/users/abby/recommendations?n=0".to_owned()),
        (400, "/users/abby/recommendations?n=1001".to_owned()),
        (400, "/users/abby/recommendations?n=99999999".to_owned()),
        (400, "/users/abby/recommendations?m=1".to_owned()),
        (400, "/users/a%00b/recommendations".to_owned()),
        (400, "/users/%ff/recommendations".to_owned()),
        (405, "/ratings".to_owned()),
    ] {
        assert_problem(&server, &get(&server, &path), status, &path);
    }
    for (path, detail) in [
        ("/items/1/neighbours?n=x", "the query: n is a whole number from 1 to 1000, not \"x\""),
        ("/items/1/neighbours?n=100000", "the query: n is from 1 to 1000, not 100000"),
        ("/items/1/neighbours?offset=10001", "the query: offset is from 0 to 10000, not 10001"),
        ("/users/abby/recommendations?n=100000", "the query: n is from 1 to 1000, not 100000"),
        ("/users/abby/recommendations?offset=-1", "the query: offset is from 0 to 10000, not -1"),
        (
            "/users/abby/recommendations?minSupport=9999999999",
            "the query: minSupport is from 0 to 4294967295, not 9999999999",
        ),
        (
            "/users/abby/recommendations?diversity=much",
            "the query: diversity is a number from 0 to 1, not \"much\"",
        ),
        ("/users/abby/ratings?n=1001", "the query: n is from 1 to 1000, not 1001"),
        ("/executions?n=0", "the query: n is from 1 to 1000, not 0"),
        ("/executions?n=", "the query: n is a whole number from 1 to 1000, not \"\""),
        ("/executions/x?wait=61", "the query: wait is from 0 to 60, not 61"),
        ("/executions/x?wait=1.5", "the query: wait is a whole number from 0 to 60, not \"1.5\""),
        (
            "/executions?status=x",
            "the query: status: unknown variant `x`, expected one of `RUNNING`",
        ),
        ("/executions?limit=5", "the query: unknown field `limit`, expected one of `user`"),
    ] {
        let answer = get(&server, path);
        assert_problem(&server, &answer, 400, path);
        assert!(answer.json()["detail"].as_str().unwrap().starts_with(detail), "{answer:?}");
    }
    let body = br#"{"movieID":"1","user":"abby","rating":6}"#;
    assert_problem(
        &server,
        &post_raw(&server, "/versions/current", "application/json", body),
        405,
        "POST",
    );
    assert_problem(&server, &post_raw(&server, "/ratings", "text/plain", body), 415, "text/plain");
    assert_problem(
        &server,
        &post_raw(&server, "/ratings", "application/x-www-form-urlencoded", body),
        415,
        "form",
    );
}
