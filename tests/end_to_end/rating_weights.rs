//! What a rating counts is said once, to the batch; servers learn it from the manifest.

use crate::harness::{Server, Workplace, get, post_rating};

fn recommended(workplace: &Workplace) -> Vec<String> {
    let server = Server::start_ready(workplace, &[]);
    let handle = post_rating(&server, "eve", "1", 0.5);
    let execution = get(&server, &format!("/executions/{handle}?wait=20")).json();
    let found = execution["output"]["recommendations"].as_array().unwrap().clone();
    found.iter().map(|found| found["itemId"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_low_rating_recommends_more_of_the_same_only_by_value() {
    let workplace = Workplace::new();
    workplace.publish(&["--profile-weight=value"]).summary();
    // 2 is closest to 1.
    assert_eq!(recommended(&workplace)[0], "2");

    // The default.
    workplace.publish(&[]).summary();
    let weights = workplace.current()["measure"]["rating_weights"].clone();
    assert_eq!(weights["similarities"], "binary");
    assert_eq!(weights["profiles"], "relative:1.5");
    assert!(weights["mean"].as_f64().unwrap() > 4.0);
    let found = recommended(&workplace);
    // What eve has not spoken against comes first: 4 and 5. 3 shares a rater with 1.
    assert_eq!(found, ["4", "5", "2", "3"]);
}

#[test]
fn a_rule_nobody_knows_is_refused_with_those_that_there_are() {
    let run = Workplace::new().publish(&["--rating-weight=vibes"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("at-least:<rating>"), "{}", run.stderr);
}
