//! What the server tells of itself: metrics, and the ids that find a request in its log.

use serde_json::{Value, json};

use crate::harness::{
    Server, Workplace, get, metrics, post_rating, post_raw, send, send_raw, wait_for,
};

#[test]
fn who_has_versions_that_do_not_load_is_not_told_to_publish_one() {
    let workplace = Workplace::new();
    let server = Server::start(&workplace, &[]);
    let answer = |server: &Server| get(server, "/users/abby/recommendations");
    assert!(answer(&server).body.contains("run akin-batch"), "{:?}", answer(&server));
    wait_for("what is waited for", || {
        server.log_text().contains("no version is published there yet").then_some(())
    });
    assert!(server.stop().success());

    workplace.publish(&[]).summary();
    std::fs::write(workplace.path("store/manifests/00000000000000000001.json"), "{}").unwrap();
    let server = Server::start(&workplace, &[]);
    wait_for("a refusal", || server.log_text().contains("no version serves").then_some(()));
    let told = wait_for("the reason", || {
        let answer = answer(&server);
        (!answer.body.contains("run akin-batch")).then_some(answer)
    });
    assert_eq!(told.status, 503, "{told:?}");
    assert!(told.body.contains("no version can be loaded"), "{told:?}");
    assert!(get(&server, "/health/ready").body.contains("publication 1 does not load"));
}

#[test]
fn metrics_tell_what_happened() {
    let workplace = Workplace::new();
    let server = Server::start(&workplace, &["--flush-interval", "86400"]);
    let before = metrics(&server);
    assert_eq!(before["akin_ready"], 0.0);
    assert!(!before.keys().any(|name| name.starts_with("akin_version_info")), "{before:?}");
    let rating = json!({"movieID": "1", "user": "abby", "rating": 5}).to_string();
    assert_eq!(send(&server, "POST", "/ratings", &[], Some(&rating)).status, 503);

    let version = workplace.publish(&[]).summary()["version"].as_str().unwrap().to_owned();
    server.wait_until_ready();
    let flushed_before = metrics(&server)["akin_unflushed_entries"];
    for item in ["1", "2"] {
        let handle = post_rating(&server, "abby", item, 5.0);
        get(&server, &format!("/executions/{handle}?wait=30"));
    }
    let key = [("idempotency-key", "k")];
    for _ in 0..2 {
        assert_eq!(send(&server, "POST", "/ratings", &key, Some(&rating)).status, 202);
    }
    assert_eq!(post_raw(&server, "/ratings", "application/json", b"{").status, 400);
    assert_eq!(post_raw(&server, "/ratings", "application/json", b"{}").status, 422);
    assert_eq!(
        send(&server, "PUT", "/users/a/ratings/1", &[], Some("{\"rating\":99}")).status,
        422
    );
    let target = [
        ("x-amz-target", "AWSStepFunctions.StartExecution"),
        ("content-type", "application/x-amz-json-1.0"),
    ];
    let machine = "arn:aws:states:local:000000000000:stateMachine:akin";
    let call = json!({"stateMachineArn": machine, "input": "{}"}).to_string();
    assert_eq!(send_raw(&server, "POST", "/", &target, &call).status, 400);
    get(&server, "/users/abby/recommendations");
    assert_eq!(get(&server, "/no/such/path").status, 404);

    let after = wait_for("the third execution has ended", || {
        let after = metrics(&server);
        (after["akin_executions_ended_total{status=\"SUCCEEDED\"}"] == 3.0).then_some(after)
    });
    for (series, expected) in [
        ("akin_ready", 1.0),
        ("akin_ledger_failed", 0.0),
        ("akin_store_unreachable", 0.0),
        ("akin_version_refused", 0.0),
        ("akin_version_load_failures_total", 0.0),
        ("akin_version_sequence", 1.0),
        (&format!("akin_version_info{{version=\"{version}\"}}"), 1.0),
        ("akin_queue_ratings", 0.0),
        ("akin_ratings_accepted_total", 3.0),
        ("akin_ratings_repeated_total", 1.0),
        // The repeated one too.
        ("akin_commit_ratings_sum", 4.0),
        ("akin_rating_requests_refused_total{door=\"rest\",reason=\"no-version\"}", 1.0),
        ("akin_rating_requests_refused_total{door=\"rest\",reason=\"bad-request\"}", 1.0),
        ("akin_rating_requests_refused_total{door=\"rest\",reason=\"invalid-rating\"}", 2.0),
        (
            "akin_rating_requests_refused_total{door=\"step-functions\",reason=\"InvalidExecutionInput\"}",
            1.0,
        ),
        ("akin_http_requests_total{method=\"POST\",route=\"/ratings\",status=\"202\"}", 4.0),
        ("akin_http_requests_total{method=\"POST\",route=\"/ratings\",status=\"503\"}", 1.0),
        ("akin_http_requests_total{method=\"GET\",route=\"other\",status=\"404\"}", 1.0),
        (
            "akin_http_request_duration_seconds_count{method=\"GET\",route=\"/executions/{arn}\"}",
            2.0,
        ),
        ("akin_http_panics_total", 0.0),
        // Three executions, and one list that was asked for.
        ("akin_scoring_duration_seconds_count", 4.0),
        ("akin_unflushed_entries", flushed_before + 3.0),
        ("akin_flush_failures_total", 0.0),
    ] {
        assert_eq!(after.get(series), Some(&expected), "{series} in {after:#?}");
    }
    let now = chrono::Utc::now().timestamp() as f64;
    for series in [
        "akin_version_started_timestamp_seconds",
        "akin_version_loaded_timestamp_seconds",
        "process_start_time_seconds",
    ] {
        assert!((now - after[series]).abs() < 3600.0, "{series}: {} at {now}", after[series]);
    }
    assert!(after["process_resident_memory_bytes"] > 1e6);
    assert!(after["akin_commit_duration_seconds_count"] >= 2.0);
    assert!(!get(&server, "/metrics").body.contains("abby"), "a user is in the metrics");

    // A version that does not load is counted, and the old one serves on.
    let manifest = workplace.path("store/manifests/00000000000000000002.json");
    std::fs::write(manifest, "{}").unwrap();
    let refused = wait_for("the version is refused", || {
        let metrics = metrics(&server);
        (metrics["akin_version_refused"] == 1.0).then_some(metrics)
    });
    assert!(refused["akin_version_load_failures_total"] >= 1.0);
    assert_eq!((refused["akin_version_sequence"], refused["akin_ready"]), (1.0, 1.0));
}

#[test]
fn what_is_in_the_store_is_not_unflushed() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &["--flush-interval", "0.1"]);
    post_rating(&server, "abby", "1", 5.0);
    let flushed = wait_for("the rating is in the store", || {
        let metrics = metrics(&server);
        (metrics["akin_unflushed_entries"] == 0.0 && metrics["akin_flushed_entries_total"] == 1.0)
            .then_some(metrics)
    });
    let now = chrono::Utc::now().timestamp() as f64;
    let at = flushed["akin_flush_last_success_timestamp_seconds"];
    assert!((now - at).abs() < 3600.0, "{at} at {now}");
}

#[test]
fn ratings_that_waited_before_a_restart_count_among_those_that_wait() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let options = ["--flush-interval", "86400", "--flush-ratings", "3"];
    let server = Server::start_ready(&workplace, &options);
    for item in ["1", "2"] {
        post_rating(&server, "abby", item, 5.0);
    }
    server.kill_9();
    let server = Server::start_ready(&workplace, &options);
    assert_eq!(metrics(&server)["akin_unflushed_entries"], 2.0);
    post_rating(&server, "abby", "3", 5.0);
    wait_for("all three are in the store", || {
        (metrics(&server)["akin_flushed_entries_total"] == 3.0).then_some(())
    });
}

#[test]
fn who_cannot_write_to_the_store_says_so_until_it_can() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &["--flush-interval", "0.1"]);
    let (store, away) = (workplace.path("store"), workplace.path("away"));
    std::fs::rename(&store, &away).unwrap();
    post_rating(&server, "abby", "1", 5.0);
    let health = wait_for("a failed flush", || {
        let health = get(&server, "/health/ready");
        health.body.contains("accepted ratings could not be written").then_some(health)
    });
    assert_eq!((health.status, &health.json()["status"]), (200, &json!("degraded")));
    assert!(server.log_text().contains("the store's folder is gone"), "{}", server.log_text());
    std::fs::rename(&away, &store).unwrap();
    wait_for("all is well", || {
        (get(&server, "/health/ready").json()["status"] == "ok").then_some(())
    });
    assert_eq!(metrics(&server)["akin_unflushed_entries"], 0.0);
}

#[test]
fn a_request_is_found_in_the_log_by_the_id_that_its_client_knows() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_with_json_log(&workplace, "info,akin_serve::request=debug");
    server.wait_until_ready();
    let ask = |method: &str, path: &str, id: &str| {
        send(&server, method, path, &[("x-request-id", id)], None)
    };
    let mine = "Root=1-67891233/abc_x.y:z@+";
    let found = ask("GET", "/users/a%20secret/recommendations", mine);
    assert_eq!((found.status, found.header("x-request-id")), (200, mine));
    let missing = ask("GET", "/items/no-such-item/neighbours", "my-404");
    assert_eq!((missing.status, missing.header("x-request-id")), (404, "my-404"));
    assert_eq!(missing.json()["requestId"], "my-404");
    for bad in ["a b", "a\"b", "{}", &"x".repeat(129)] {
        let replaced = ask("GET", "/health/live", bad).header("x-request-id").to_owned();
        assert!(replaced.len() == 16 && replaced != bad, "{replaced}");
    }
    let call = [("x-amz-target", "AWSStepFunctions.Nothing"), ("x-request-id", "my-call")];
    let refused = send(&server, "POST", "/", &call, Some("{}"));
    assert_eq!(refused.header("x-amzn-requestid"), "my-call");

    let log = server.log_text();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (id, method, route, status) in [
        (mine, "GET", "/users/{id}/recommendations", 200),
        ("my-404", "GET", "/items/{id}/neighbours", 404),
        ("my-call", "POST", "/", 400),
    ] {
        let of_request: Vec<_> = lines.iter().filter(|line| line["request_id"] == id).collect();
        let [line] = of_request[..] else { panic!("{id}: {of_request:?}") };
        assert_eq!((&line["method"], &line["route"]), (&json!(method), &json!(route)));
        assert_eq!(line["status"], status);
        assert!(line["seconds"].as_f64().unwrap() >= 0.0, "{line}");
        assert!(line["timestamp"].is_string(), "{line}");
    }
    assert!(!log.contains("secret"), "a user is in the log");
}
