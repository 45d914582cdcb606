//! Every measure goes from the command line through the manifest and the store to a server.

use akin_schemas::tables::{Neighbours, Profiles, read_part};
use serde_json::{Value, json};

use crate::harness::{Response, Server, Workplace, batch, get, post_raw};

const MEASURES: [&str; 16] = [
    "cosine",
    "asymmetric-cosine",
    "p3alpha",
    "rp3beta",
    "jaccard",
    "dice",
    "conditional-probability",
    "lift",
    "log-likelihood",
    "tf-idf",
    "bm25",
    "pearson",
    "pearson-co-raters",
    "adjusted-cosine",
    "ease",
    "sparse-ease",
];

#[test]
fn every_measure_is_published_under_its_name() {
    let workplace = Workplace::new();
    for measure in MEASURES {
        workplace.publish(&["--measure", measure]).summary();
        assert_eq!(workplace.current()["measure"]["name"], measure);
    }
}

#[test]
fn without_options_a_run_says_what_it_did_by_default() {
    let workplace = Workplace::new();
    let made = workplace.text("made");
    let synth = ["synth", "--users", "60", "--items", "40", "--ratings", "1200", "--out", &made];
    assert_eq!(batch(&synth).code, 0);
    let (ratings, store) = (workplace.text("made/ratings.csv"), workplace.store());
    let run = ["run", "--ratings", &ratings, "--store", &store, "--evaluate", "--json"];
    let summary = batch(&run).summary();
    assert_eq!(summary["measure"], "sparse-ease");
    let manifest = workplace.current();
    let measure = &manifest["measure"];
    assert_eq!((&measure["name"], &measure["cut"]), (&"sparse-ease".into(), &"target".into()));
    assert_eq!(measure["parameters"], serde_json::json!({"dropout": 0.0, "lambda": 300.0}));
    assert_eq!(measure["top_k"], 100);
    let weights = ["similarities", "profiles"].map(|side| measure["rating_weights"][side].clone());
    assert_eq!(weights, ["binary", "relative:1.5"]);
    for metric in ["ndcg@10", "recall@10"] {
        assert!(manifest["metrics"][metric].is_f64(), "{}", manifest["metrics"]);
    }
}

#[test]
fn signed_weights_of_a_regression_are_served() {
    let workplace = Workplace::new();
    let settings = ["--measure=ease", "--lambda=0.5", "--dropout=0.1"];
    workplace.publish(&settings).summary();
    let measure = workplace.current()["measure"].clone();
    assert_eq!(measure["parameters"], serde_json::json!({"dropout": 0.1, "lambda": 0.5}));
    assert_eq!(measure["rating_weights"]["similarities"], "binary");

    let of_item_1 = published_neighbours(&workplace, "1");
    let score = |id: &str| of_item_1.iter().find(|found| found.0 == id).unwrap().1;
    assert!(score("2") > 0.5, "{of_item_1:?}");
    // Nobody rated both, and 3 explains what they have in common.
    assert!(score("4") < 0.0, "{of_item_1:?}");
    let server = Server::start_ready(&workplace, &[]);
    let found = get(&server, "/users/cat/recommendations?n=1").json()["recommendations"][0].clone();
    assert_eq!((&found["itemId"], &found["source"]), (&"3".into(), &"neighbours".into()));
    assert!(found["because"][0]["contribution"].as_f64() > Some(0.0), "{found}");
}

fn post(server: &Server, path: &str, body: &Value) -> Response {
    post_raw(server, path, "application/json", body.to_string().as_bytes())
}

/// The neighbours of an item in the table, by rank, with their scores.
fn published_neighbours(workplace: &Workplace, item: &str) -> Vec<(String, f32)> {
    let mut found = Vec::new();
    for part in workplace.current()["parts"]["neighbours"].as_array().unwrap() {
        let path = workplace.path(&format!("store/{}", part["key"].as_str().unwrap()));
        read_part::<Neighbours>(std::fs::read(path).unwrap().into(), |row| {
            if row.item_id == item {
                found.push((row.neighbour_id.to_owned(), row.score));
            }
        })
        .unwrap();
    }
    found
}

#[test]
fn what_speaks_against_an_item_is_no_neighbour_of_it() {
    let workplace = Workplace::new();
    for settings in [
        &["--measure=ease", "--lambda=0.5"][..],
        &["--measure=adjusted-cosine"],
        &["--measure=cosine", "--rating-weight=minus-mean"],
    ] {
        workplace.publish(settings).summary();
        let server = Server::start_ready(&workplace, &[]);
        let mut left_out = 0;
        for item in ["1", "2", "3", "4"] {
            let table = published_neighbours(&workplace, item);
            let alike: Vec<_> = table.iter().filter(|(_, score)| *score > 0.0).collect();
            let opposites = table.len() - alike.len();
            left_out += opposites;
            let alone = get(&server, &format!("/items/{item}/neighbours")).json();
            let together = json!({"items": [item]});
            let together = post(&server, "/items/neighbours", &together).json()["items"][0].clone();
            let store = workplace.store();
            let shown = batch(&["show", item, "--store", &store, "--json"]).summary();
            assert_eq!(shown["opposite_count"], opposites, "{settings:?}");
            for (listed, id) in [(&alone, "itemId"), (&together, "itemId"), (&shown, "item_id")] {
                let listed = listed["neighbours"].as_array().unwrap();
                assert_eq!(listed.len(), alike.len(), "{settings:?} {item}: {listed:?}");
                for (rank, (found, (expected, score))) in (1..).zip(listed.iter().zip(&alike)) {
                    assert_eq!((&found[id], &found["rank"]), (&json!(expected), &json!(rank)));
                    assert!((found["score"].as_f64().unwrap() - f64::from(*score)).abs() < 1e-6);
                }
            }
            // Its length is counted among those that are alike.
            let one = get(&server, &format!("/items/{item}/neighbours?n=1")).json();
            let length = one["neighbours"].as_array().unwrap().len();
            assert_eq!(length, alike.len().min(1), "{settings:?} {item}");
            let people = batch(&["show", item, "--store", &store]).stdout;
            let said = people.contains("left out: ") && people.contains("with a negative score");
            assert_eq!(said, opposites > 0, "{people}");
        }
        assert!(left_out > 0, "{settings:?}");
    }
}

#[test]
fn old_items_keep_their_neighbours_with_a_half_life() {
    let workplace = Workplace::new();
    let ratings = "userId,movieId,rating,timestamp\na,old1,4,946684800\na,old2,5,946684800\n\
                   b,old1,3,946684900\nb,old2,4,946684900\nc,new1,4,1577836800\nc,new2,5,1577836800\n";
    let ratings = workplace.write("half-life.csv", ratings);
    let store = workplace.store();
    // Those of one time are as similar as without fading, however old they are.
    for measure in ["cosine", "tf-idf", "jaccard"] {
        let run = |more: &[&str]| {
            let run = ["run", "--ratings", &ratings, "--store", &store, "--measure", measure];
            batch(&[&run[..], more, &["--json"]].concat())
        };
        run(&[]).summary();
        let before = published_neighbours(&workplace, "old1");
        assert_eq!(before.len(), 1);
        if measure == "jaccard" {
            assert_eq!(run(&["--half-life", "180"]).code, 2);
            continue;
        }
        if measure == "cosine" {
            assert!((before[0].1 - 0.999_51).abs() < 5e-6, "{before:?}");
        }
        for days in ["0.01", "1", "180", "3650"] {
            run(&["--half-life", days]).summary();
            let after = published_neighbours(&workplace, "old1");
            assert_eq!(after[0].0, "old2");
            let (before, after) = (before[0].1, after[0].1);
            // Their ratings are a hundred seconds apart: 8 % of the shortest half-life here.
            let near = if days == "0.01" { 1e-3 } else { 1e-5 };
            assert!((before - after).abs() < near, "{measure}, {days}: {before} {after}");
        }
    }
    // The default, too.
    let run = ["run", "--ratings", &ratings, "--store", &store, "--half-life", "180"];
    assert_eq!(batch(&run).code, 0);
    for item in ["old1", "old2", "new1", "new2"] {
        let found = published_neighbours(&workplace, item);
        assert!(found.len() == 1 && found[0].1 > 0.0, "{item}: {found:?}");
    }
}

#[test]
fn minus_zero_is_published_as_zero() {
    let workplace = Workplace::new();
    let mut lines = "userId,movieId,rating,timestamp\n".to_owned();
    for user in 0..4 {
        lines += &format!("u{user},x,-0.0,{user}\nu{user},y,0.5,{user}\n");
    }
    lines += "v,z,-0.0,9\nw,z,-1e-320,9\n";
    let ratings = workplace.write("zeros.csv", lines);
    let store = workplace.store();
    let run = ["run", "--ratings", &ratings, "--store", &store, "--rating-range=-1:1"];
    let signs = |text: &str| text.contains("-0.0") || text.contains("-0,") || text.contains("-0}");
    for measure in MEASURES {
        batch(&[&run[..], &["--measure", measure, "--json"]].concat()).summary();
        for item in ["x", "y", "z"] {
            for (_, score) in published_neighbours(&workplace, item) {
                assert!(score != 0.0 || score.is_sign_positive(), "{measure} {item}");
            }
        }
    }
    for part in workplace.current()["parts"]["profiles"].as_array().unwrap() {
        let path = workplace.path(&format!("store/{}", part["key"].as_str().unwrap()));
        let mut zeros = 0;
        read_part::<Profiles>(std::fs::read(path).unwrap().into(), |row| {
            if row.rating == Some(0.0) {
                zeros += 1;
                assert_eq!(row.rating.map(f32::to_bits), Some(0));
            }
        })
        .unwrap();
        assert_eq!(zeros, 6);
    }
    let checked = batch(&["check", "--store", &store]);
    assert!(checked.code == 0 && !checked.stdout.contains("minus zero"), "{}", checked.stdout);
    let server = Server::start_ready(&workplace, &[]);
    let body = json!({"itemId": "y", "userId": "new", "rating": -0.0});
    assert_eq!(post(&server, "/ratings", &body).status, 202);
    let all = json!({"ratings": [{"itemId": "x", "rating": -0.0}], "options": {"n": 3}});
    for answer in [
        get(&server, "/users/new/ratings"),
        get(&server, "/users/u0/ratings"),
        get(&server, "/users/u0/recommendations?n=3"),
        get(&server, "/users/v/recommendations?n=3"),
        post(&server, "/recommendations", &all),
    ] {
        assert!(answer.status == 200 && !signs(&answer.body), "{}", answer.body);
    }
}

#[test]
fn age_counts_from_the_newest_rating() {
    let workplace = Workplace::new();
    let neighbours = |settings: &[&str]| {
        workplace.publish(settings).summary();
        let current = workplace.current();
        let part = current["parts"]["neighbours"][0]["sha256"].clone();
        (part, current["counts"]["pairs"].clone(), current["measure"]["parameters"].clone())
    };
    let (all, pairs, _) = neighbours(&[]);
    // The ratings are eight seconds apart, of a half-life of a quarter of an hour.
    let (faded, _, parameters) = neighbours(&["--half-life=0.01"]);
    assert_ne!(all, faded);
    assert_eq!(parameters["half-life"], 0.01);
    // Of bob's three ratings the newest two are left: 1 and 3 have nobody in common any more.
    let (_, fewer, parameters) = neighbours(&["--ratings-per-user=2"]);
    assert_eq!((pairs, fewer), (8.into(), 6.into()));
    assert_eq!(parameters["ratings-per-user"], 2.0);
}

#[test]
fn a_regression_that_would_not_fit_is_refused_with_7_and_one_that_contradicts_itself_with_2() {
    let workplace = Workplace::new();
    let items: String = (1..=3000).map(|id| format!("{id},Item {id},Drama\n")).collect();
    workplace.write("movies.csv", format!("movieId,title,genres\n{items}"));
    let run = workplace.publish(&["--measure=ease", "--max-memory=8"]);
    assert_eq!(run.code, 7, "{}", run.stderr);
    assert!(run.error().contains("regression on 3000 items needs about"), "{}", run.error());
    assert!(run.error().contains("choose --measure sparse-ease"), "{}", run.error());
    workplace.publish(&["--measure=cosine", "--max-memory=8"]).summary();

    let run = workplace.publish(&["--measure=ease", "--shrinkage=5"]);
    assert_eq!(run.code, 2);
    assert!(run.error().contains("ease has no shrinkage"), "{}", run.error());
}
