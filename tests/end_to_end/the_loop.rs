//! From ratings to a polled recommendation to a second run that includes the posted rating.

use crate::harness::{Server, Workplace, get, post_rating};

/// The ids in an array of items.
fn ids(items: &serde_json::Value) -> Vec<&str> {
    items.as_array().unwrap().iter().map(|item| item["itemId"].as_str().unwrap()).collect()
}

#[test]
fn from_ratings_to_a_polled_recommendation_to_a_second_run_with_the_posted_rating() {
    close_the_loop(&Workplace::new());
}

#[test]
fn on_s3_from_ratings_to_a_polled_recommendation_to_a_second_run_with_the_posted_rating() {
    close_the_loop(&Workplace::on_s3());
}

fn close_the_loop(workplace: &Workplace) {
    let summary = workplace.publish(&[]).summary();
    assert_eq!(summary["sequence"], 1);
    for (name, count) in
        [("ratings_read", 9), ("ratings", 9), ("users", 4), ("items", 5), ("pairs", 8)]
    {
        assert_eq!(summary[name], count, "{name} in {summary}");
    }

    let server = Server::start_ready(workplace, &[]);
    let handle = post_rating(&server, "abby", "1", 6.0);
    let execution = get(&server, &format!("/executions/{handle}?wait=20"));
    assert_eq!(execution.status, 200, "{}", execution.body);
    let execution = execution.json();
    assert_eq!(execution["status"], "SUCCEEDED");
    assert_eq!(execution["executionArn"], *handle);
    let input = serde_json::json!({"movieID": "1", "user": "abby", "rating": 6.0});
    assert_eq!(execution["input"], input);
    assert!(execution["startDate"].as_str() <= execution["stopDate"].as_str());

    let output = &execution["output"];
    assert_eq!(output["version"], summary["version"]);
    assert_eq!(output["rated"]["known"], true);
    // 2 is closest to 1; 3 shares bob with it; 4 and 5 have nothing to do with it and follow by popularity.
    assert_eq!(ids(&output["recommendations"]), ["2", "3", "4", "5"]);
    let first = &output["recommendations"][0];
    assert_eq!(first["title"], "Second Wind (2001)");
    assert_eq!(first["source"], "neighbours");
    assert_eq!(first["because"][0]["title"], "Harbour Lights, The (1999)");
    assert_eq!(first["because"][0]["rating"], 6.0);
    assert_eq!(first["because"][0]["contribution"], first["score"]);
    assert_eq!(output["recommendations"][2]["source"], "popular");

    // Everybody else sees the rating too.
    let answer = get(&server, "/users/abby/recommendations?n=2").json();
    assert_eq!((ids(&answer["recommendations"]), &answer["known"]), (vec!["2", "3"], &true.into()));

    // The server writes what it accepted into the store, and the next run takes it in.
    assert!(server.stop().success());
    let summary = workplace.publish(&["--with-ledger"]).summary();
    assert_eq!((&summary["sequence"], &summary["ratings"]), (&2.into(), &10.into()));
    assert_eq!(summary["users"], 5);
    let watermark = workplace.current()["watermark"].as_object().unwrap().clone();
    let ledgers: Vec<_> =
        watermark.iter().filter(|(name, _)| name.starts_with("ledger-")).collect();
    assert_eq!(ledgers.len(), 1, "{watermark:?}");
    assert_eq!(ledgers[0].1, 1);

    // What the version holds now and the ledger still has counts once.
    let server = Server::start_ready(workplace, &[]);
    let again = get(&server, "/users/abby/recommendations?n=1").json();
    assert_eq!(again["version"], summary["version"]);
    assert_eq!(again["recommendations"][0]["because"].as_array().unwrap().len(), 1);
}

#[test]
fn a_rating_in_a_file_and_a_later_one_in_the_ledger_are_one_rating() {
    let workplace = Workplace::new();
    // By value even half a star is a reason.
    workplace.publish(&["--profile-weight=value"]).summary();
    let server = Server::start_ready(&workplace, &[]);
    let handle = post_rating(&server, "ann", "1", 0.5);
    get(&server, &format!("/executions/{handle}?wait=20"));
    let because = get(&server, "/users/ann/recommendations?n=1").json();
    let because = because["recommendations"][0]["because"].as_array().unwrap().clone();
    let rating_of_1 = because.iter().find(|reason| reason["itemId"] == "1").unwrap();
    assert_eq!(rating_of_1["rating"], 0.5);
    assert!(server.stop().success());
    let summary = workplace.publish(&["--with-ledger"]).summary();
    assert_eq!(summary["ratings"], 9, "the newer rating takes the older one's place");
}

#[test]
fn an_item_nobody_knew_is_accepted_and_counts_from_the_next_run_on() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &[]);
    let handle = post_rating(&server, "ann", "brand new", 5.0);
    let execution = get(&server, &format!("/executions/{handle}?wait=20")).json();
    assert_eq!(execution["output"]["rated"]["known"], false);
    assert_eq!(get(&server, "/items/brand%20new/neighbours").status, 404);
    assert!(server.stop().success());
    workplace.publish(&["--with-ledger"]).summary();
    let server = Server::start_ready(&workplace, &[]);
    let neighbours = get(&server, "/items/brand%20new/neighbours").json();
    assert_eq!(ids(&neighbours["neighbours"]), ["1", "2"]);
}

#[test]
fn segments_are_written_while_the_server_runs() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &["--flush-interval", "0.1"]);
    post_rating(&server, "abby", "1", 6.0);
    crate::harness::wait_for("a segment is in the store", || {
        let dates = std::fs::read_dir(workplace.path("store/ratings")).ok()?;
        let files = dates.flat_map(|date| std::fs::read_dir(date.unwrap().path()).unwrap());
        (files.count() == 1).then_some(())
    });
    assert_eq!(workplace.publish(&["--with-ledger"]).summary()["ratings"], 10);
}
