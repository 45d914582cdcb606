//! What is different when store and inputs are in S3.

use crate::harness::{
    BatchRun, ITEMS, RATINGS, Server, Workplace, batch, batch_command, get, post_rating, wait_for,
};

/// The checksums of the first part of each table.
fn sums(workplace: &Workplace) -> [serde_json::Value; 3] {
    let current = workplace.current();
    ["neighbours", "items", "profiles"].map(|table| current["parts"][table][0]["sha256"].clone())
}

#[test]
fn a_server_on_s3_writes_segments_and_swaps_to_the_run_that_takes_them_in() {
    let workplace = Workplace::on_s3();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &["--flush-interval", "0.1"]);
    post_rating(&server, "abby", "1", 6.0);
    // Segments are there when a run finds the rating; each run is a version, so the server follows all along.
    let sequence = wait_for("a run takes the rating in", || {
        let summary = workplace.publish(&["--with-ledger"]).summary();
        (summary["ratings"] == 10).then(|| summary["sequence"].as_u64().unwrap())
    });
    server.wait_for_sequence(sequence);
    let answer = get(&server, "/users/abby/recommendations?n=1").json();
    assert_eq!(answer["recommendations"][0]["because"].as_array().unwrap().len(), 1);
    for command in
        [&["check"][..], &["versions"], &["show", "1"], &["gc", "--keep", "1", "--delete"]]
    {
        let run = batch(&[command, &["--store", &workplace.store()]].concat());
        assert_eq!(run.code, 0, "{command:?}: {}", run.stderr);
    }
    assert!(server.stop().success());
}

#[test]
fn inputs_in_s3_give_the_bytes_that_files_give() {
    let files = Workplace::new();
    files.publish(&[]).summary();
    let workplace = Workplace::on_s3();
    let store = workplace.store();
    let lines: Vec<&str> = RATINGS.split_inclusive('\n').collect();
    let first = workplace.put("in/day=1/ratings.csv", lines[..5].concat());
    workplace.put("in/day=2/ratings.csv", [&lines[..1], &lines[5..]].concat().concat());
    workplace.put("in/day=2/_SUCCESS", "");
    let items = workplace.put("movies.csv", ITEMS);
    let folder = first.strip_suffix("/day=1/ratings.csv").unwrap();
    let second = first.replace("day=1", "day=2");
    let publish = |ratings: &[&str]| {
        let more = ["--items", &items, "--store", &store, "--json"];
        batch(&[&["run", "--ratings"], ratings, &more].concat())
    };
    let pattern = format!("{folder}/day=[12]/*.csv");
    for ratings in [&[folder][..], &[&pattern], &[&first, &second]] {
        let summary = publish(ratings).summary();
        assert_eq!(summary["ratings_read"], 9, "{ratings:?}");
        assert_eq!(sums(&workplace), sums(&files), "{ratings:?}");
    }
    let planned = batch(&["plan", "--json", "--ratings", folder, "--items", &items]).summary();
    assert_eq!((&planned["ratings"], &planned["catalogue_items"]), (&9.into(), &5.into()));
    // What was published is Parquet, and input as good as any.
    let version = workplace.current()["version"].as_str().unwrap().to_owned();
    let summary = publish(&[&format!("{store}/profiles/version={version}/")]).summary();
    assert_eq!(summary["ratings_read"], 9);
    assert_eq!(sums(&workplace), sums(&files));

    for (ratings, expected) in [
        (format!("{folder}/day=3"), "there is no such object"),
        (format!("{folder}/*.tsv"), "no file matches"),
        ("s3://no-such-bucket/in".to_owned(), "there is no such bucket"),
        ("s3://No_Bucket/in".to_owned(), "write s3://bucket/path"),
    ] {
        let run = publish(&[&ratings]);
        assert_eq!(run.code, 3, "{}", run.stderr);
        assert!(run.error().contains(&ratings) || run.error().contains("s3://"), "{}", run.error());
        assert!(run.error().contains(expected), "{}", run.error());
    }
}

#[test]
fn a_store_that_cannot_be_reached_ends_a_run_with_5_and_the_remedy() {
    let workplace = Workplace::on_s3();
    let ratings = workplace.text("ratings.csv");
    let run = batch(&["run", "--ratings", &ratings, "--store", "s3://no-such-bucket/store"]);
    assert_eq!(run.code, 5, "{}", run.stderr);
    assert!(run.error().contains("s3://no-such-bucket"), "{}", run.error());
    assert!(run.error().contains("there is no such bucket; create it"), "{}", run.error());
}

#[test]
fn without_credentials_or_a_region_a_run_says_what_to_set() {
    let workplace = Workplace::new();
    let (ratings, home) = (workplace.text("ratings.csv"), workplace.text(""));
    let run = |environment: &[(&str, &str)]| {
        let mut command =
            batch_command(&["run", "--ratings", &ratings, "--store", "s3://bucket/store"]);
        // No profile in a home, and nobody asks the machine.
        command.env_clear().env("HOME", &home).env("AWS_EC2_METADATA_DISABLED", "true");
        let run = BatchRun::of(command.envs(environment.iter().copied()).output().unwrap());
        assert_eq!(run.code, 5, "{}", run.stderr);
        assert!(run.error().contains("s3://bucket"), "{}", run.error());
        run.error().to_owned()
    };
    let keys = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "secret")];
    let error = run(&keys);
    assert!(error.contains("region") && error.contains("set AWS_REGION"), "{error}");
    let error = run(&[("AWS_REGION", "eu-central-1")]);
    assert!(error.contains("no AWS credentials") && error.contains("AWS_PROFILE"), "{error}");
}
