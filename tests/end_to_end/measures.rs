//! Every measure goes from the command line through the manifest and the store to a server.

use crate::harness::{Server, Workplace, batch, get};

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

    let server = Server::start_ready(&workplace, &[]);
    let neighbours = get(&server, "/items/1/neighbours").json()["neighbours"].clone();
    let score = |id: &str| {
        let mut found = neighbours.as_array().unwrap().iter();
        found.find(|found| found["itemId"] == id).unwrap()["score"].as_f64().unwrap()
    };
    assert!(score("2") > 0.5, "{neighbours}");
    // Nobody rated both, and 3 explains what they have in common.
    assert!(score("4") < 0.0, "{neighbours}");
    let found = get(&server, "/users/cat/recommendations?n=1").json()["recommendations"][0].clone();
    assert_eq!((&found["itemId"], &found["source"]), (&"3".into(), &"neighbours".into()));
    assert!(found["because"][0]["contribution"].as_f64() > Some(0.0), "{found}");
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
