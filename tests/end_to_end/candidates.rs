//! Lists that are found from what was best before a rating, beside lists that are found from nothing.

use serde_json::{Value, json};

use crate::harness::{Server, Workplace, batch, get, metrics, post_rating, send, wait_for};

/// A store with users who rated some fifty of three hundred items each, and servers with and without candidates.
fn servers() -> (Workplace, Server, Server) {
    let workplace = Workplace::new();
    let made = workplace.text("made");
    let synth = ["synth", "--users", "300", "--items", "300", "--ratings", "15000", "--out", &made];
    assert_eq!(batch(&synth).code, 0);
    let ratings = workplace.text("made/ratings.csv");
    let run = ["run", "--ratings", &ratings, "--store", &workplace.store()];
    assert_eq!(batch(&run).code, 0);
    let with = Server::start_ready(&workplace, &[]);
    let without = Server::start_in(&workplace, "data-without", &["--candidates", "0"]);
    without.wait_until_ready();
    wait_for("candidates are found for all users", || {
        let metrics = metrics(&with);
        let users = metrics["akin_version_users"];
        (users > 250.0 && metrics["akin_version_users_prepared"] == users).then_some(())
    });
    (workplace, with, without)
}

fn output(server: &Server, handle: &str) -> Value {
    let answer = get(server, &format!("/executions/{handle}?wait=20")).json();
    assert_eq!(answer["status"], "SUCCEEDED", "{answer}");
    answer["output"].clone()
}

#[test]
fn they_are_the_same_lists() {
    let (_workplace, with, without) = servers();
    let from_candidates =
        |server: &Server| metrics(server)["akin_lists_from_candidates_total"] as u64;
    // New ratings, and then others for the same items.
    for round in 0..2 {
        for user in 1..=40u32 {
            let (user_id, item) = (user.to_string(), (user * 7 % 300 + 1).to_string());
            let rating = f64::from((user + round) % 10 + 1) / 2.0;
            let [one, other] = [&with, &without]
                .map(|server| output(server, &post_rating(server, &user_id, &item, rating)));
            assert_eq!(one, other, "{user_id} rated {item} {rating}");
        }
    }
    let found = from_candidates(&with);
    assert!(found >= 40, "candidates sufficed for {found} of 80 lists");
    assert_eq!(from_candidates(&without), 0);

    // What was published of a user, rated anew and taken back, and options beside it.
    let published = get(&with, "/users/5/ratings").json();
    let item = published["ratings"][0]["itemId"].as_str().unwrap().to_owned();
    let path = format!("/users/5/ratings/{item}");
    let again = json!({"rating": 1}).to_string();
    for (method, body) in [("PUT", Some(&*again)), ("DELETE", None)] {
        let [one, other] = [&with, &without].map(|server| {
            let answer = send(server, method, &path, &[], body).json();
            let _ = output(server, answer["executionArn"].as_str().unwrap());
            let lists =
                ["", "?n=25", "?n=5&exclude=1&exclude=2", "?diversity=0.5", "?minSupport=9"];
            lists.map(|query| get(server, &format!("/users/5/recommendations{query}")).json())
        });
        assert_eq!(one, other, "{method}");
    }
    assert!(from_candidates(&with) > found);
}
