//! Real ratings: MovieLens, where they are at hand. They are not part of this repository.

use std::path::Path;

use crate::harness::{Server, Workplace, batch, get, post_rating};

#[test]
fn toy_story_leads_to_its_sequel() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/ml-latest-small");
    let (ratings, items) = (data.join("ratings.csv"), data.join("movies.csv"));
    if !ratings.exists() {
        eprintln!("skipped: {} is not there", ratings.display());
        return;
    }
    let workplace = Workplace::new();
    let (ratings, items) = (ratings.to_str().unwrap(), items.to_str().unwrap());
    let store = workplace.store();
    let run = batch(&["run", "--ratings", ratings, "--items", items, "--store", &store, "--json"]);
    let summary = run.summary();
    let counts: Vec<u64> = ["ratings_read", "ratings_rejected", "ratings", "users"]
        .map(|name| summary[name].as_u64().unwrap())
        .to_vec();
    assert_eq!(counts, [100_004, 0, 100_004, 671]);

    let server = Server::start_ready(&workplace, &[]);
    let neighbours = get(&server, "/items/1/neighbours?n=10").json();
    assert_eq!(neighbours["title"], "Toy Story (1995)");
    let titles: Vec<&str> = neighbours["neighbours"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n["title"].as_str().unwrap())
        .collect();
    assert!(titles.contains(&"Toy Story 2 (1999)"), "{titles:?}");

    let handle = post_rating(&server, "abby", "1", 5.0);
    let execution = get(&server, &format!("/executions/{handle}?wait=20")).json();
    let recommendations = execution["output"]["recommendations"].as_array().unwrap();
    assert_eq!(recommendations.len(), 10);
    assert_eq!(recommendations[0]["because"][0]["title"], "Toy Story (1995)");
}
