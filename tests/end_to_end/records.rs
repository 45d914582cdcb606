//! Records follow the format's quoting, separators and columns, from the file to what is published.

use crate::harness::{Workplace, batch};

fn run(workplace: &Workplace, name: &str, text: &str, more: &[&str]) -> serde_json::Value {
    let path = workplace.write(name, text);
    let store = workplace.text(&format!("{name}-store"));
    let run = ["run", "--ratings", &path, "--store", &store, "--measure", "cosine", "--json"];
    batch(&[&run, more].concat()).summary()
}

#[test]
fn text_inside_a_quoted_field_is_no_rating() {
    let workplace = Workplace::new();
    let review = "userId,movieId,rating,timestamp,review\n1,10,4,1500000000,\"fine\n\
        9001,666,5,1500000000,top\"\n";
    let summary = run(&workplace, "review.csv", review, &["--max-reject-share", "1"]);
    let counts = ["ratings", "users", "items", "ratings_rejected"].map(|key| &summary[key]);
    assert_eq!(counts, [1, 1, 1, 0]);
    let shown = ["show", "10", "--store", &workplace.text("review.csv-store"), "--json"];
    assert_eq!(batch(&shown).summary()["item"]["rating_count"], 1);
}

#[test]
fn text_inside_a_quoted_title_is_no_item() {
    let workplace = Workplace::new();
    let items = "movieId,title,genres\n1,\"Part one\n888,Ghost film,Horror\nend\",Drama\n";
    let items = workplace.write("items.csv", items);
    let ratings = "userId,movieId,rating,timestamp\n1,1,4,1500000000\n2,1,4,1500000000\n";
    let summary = run(&workplace, "r.csv", ratings, &["--items", &items]);
    assert_eq!(summary["items"], 1);
    let store = workplace.text("r.csv-store");
    let show =
        |item: &str, more: &[&str]| batch(&[&["show", item, "--store", &store][..], more].concat());
    let title = show("1", &["--json"]).summary()["item"]["title"].clone();
    assert_eq!(title, "Part one\n888,Ghost film,Horror\nend");
    let shown = show("1", &[]).stdout;
    assert_eq!(shown.lines().next(), Some(r"1  Part one\n888,Ghost film,Horror\nend"));
}

#[test]
fn a_quote_that_is_never_closed_is_one_reject_that_says_where() {
    let workplace = Workplace::new();
    let rows: String = (0..999).map(|item| format!("u,{item},4,7,good\n")).collect();
    let text = format!("userId,movieId,rating,timestamp,review\nv,1,4,7,\"open\n{rows}");
    let summary = run(&workplace, "open.csv", &text, &[]);
    let counts = ["ratings", "ratings_rejected"].map(|key| summary[key].as_u64());
    assert_eq!(counts, [Some(999), Some(1)]);
    let version = summary["version"].as_str().unwrap();
    let rejects = format!("open.csv-store/rejects/version={version}/rejects.csv");
    let rejects = std::fs::read_to_string(workplace.path(&rejects)).unwrap();
    assert!(rejects.contains("open.csv\",\"2\",\"unterminated quote\","), "{rejects}");
}

#[test]
fn ratings_of_other_separators_and_notations_are_the_same_ratings() {
    let workplace = Workplace::new();
    let rows = [["ann", "1", "5", "1000"], ["ann", "2", "4.5", "1001"], ["bob", "1", "4", "1002"]];
    let written = |header: &str, separator: &str| {
        let rows = rows.map(|row| row.join(separator) + "\n").concat();
        format!("{}\n{rows}", header.replace(',', separator))
    };
    let csv = "userId,movieId,rating,timestamp";
    let recbole = "user_id:token,item_id:token,rating:float,timestamp:float";
    let digest = |name: &str, text: &str, more: &[&str]| {
        let summary = run(&workplace, name, text, more);
        assert_eq!(summary["ratings"], 3, "{name}");
        let current = workplace.path(&format!("{name}-store/current.json"));
        let current: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(current).unwrap()).unwrap();
        current["parts"]["profiles"][0]["sha256"].clone()
    };
    let expected = digest("comma.csv", &written(csv, ","), &[]);
    let fractions = written(csv, ",").replace("1000\n", "1000.0\n").replace("1001\n", "1.001e3\n");
    let books = written("User-ID,ISBN,Book-Rating,timestamp", ";").replace("ann", "\"ann\"");
    let implicit = written(csv, ",").replace(",5,1000", ",,1000");
    for (name, text, more) in [
        ("semicolon.csv", written(csv, ";"), &[][..]),
        ("bar.csv", written(csv, "|"), &[]),
        ("comma.inter", written(recbole, ","), &[]),
        ("semicolon.inter", written(recbole, ";"), &[]),
        ("fractions.csv", fractions, &[]),
        ("empty.csv", implicit, &["--implicit-rating", "5"]),
        (
            "books.csv",
            books,
            &[
                "--user-column",
                "User-ID",
                "--item-column",
                "ISBN",
                "--rating-column",
                "Book-Rating",
            ],
        ),
    ] {
        assert_eq!(digest(name, &text, more), expected, "{name}");
    }
    let plan = ["plan", "--ratings", &workplace.text("semicolon.csv")];
    assert!(batch(&plan).stdout.contains("csv with ;"), "{}", batch(&plan).stdout);
}
