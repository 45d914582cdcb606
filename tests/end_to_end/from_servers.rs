//! What a run says of the ratings that servers accepted.

use serde_json::{Value, json};

use crate::harness::{RATINGS, Server, Workplace, batch, post_rating, send};

#[test]
fn a_run_says_how_many_ratings_came_from_servers_and_how_many_are_new() {
    let workplace = Workplace::new();
    let counted = |summary: &Value, ratings: u64, new: u64| {
        assert_eq!(summary["from_servers"], json!({"ratings": ratings, "new": new}), "{summary}");
    };
    counted(&workplace.publish(&[]).summary(), 0, 0);
    let server = Server::start_ready(&workplace, &["--flush-interval", "86400"]);
    post_rating(&server, "abby", "1", 6.0);
    post_rating(&server, "abby", "2", 5.0);
    post_rating(&server, "ann", "1", 2.0);
    // They are not in the store yet, and the run says that it saw none.
    counted(&workplace.publish(&["--with-ledger"]).summary(), 0, 0);
    assert!(server.stop().success());
    counted(&workplace.publish(&["--with-ledger"]).summary(), 3, 3);
    let server = Server::start_ready(&workplace, &[]);
    // Taken back: no rating any more, neither old nor new.
    assert_eq!(send(&server, "DELETE", "/users/abby/ratings/2", &[], None).status, 202);
    post_rating(&server, "abby", "3", 7.0);
    assert!(server.stop().success());
    // A file that is newer stands in the place of ann's.
    let later = chrono::Utc::now().timestamp() + 3600;
    workplace.write("ratings.csv", format!("{RATINGS}ann,1,3,{later}\n"));
    counted(&workplace.publish(&["--with-ledger"]).summary(), 2, 1);
    let store = workplace.store();
    let unchanged = ["run", "--store", &store, "--since-last", "--if-changed"];
    let told = batch(&unchanged).stdout;
    assert!(told.contains("\n  from servers  2 (0 new)\n"), "{told}");
    counted(&workplace.publish(&["--without-ledger"]).summary(), 0, 0);
}
