//! What may be asked of recommendations, and of neighbours.

use serde_json::{Value, json};

use crate::harness::{Response, Server, Workplace, get, post_raw, send};

fn ready() -> (Workplace, Server) {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &[]);
    (workplace, server)
}

fn post(server: &Server, path: &str, body: &Value) -> Response {
    post_raw(server, path, "application/json", body.to_string().as_bytes())
}

#[track_caller]
fn items(recommendations: &Value) -> Vec<String> {
    let list = recommendations.as_array().unwrap().iter();
    list.map(|one| one["itemId"].as_str().unwrap().to_owned()).collect()
}

fn with_options(options: &Value) -> Value {
    json!({"ratings": [{"itemId": "1", "rating": 5}], "options": options})
}

#[test]
fn ratings_that_nobody_stores_are_scored_as_those_of_a_user_are() {
    let (_workplace, server) = ready();
    let rated = r#"{"movieID":"1","user":"abby","rating":5}"#;
    let handle = send(&server, "POST", "/ratings", &[], Some(rated)).json();
    let path = format!("/executions/{}?wait=20", handle["executionArn"].as_str().unwrap());
    let stored = get(&server, &path).json()["output"]["recommendations"].clone();
    let ratings =
        json!({"ratings": [{"movieID": 1, "rating": 5}, {"itemId": "no such", "rating": 1}]});
    let answer = post(&server, "/recommendations", &ratings);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let answer = answer.json();
    assert_eq!(answer["recommendations"], stored);
    assert_eq!(answer["unknownItems"], json!(["no such"]));
    assert_eq!(answer["version"], get(&server, "/versions/current").json()["version"]);
    // And of nobody's there is nothing afterwards.
    let listed = get(&server, "/executions").json();
    assert_eq!(listed["executions"].as_array().map(Vec::len), Some(1));
}

#[test]
fn options_narrow_a_list_that_stays_full_and_says_where_each_item_comes_from() {
    let (_workplace, server) = ready();
    let rated = r#"{"movieID":"1","user":"abby","rating":5}"#;
    send(&server, "POST", "/ratings", &[], Some(rated));
    let all = post(&server, "/recommendations", &with_options(&json!({}))).json();
    // All that is not rated; of the neighbours those that speak for it, then what is popular.
    assert_eq!(items(&all["recommendations"]).len(), 4);
    assert_eq!(all["recommendations"][0]["because"][0]["itemId"], "1");
    let sources: Vec<_> =
        all["recommendations"].as_array().unwrap().iter().map(|r| &r["source"]).collect();
    assert_eq!(sources, ["neighbours", "neighbours", "popular", "popular"]);
    assert_eq!(items(&all["recommendations"]), ["2", "3", "4", "5"]);
    // Items 1 and 2 have three users in common, 1 and 3 one.
    for (query, options, expected) in [
        ("n=2", json!({"n": 2}), &["2", "3"][..]),
        ("exclude=2&exclude=9", json!({"exclude": ["2", 9]}), &["3", "4", "5"]),
        ("only=5&only=3&only=1", json!({"only": [5, 3, "1"]}), &["3", "5"]),
        ("only=none", json!({"only": ["none"]}), &[]),
        ("genre=Sci-Fi", json!({"genres": ["Sci-Fi"]}), &["3", "4"]),
        ("genre=Drama&genre=Thriller", json!({"genres": ["Drama", "Thriller"]}), &["2", "4"]),
        ("genre=none", json!({"genres": ["none"]}), &[]),
        ("excludeGenre=Thriller", json!({"excludeGenres": ["Thriller"]}), &["2", "3", "5"]),
        (
            "genre=Sci-Fi&excludeGenre=Thriller&exclude=2&n=9",
            json!({"genres": ["Sci-Fi"], "excludeGenres": ["Thriller"], "exclude": [2], "n": 9}),
            &["3"],
        ),
        ("diversity=1", json!({"diversity": 1}), &["2", "3", "4", "5"]),
    ] {
        let answer = post(&server, "/recommendations", &with_options(&options)).json();
        assert_eq!(items(&answer["recommendations"]), expected, "{options}");
        let of_user = get(&server, &format!("/users/abby/recommendations?{query}")).json();
        assert_eq!(of_user["recommendations"], answer["recommendations"], "{query}");
        // With the rating itself, through each door that takes one.
        let body = json!({"movieID": "1", "user": "abby", "rating": 5, "options": options});
        let new = json!({"rating": 5, "options": options}).to_string();
        let call = json!({
            "stateMachineArn": "arn:aws:states:local:000000000000:stateMachine:akin",
            "input": body.to_string(),
        });
        let target = [("x-amz-target", "AWSStepFunctions.StartExecution")];
        let headers = [target[0], ("content-type", "application/x-amz-json-1.0")];
        for handle in [
            post(&server, "/ratings", &body),
            send(&server, "PUT", "/users/abby/ratings/1", &[], Some(&new)),
            crate::harness::send_raw(&server, "POST", "/", &headers, &call.to_string()),
        ] {
            let arn = handle.json()["executionArn"].as_str().unwrap_or_default().to_owned();
            let execution = get(&server, &format!("/executions/{arn}?wait=20")).json();
            assert_eq!(
                execution["output"]["recommendations"], answer["recommendations"],
                "{execution}"
            );
        }
    }
    let weak = with_options(&json!({"minSupport": 2}));
    let answer = post(&server, "/recommendations", &weak).json();
    let sources: Vec<_> = answer["recommendations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["source"].as_str())
        .collect();
    assert_eq!(sources, [Some("neighbours"), Some("popular"), Some("popular"), Some("popular")]);
}

#[test]
fn options_are_a_part_of_what_an_idempotency_key_stands_for() {
    let (_workplace, server) = ready();
    let rate = |options: &str| {
        let body = format!(r#"{{"movieID":"1","user":"abby","rating":5,"options":{options}}}"#);
        send(&server, "POST", "/ratings", &[("idempotency-key", "k")], Some(&body))
    };
    let first = rate(r#"{"n":2,"exclude":["2"]}"#);
    assert_eq!(first.status, 202, "{}", first.body);
    assert_eq!(rate(r#"{"exclude":[2], "n":2}"#).body, first.body);
    assert_eq!(rate(r#"{"n":3,"exclude":["2"]}"#).status, 409);
}

#[test]
fn neighbours_of_several_items_are_those_of_each() {
    let (_workplace, server) = ready();
    let answer =
        post(&server, "/items/neighbours", &json!({"items": [3, "1", "x"], "n": 2})).json();
    assert_eq!(answer["unknownItems"], json!(["x"]));
    assert_eq!(answer["items"].as_array().map(Vec::len), Some(2));
    for (place, item) in [(0, "3"), (1, "1")] {
        let alone = get(&server, &format!("/items/{item}/neighbours?n=2")).json();
        assert!(!alone["neighbours"].as_array().unwrap().is_empty());
        for field in ["itemId", "title", "neighbours"] {
            assert_eq!(answer["items"][place][field], alone[field]);
        }
    }
}

#[test]
fn a_bad_option_is_refused_by_its_name() {
    let (_workplace, server) = ready();
    for (query, name) in [
        ("n=0", "n is from"),
        ("n=x", "the query: n is a whole number from 1 to 1000, not \"x\""),
        ("n=100000", "the query: n is from 1 to 1000, not 100000"),
        ("offset=1&offset=2", "offset: given twice"),
        ("n=1&n=2", "n: given twice"),
        ("diversity=2", "diversity is from"),
        ("diversity=NaN", "diversity is from"),
        ("minSupport=-1", "the query: minSupport is from 0 to 4294967295, not -1"),
        ("exclude=", "exclude: an id must not be empty"),
        ("genres=Drama", "genres: there is no such parameter"),
    ] {
        let answer = get(&server, &format!("/users/abby/recommendations?{query}"));
        assert_eq!(answer.status, 400, "{query}: {}", answer.body);
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(name), "{query}: {detail}");
    }
    let many = |n: u32| (0..n).map(|id| json!({"itemId": id, "rating": 5})).collect::<Vec<_>>();
    for (path, status, body, detail) in [
        ("/recommendations", 400, "{".to_owned(), "not JSON"),
        ("/recommendations", 422, "[]".to_owned(), "the body"),
        ("/recommendations", 422, "[[],{}]".to_owned(), "expected an object"),
        ("/recommendations", 422, r#"{"ratings":[["1",5]]}"#.to_owned(), "expected an object"),
        (
            "/recommendations",
            422,
            r#"{"ratings":[],"options":[5]}"#.to_owned(),
            "expected an object",
        ),
        ("/items/neighbours", 422, r#"[["1"],5]"#.to_owned(), "expected an object"),
        ("/recommendations", 422, "{}".to_owned(), "missing field `ratings`"),
        ("/recommendations", 422, with_options(&json!({"n": 1001})).to_string(), "n is from"),
        (
            "/recommendations",
            422,
            with_options(&json!({"n": 100_000})).to_string(),
            "the body: options.n is from 1 to 1000, not 100000",
        ),
        (
            "/recommendations",
            422,
            with_options(&json!({"diversity": "much"})).to_string(),
            "the body: options.diversity: invalid type: string \"much\", expected a number from 0 to 1",
        ),
        (
            "/items/neighbours",
            422,
            r#"{"items":["1"],"offset":10001}"#.to_owned(),
            "the body: offset is from 0 to 10000, not 10001",
        ),
        ("/recommendations", 422, with_options(&json!({"m": 1})).to_string(), "unknown field `m`"),
        (
            "/recommendations",
            422,
            r#"{"ratings":[{"itemId":"1","rating":0}]}"#.to_owned(),
            "element 0",
        ),
        (
            "/recommendations",
            422,
            r#"{"ratings":[{"itemId":"1","rating":1},{"movieID":1,"rating":2}]}"#.to_owned(),
            "element 1: item \"1\" is rated twice",
        ),
        ("/recommendations", 422, json!({"ratings": many(10_001)}).to_string(), "at most 10000"),
        (
            "/recommendations",
            422,
            r#"{"ratings":[{"itemId":"1","rating":"x"}]}"#.to_owned(),
            "the body: ratings[0].rating: invalid type: string \"x\", expected a number",
        ),
        ("/items/neighbours", 422, "{}".to_owned(), "missing field `items`"),
        (
            "/items/neighbours",
            422,
            r#"{"items":["1",{}]}"#.to_owned(),
            "items[1]: invalid type: an object",
        ),
        ("/items/neighbours", 422, r#"{"items":["1"],"n":0}"#.to_owned(), "n is from"),
        ("/items/neighbours", 422, json!({"items": vec!["1"; 101]}).to_string(), "at most 100"),
        ("/items/neighbours", 413, json!({"items": vec!["1"; 30_000]}).to_string(), "65536"),
    ] {
        let answer = post_raw(&server, path, "application/json", body.as_bytes());
        let case = format!("{path} {:.60}: {}", body, answer.body);
        assert_eq!(answer.status, status, "{case}");
        assert!(answer.json()["detail"].as_str().unwrap().contains(detail), "{case}");
    }
}
