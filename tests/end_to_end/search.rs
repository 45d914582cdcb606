//! Items that are found by words of their titles, and the genres that there are.

use serde_json::json;

use crate::harness::{Server, Workplace, get};

fn ready(items: &str) -> (Workplace, Server) {
    let workplace = Workplace::new();
    workplace.write("movies.csv", items);
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &[]);
    (workplace, server)
}

/// 1 and 2 have three ratings, 3 has two, 4 has one, 5 and 6 have none.
const ITEMS: &str = "\
movieId,title,genres
1,\"Harbour Lights, The (1999)\",Drama|Romance
2,Amélie à Łódź (2001),Drama
3,Lighthouse Harbour (1984),Sci-Fi
4,,Sci-Fi|Thriller
5,Harbour's End (2020),(no genres listed)
six,千と千尋の神隠し,アニメ
";

fn found(server: &Server, query: &str) -> Vec<String> {
    let answer = get(server, &format!("/items{query}"));
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    let answer = answer.json();
    let items = answer["items"].as_array().unwrap().iter();
    items.map(|item| item["itemId"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn items_are_found_by_the_beginnings_of_their_words_and_the_most_often_rated_come_first() {
    let (_workplace, server) = ready(ITEMS);
    for (query, expected) in [
        ("?q=harbour", &["1", "3", "5"][..]),
        ("?q=HARB+ligh", &["1", "3"]),
        ("?q=harb&n=1", &["1"]),
        ("?q=harb&n=1&offset=1", &["3"]),
        ("?q=harb&offset=3", &[]),
        ("?q=arbour", &[]),
        ("?q=amelie+lodz", &["2"]),
        ("?q=AM%C3%89", &["2"]),
        ("?q=harbours", &["5"]),
        ("?q=%E7%A5%9E%E9%9A%A0", &["six"]),
        // Without a title, by its id; with one, by that alone.
        ("?q=4", &["4"]),
        ("?q=six", &[]),
        // Nothing to look for: all.
        ("?q=&n=3", &["1", "2", "3"]),
        ("", &["1", "2", "3", "4", "5", "six"]),
        ("?q=%20%21%3F&n=2", &["1", "2"]),
        ("?q=%00%0A%7F%F0%9F%8E%AC&n=1", &["1"]),
    ] {
        assert_eq!(found(&server, query), expected, "{query}");
    }
    let answer = get(&server, "/items?q=lights+the").json();
    let expected = json!({
        "version": get(&server, "/versions/current").json()["version"],
        "items": [{
            "itemId": "1",
            "title": "Harbour Lights, The (1999)",
            "genres": ["Drama", "Romance"],
            "ratingCount": 3,
            "ratingMean": 4.5,
        }],
    });
    assert_eq!(answer, expected);
}

#[test]
fn what_is_asked_is_bounded_and_refused_in_words() {
    let (_workplace, server) = ready(ITEMS);
    assert!(found(&server, &format!("?q={}", "%C3%A9".repeat(200))).is_empty());
    for (query, expected) in [
        (format!("?q={}", "a".repeat(201)), "q: at most 200 characters, not 201"),
        (format!("?q={}", "a".repeat(10_000)), "q: at most 200 characters, not 10000"),
        ("?n=0".to_owned(), "n is from 1 to 1000, not 0"),
        ("?n=1001".to_owned(), "n is from 1 to 1000, not 1001"),
        ("?offset=10001".to_owned(), "offset is from 0 to 10000, not 10001"),
        ("?title=a".to_owned(), "title"),
        ("?q=%FF".to_owned(), "the query is not UTF-8"),
    ] {
        let answer = get(&server, &format!("/items{query}"));
        assert_eq!(answer.status, 400, "{query}");
        let problem = answer.json();
        assert!(problem["detail"].as_str().unwrap().contains(expected), "{problem}");
    }
}

#[test]
fn a_store_without_titles_is_searched_by_its_ids() {
    let (_workplace, server) = ready("movieId,title,genres\n1,,\n");
    assert_eq!(found(&server, "?q=3"), ["3"]);
    assert_eq!(found(&server, "?n=2"), ["1", "2"]);
    assert_eq!(get(&server, "/genres").json()["genres"], json!([]));
}

#[test]
fn genres_are_listed_with_how_many_items_have_each() {
    let (_workplace, server) = ready(ITEMS);
    let genres = json!([
        {"name": "Drama", "itemCount": 2},
        {"name": "Romance", "itemCount": 1},
        {"name": "Sci-Fi", "itemCount": 2},
        {"name": "Thriller", "itemCount": 1},
        {"name": "アニメ", "itemCount": 1},
    ]);
    assert_eq!(get(&server, "/genres").json()["genres"], genres);
    assert_eq!(get(&server, "/genres?n=1").status, 400);
}

#[test]
fn nothing_is_found_before_a_version_serves_and_a_new_version_is_searched_at_once() {
    let workplace = Workplace::new();
    let server = Server::start(&workplace, &[]);
    assert_eq!((get(&server, "/items").status, get(&server, "/genres").status), (503, 503));
    workplace.publish(&[]).summary();
    server.wait_for_sequence(1);
    assert_eq!(found(&server, "?q=comet"), ["3"]);
    workplace.write("movies.csv", "movieId,title,genres\n3,Iron Meteor,Drama\n");
    workplace.publish(&[]).summary();
    server.wait_for_sequence(2);
    assert_eq!(found(&server, "?q=meteor"), ["3"]);
    assert!(found(&server, "?q=comet").is_empty());
}
