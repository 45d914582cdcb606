//! The rating range: set by a store's first run, widened by later ones, never made narrower.

use serde_json::json;

use crate::harness::{RATINGS, Server, Workplace, batch, post_rating, send};

fn status_of(server: &Server, rating: f64) -> u16 {
    let body = json!({"movieID": "1", "user": "abby", "rating": rating}).to_string();
    send(server, "POST", "/ratings", &[], Some(&body)).status
}

#[test]
fn a_later_run_may_widen_it_and_not_make_it_narrower() {
    let workplace = Workplace::new();
    workplace.publish(&["--rating-range", "0:5"]).summary();
    workplace.write("ratings.csv", format!("{RATINGS}eve,1,6,1009\n"));
    for narrower in ["0:4", "1:5", "1:10", "5:10"] {
        let refused = workplace.publish(&["--rating-range", narrower]);
        assert_eq!(refused.code, 2, "{narrower}");
        let expected = format!("--rating-range {narrower} would leave out ratings");
        assert!(refused.error().contains(&expected), "{}", refused.error());
        assert!(refused.error().contains("a range that contains 0:5"), "{}", refused.error());
    }
    let outside = "outside the rating range";
    let kept = workplace.publish(&["--max-reject-share", "0.5"]).summary();
    assert_eq!(kept["rejected_by_reason"][outside], 1);
    let refused = workplace.publish(&[]);
    assert_eq!(refused.code, 3);
    assert!(refused.error().contains("a wider range with --rating-range"), "{}", refused.error());

    let widened = workplace.publish(&["--rating-range", "-1:10"]).summary();
    assert_eq!((&widened["ratings_rejected"], &widened["ratings"]), (&0.into(), &10.into()));
    assert_eq!(workplace.current()["rating_range"], json!({"above": -1.0, "at_most": 10.0}));
    assert_eq!(workplace.publish(&[]).summary()["ratings_rejected"], 0);
    assert_eq!(workplace.publish(&["--rating-range", "0:10"]).code, 2);
    assert_eq!(batch(&["rollback", "1", "--store", &workplace.store()]).code, 0);
    assert_eq!(workplace.current()["rating_range"], json!({"above": -1.0, "at_most": 10.0}));
    assert_eq!(batch(&["check", "--store", &workplace.store()]).code, 0);
}

#[test]
fn servers_take_what_a_wider_range_lets_in_as_soon_as_its_version_serves() {
    let workplace = Workplace::new();
    workplace.publish(&["--rating-range", "0:5"]).summary();
    let server = Server::start_ready(&workplace, &[]);
    assert_eq!((status_of(&server, 5.0), status_of(&server, 8.0)), (202, 422));
    let store = workplace.store();
    let since_last = |more: &[&str]| {
        let run = ["run", "--store", &store, "--since-last", "--if-changed", "--json"];
        batch(&[&run, more].concat()).summary()
    };
    let widened = since_last(&["--rating-range", "0:10"]);
    // The same ratings; what a server may accept is another.
    assert_eq!(widened["published"], true);
    server.wait_for_sequence(2);
    assert_eq!((status_of(&server, 8.0), status_of(&server, 10.5)), (202, 422));
    post_rating(&server, "bea", "2", 9.0);
    assert!(server.stop().success());
    let taken_in = since_last(&[]);
    assert_eq!((&taken_in["sequence"], &taken_in["ratings"]), (&3.into(), &11.into()));
    assert_eq!(workplace.current()["rating_range"]["at_most"], 10.0);
    assert_eq!(since_last(&["--rating-range", "0:10"])["published"], false);
    assert_eq!(batch(&["check", "--store", &store]).code, 0);
}

#[test]
fn the_stages_of_a_workflow_widen_it_too() {
    let workplace = Workplace::new();
    workplace.publish(&["--rating-range", "0:5"]).summary();
    let ratings = workplace.write("ratings.csv", format!("{RATINGS}eve,1,6,1009\n"));
    let ingest = |run: &str, range: &str| {
        let options = json!({"ratings": [ratings], "rating-range": range});
        let document = json!({"run": run, "store": workplace.store(), "options": options});
        batch(&["ingest", &document.to_string()])
    };
    let refused = ingest("narrow", "0:4");
    assert_eq!(refused.code, 2);
    assert!(refused.error().contains("would leave out ratings"), "{}", refused.error());
    let ingested = ingest("wide", "0:10").summary();
    assert_eq!((&ingested["ratings"], &ingested["ratings_rejected"]), (&10.into(), &0.into()));
    let similarities =
        batch(&["similarities", &json!({"ingest": ingested, "shard": "1/1"}).to_string()]);
    let similarities = similarities.summary();
    let document = json!({"ingest": ingested, "similarities": [similarities]});
    batch(&["publish", &document.to_string()]).summary();
    assert_eq!(workplace.current()["rating_range"]["at_most"], 10.0);
}
