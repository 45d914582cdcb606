//! What is known of an item, and lists that are read in pages.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::harness::{Server, Workplace, get, metrics, post_raw};

fn ready() -> (Workplace, Server) {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &[]);
    (workplace, server)
}

#[test]
fn an_item_has_its_title_genres_and_statistics() {
    let workplace = Workplace::new();
    let ratings =
        "userId,movieId,rating,timestamp\nann,1,5,1000\nbob,1,4,2000\ncat,neighbours,3,3000\n";
    workplace.write("ratings.csv", ratings);
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &[]);
    let version = get(&server, "/versions/current").json()["version"].clone();
    let item = |path: &str| get(&server, path).json();
    let expected = json!({
        "version": version,
        "itemId": "1",
        "title": "Harbour Lights, The (1999)",
        "genres": ["Drama", "Romance"],
        "ratingCount": 2,
        "ratingMean": 4.5,
        "firstRatedAt": "1970-01-01T00:16:40Z",
        "lastRatedAt": "1970-01-01T00:33:20Z",
    });
    assert_eq!(item("/items/1"), expected);
    // In the catalogue, and never rated.
    let unrated = json!({
        "version": version,
        "itemId": "5",
        "title": "Never Rated (2020)",
        "genres": [],
        "ratingCount": 0,
    });
    assert_eq!(item("/items/5"), unrated);
    // Rated, and not in the catalogue; and called like a path of ours.
    let uncatalogued = json!({
        "version": version,
        "itemId": "neighbours",
        "genres": [],
        "ratingCount": 1,
        "ratingMean": 3.0,
        "firstRatedAt": "1970-01-01T00:50:00Z",
        "lastRatedAt": "1970-01-01T00:50:00Z",
    });
    assert_eq!(item("/items/neighbours"), uncatalogued);
    assert_eq!(item("/items/%6eeighbours"), uncatalogued);
    for path in ["/items/6", "/items/a%2Fb", "/items/ "] {
        let missing = get(&server, &path.replace(' ', "%20"));
        assert_eq!((missing.status, &missing.json()["type"]), (404, &json!("/problems/not-found")));
    }
    assert_eq!(get(&server, "/items/1?n=5").status, 400);
    let counted = metrics(&server);
    let requests = |route: &str, status: u16| {
        let name = "akin_http_requests_total";
        counted.get(&format!("{name}{{method=\"GET\",route=\"{route}\",status=\"{status}\"}}"))
    };
    assert_eq!(requests("/items/{id}", 200), Some(&2.0));
    assert_eq!(requests("/items/{id}", 404), Some(&3.0));
}

/// Many similar items: everybody has rated a third of them.
fn crowded() -> (Workplace, Server) {
    let workplace = Workplace::new();
    let mut ratings = "userId,movieId,rating,timestamp\n".to_owned();
    for user in 0..40u64 {
        for item in (0..60u64).filter(|item| (user * 7 + item * item) % 3 == 0) {
            writeln!(ratings, "u{user},{item},{},1000", 1 + (user + item) % 5).unwrap();
        }
    }
    workplace.write("ratings.csv", ratings);
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &[]);
    (workplace, server)
}

fn ids(list: &Value) -> Vec<String> {
    let list = list.as_array().unwrap().iter();
    list.map(|one| one["itemId"].as_str().unwrap().to_owned()).collect()
}

/// Asks for pages of `n` until one is not full.
fn pages(n: usize, page: impl Fn(usize) -> Value) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let next = page(all.len());
        let next = next.as_array().unwrap();
        all.extend(next.iter().cloned());
        if next.len() < n {
            return all;
        }
    }
}

#[test]
fn pages_of_a_list_have_no_gaps_and_repeat_nothing() {
    let (_workplace, server) = crowded();
    for options in ["", "&diversity=0.6", "&minSupport=9", "&genre=sci-fi&excludeGenre=thriller"] {
        for n in [4, 7, 1000] {
            let path = |offset: usize, n: usize| {
                format!("/users/u1/recommendations?n={n}&offset={offset}{options}")
            };
            let list = |path: &str| get(&server, path).json()["recommendations"].clone();
            let all = pages(n, |offset| list(&path(offset, n)));
            let mut found = ids(&Value::Array(all.clone()));
            if options.is_empty() {
                assert_eq!(Value::Array(all.clone()), list(&path(0, 1000)));
            }
            // Without an offset it begins with the best.
            let first = list(&format!("/users/u1/recommendations?n={n}{options}"));
            assert_eq!(first.as_array().unwrap()[..], all[..n.min(all.len())]);
            // The same through the other door for lists.
            let asked = |offset: usize| {
                let mut given = json!({"n": n, "offset": offset});
                match options.split(['=', '&']).collect::<Vec<_>>()[..] {
                    [_, "diversity", share] => {
                        given["diversity"] = share.parse::<f64>().unwrap().into()
                    }
                    [_, "minSupport", users] => {
                        given["minSupport"] = users.parse::<u32>().unwrap().into()
                    }
                    [_, "genre", genre, "excludeGenre", other] => {
                        given["genres"] = json!([genre]);
                        given["excludeGenres"] = json!([other]);
                    }
                    _ => {}
                }
                let ratings = get(&server, "/users/u1/ratings").json()["ratings"].clone();
                let ratings: Vec<Value> = ratings
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|one| json!({"itemId": one["itemId"], "rating": one["rating"]}))
                    .collect();
                let body = json!({"ratings": ratings, "options": given}).to_string();
                let answer =
                    post_raw(&server, "/recommendations", "application/json", body.as_bytes());
                answer.json()["recommendations"].clone()
            };
            assert_eq!(pages(n, asked), all, "{options}");
            found.sort();
            let mut expected = ids(&list(&path(0, 1000)));
            expected.sort();
            assert_eq!(found, expected, "{options} by {n}");
            assert!(options.contains("genre") || found.len() > 35, "{}", found.len());
        }
    }
    let neighbours = |path: &str| get(&server, path).json()["neighbours"].clone();
    let all = neighbours("/items/3/neighbours?n=1000");
    let length = all.as_array().unwrap().len();
    assert!(length > 9, "{length}");
    let paged = pages(4, |offset| neighbours(&format!("/items/3/neighbours?n=4&offset={offset}")));
    assert_eq!(Value::Array(paged), all);
    let several = |offset: usize| {
        let body = json!({"items": ["3"], "n": 4, "offset": offset}).to_string();
        let answer = post_raw(&server, "/items/neighbours", "application/json", body.as_bytes());
        answer.json()["items"][0]["neighbours"].clone()
    };
    assert_eq!(Value::Array(pages(4, several)), all);
    // The last page is empty, and the last that may be asked for.
    assert_eq!(neighbours("/items/3/neighbours?offset=10000"), json!([]));
    let last = get(&server, "/users/u1/recommendations?offset=10000&n=1000&diversity=1").json();
    assert_eq!(last["recommendations"], json!([]));
}

#[test]
fn genres_are_found_whatever_their_case_and_those_that_nothing_has_are_named() {
    let (_workplace, server) = ready();
    let asked = |query: &str| get(&server, &format!("/users/ann/recommendations?{query}")).json();
    for name in ["Sci-Fi", "sci-fi", "SCI-FI"] {
        let answer = asked(&format!("genre={name}"));
        assert_eq!(ids(&answer["recommendations"]), ["3", "4"], "{name}");
        assert_eq!(answer["unknownGenres"], json!([]));
        let answer = asked(&format!("excludeGenre={name}"));
        assert_eq!(ids(&answer["recommendations"]), ["5"], "{name}");
    }
    let query = "genre=Nonsense&genre=drama&excludeGenre=Nonsense&excludeGenre=none";
    assert_eq!(asked(query)["unknownGenres"], json!(["Nonsense", "none"]));
    let options = json!({"genres": ["Nonsense", "scI-fI"], "n": 1});
    let rated = json!({"ratings": [{"movieID": "1", "rating": 5}], "options": options});
    let answer =
        post_raw(&server, "/recommendations", "application/json", rated.to_string().as_bytes());
    assert_eq!(answer.json()["unknownGenres"], json!(["Nonsense"]));
    assert_eq!(ids(&answer.json()["recommendations"]), ["3"]);
    // And with a rating's output, which says nothing where nothing is wrong.
    for (genres, unknown) in
        [(json!(["Nonsense"]), json!(["Nonsense"])), (json!(["drama"]), json!(null))]
    {
        let rating =
            json!({"movieID": "1", "user": "abby", "rating": 5, "options": {"genres": genres}});
        let rating = rating.to_string();
        let handle = post_raw(&server, "/ratings", "application/json", rating.as_bytes()).json();
        let path = format!("/executions/{}?wait=20", handle["executionArn"].as_str().unwrap());
        assert_eq!(get(&server, &path).json()["output"]["unknownGenres"], unknown);
    }
}
