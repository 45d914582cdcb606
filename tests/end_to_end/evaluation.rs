//! Evaluation: figures that can be worked out by hand, of the very lists that the server gives.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{Server, Workplace, batch, get};

fn at(report: &Value, model: usize, n: u64) -> &Value {
    let at = report["models"][model]["at"].as_array().unwrap();
    at.iter().find(|at| at["n"] == n).unwrap()
}

fn mean(report: &Value, model: usize, n: u64, metric: &str) -> f64 {
    at(report, model, n)[metric]["mean"].as_f64().unwrap()
}

#[test]
fn a_split_that_somebody_made_gives_the_figures_worked_out_by_hand() {
    let workplace = Workplace::new();
    let header = "userId,movieId,rating,timestamp\n";
    // 1 and 2 go together, 3 is the most rated.
    let train = "a,1,5,1\na,2,5,1\na,3,5,1\nb,1,5,1\nb,2,5,1\nc,3,5,1\nd,3,5,1\n";
    let train = workplace.write("train.csv", format!("{header}{train}"));
    let fold_in = workplace.write("fold-in.csv", format!("{header}n,2,5,1\n"));
    // n is served 1, then 3 (which a rated with 2), and looks for 3 and an unknown item; z is served what is
    // popular, 3 first; y has rated what it looks for, and c looks for what it does not like.
    let test = "n,3,5,2\nn,new,5,2\nz,3,4,2\na,3,5,2\nc,1,1,2\n";
    let test = workplace.write("test.csv", format!("{header}{test}"));
    let arguments = ["evaluate", "--train", &train, "--fold-in", &fold_in, "--test", &test];
    let more = ["--at", "1,2", "--relevant-from", "4", "--json"];
    let report = batch(&[&arguments[..], &more].concat()).summary();
    let size = |name: &str| report["size"][name].as_u64().unwrap();
    assert_eq!(size("train_ratings"), 7);
    assert_eq!((size("held_out_ratings"), size("relevant"), size("test_users")), (5, 4, 3));
    assert_eq!((size("relevant_unknown"), size("relevant_seen")), (1, 1));
    assert_eq!(size("test_users_without_profile"), 1);
    // Users a, n, z: 0, half of what is relevant at 2, everything at 1.
    for (n, metric, expected) in [
        (1, "recall", 1.0 / 3.0),
        (1, "hit_rate", 1.0 / 3.0),
        (2, "recall", 1.5 / 3.0),
        (2, "recall_capped", 1.5 / 3.0),
        (2, "mrr", 1.5 / 3.0),
        (2, "precision", 1.0 / 3.0),
    ] {
        let found = mean(&report, 0, n, metric);
        assert!((found - expected).abs() < 1e-12, "{metric}@{n}: {found}");
    }
    // Popularity gives n the item 3 first.
    assert_eq!(report["models"][1]["name"], "popularity");
    assert!((mean(&report, 1, 1, "recall") - 1.5 / 3.0).abs() < 1e-12);
    let table = batch(&[&arguments[..], &["--at", "2"]].concat());
    assert_eq!(table.code, 0, "{}", table.stderr);
    for text in ["popularity", "recall_capped", "min(N, relevant)", "as given in files"] {
        assert!(table.stdout.contains(text), "{text}: {}", table.stdout);
    }
}

#[test]
fn the_metrics_are_those_of_an_independent_library_on_the_lists_that_the_server_gives() {
    let workplace = Workplace::new();
    let made = workplace.text("made");
    let synth = ["synth", "--users", "60", "--items", "40", "--ratings", "1200", "--out", &made];
    assert_eq!(batch(&synth).code, 0);
    let text = std::fs::read_to_string(workplace.path("made/ratings.csv")).unwrap();
    let lines: Vec<&str> = text.lines().skip(1).collect();
    let side = |is_test: bool| {
        let of_side = lines.iter().enumerate().filter(|(at, _)| (at % 5 == 0) == is_test);
        let lines: Vec<&str> = of_side.map(|(_, line)| *line).collect();
        format!("userId,movieId,rating,timestamp\n{}\n", lines.join("\n"))
    };
    let train = workplace.write("ratings.csv", side(false));
    let test = workplace.write("test.csv", side(true));
    let measure = ["--measure", "rp3beta", "--top-k", "5", "--profile-weight", "minus-mean"];
    let evaluate = ["evaluate", "--train", &train, "--test", &test, "--at", "7", "--json"];
    let report = batch(&[&evaluate[..], &measure].concat()).summary();

    let store = workplace.store();
    let run = ["run", "--ratings", &train, "--store", &store];
    assert_eq!(batch(&[&run[..], &measure].concat()).code, 0);
    let server = Server::start_ready(&workplace, &[]);
    let mut relevant = std::collections::BTreeMap::<String, Vec<String>>::new();
    for line in side(true).lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        relevant.entry(fields[0].to_owned()).or_default().push(fields[1].to_owned());
    }
    let mut lists = serde_json::Map::new();
    for user in relevant.keys() {
        let served = get(&server, &format!("/users/{user}/recommendations?n=7")).json();
        let served = served["recommendations"].as_array().unwrap();
        let items: Vec<Value> = served.iter().map(|r| r["itemId"].clone()).collect();
        assert_eq!(items.len(), 7);
        lists.insert(user.clone(), items.into());
    }
    let theirs = by_trec_eval(&json!({"n": 7, "lists": lists, "relevant": relevant}));
    for (metric, theirs) in theirs.as_object().unwrap() {
        let (ours, theirs) = (mean(&report, 0, 7, metric), theirs.as_f64().unwrap());
        assert!(ours > 0.0 && (ours - theirs).abs() < 1e-9, "{metric}: {ours}, not {theirs}");
    }
}

/// The metrics of lists by an independent library: see `tests/independent_metrics.py`.
fn by_trec_eval(lists: &Value) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut python = Command::new(root.join("target/venv/bin/python"))
        .arg(root.join("tests/independent_metrics.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a virtual environment, which `make venv` makes");
    python.stdin.take().unwrap().write_all(lists.to_string().as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "trec_eval failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_seed_decides_everything_and_threads_do_not() {
    let workplace = Workplace::new();
    let made = workplace.text("made");
    let synth = ["synth", "--users", "200", "--items", "80", "--ratings", "5000", "--out", &made];
    assert_eq!(batch(&synth).code, 0);
    let ratings = format!("{made}/ratings.csv");
    let report = |more: &[&str]| {
        let arguments = ["evaluate", "--ratings", &ratings, "--json"];
        let mut report = batch(&[&arguments[..], more].concat()).summary();
        for model in report["models"].as_array_mut().unwrap() {
            let model = model.as_object_mut().unwrap();
            model.retain(|name, _| !name.ends_with("_seconds"));
        }
        report
    };
    for split in ["random", "last", "time", "users"] {
        let one = report(&["--split", split, "--threads", "1"]);
        assert_eq!(one, report(&["--split", split, "--threads", "3"]));
        // Taste structure is found: better than popularity, and the interval says so.
        let ndcg = |model| &at(&one, model, 10)["ndcg"];
        let [low, mean, high] = ["low", "mean", "high"].map(|of| ndcg(0)[of].as_f64().unwrap());
        assert!(0.0 < low && low < mean && mean < high, "{split}: {low} {mean} {high}");
        let other = report(&["--split", split, "--seed", "2"]);
        assert_ne!(one, other, "{split}");
    }
}

#[test]
fn an_evaluation_without_anything_to_find_says_what_to_do() {
    let workplace = Workplace::new();
    let ratings = workplace.text("ratings.csv");
    let run = batch(&["evaluate", "--ratings", &ratings, "--relevant-from", "9"]);
    assert_eq!(run.code, 3);
    assert!(run.error().contains("lower --relevant-from"), "{}", run.error());
}

#[test]
fn what_leaves_nothing_to_learn_from_gives_no_figures_but_a_reason() {
    let workplace = Workplace::new();
    let header = "userId,movieId,rating,timestamp\n";
    let written = |name: &str, lines: &str| workplace.write(name, format!("{header}{lines}"));
    let one_time = written("one-time.csv", "1,a,4,7\n1,b,5,7\n2,a,3,7\n2,b,4,7\n");
    let three = written("three.csv", "1,a,4,1\n1,b,5,2\n2,a,3,3\n");
    let singles = written("singles.csv", "1,a,4,1\n2,b,5,2\n3,a,3,3\n");
    let empty = written("empty.csv", "");
    let users = ["--split", "users", "--user-share", "0.99", "--hold-out", "0.6"];
    let refused = |arguments: &[&str], why: &str| {
        let run = batch(&[&["evaluate"], arguments].concat());
        assert_eq!(run.code, 3, "{arguments:?}: {}{}", run.stdout, run.stderr);
        assert!(run.error().contains(why), "{arguments:?}: {}", run.error());
        assert!(run.stdout.is_empty());
    };
    refused(&["--ratings", &one_time, "--split", "time"], "nothing is left to learn from");
    let newest = [&["--ratings", &three][..], &users, &["--ratings-per-user", "5"]].concat();
    for measure in ["cosine", "sparse-ease", "ease", "pearson-co-raters", "jaccard"] {
        refused(&[&newest[..], &["--measure", measure]].concat(), "nothing is left to learn from");
    }
    let none_counts = ["--train", &three, "--test", &three, "--rating-weight", "at-least:9"];
    refused(&none_counts, "counts by --rating-weight at-least:9; lower it");
    refused(&["--ratings", &singles, "--split", "last"], "nothing is held out");
    let made = ["--train", &three, "--test", &three];
    refused(&[&made[..], &["--relevant-from", "6"]].concat(), "nothing is held out");
    refused(&[&made[..], &["--fold-in", &empty]].concat(), "no ratings");
    refused(&["--train", &empty, "--test", &three], "no ratings");
    refused(&["--train", &three, "--test", &empty], "no ratings");
    for (arguments, why) in [
        (&["--ratings", &one_time, "--split", "time"][..], "nothing is left to learn from"),
        (&newest[..8], "nothing is "),
        (&["--ratings", &singles, "--split", "last"], "nothing is held out"),
    ] {
        let out = workplace.text("tuned");
        let tune = ["tune", "--trials", "3", "--out", &out];
        let run = batch(&[&tune[..], arguments].concat());
        assert_eq!(run.code, 3, "{arguments:?}: {}", run.stderr);
        assert!(run.error().contains(why), "{arguments:?}: {}", run.error());
    }
}

#[test]
fn a_first_run_of_one_rating_is_published_without_figures_and_says_why() {
    let workplace = Workplace::new();
    let store = workplace.store();
    let one = workplace.write("one.csv", "userId,movieId,rating,timestamp\n1,a,4,1\n");
    let run =
        |more: &[&str]| batch(&[&["run", "--ratings", &one, "--store", &store], more].concat());
    // Whether the only rating is held out or not, there is nothing on the other side.
    for (number, asked) in (1..).zip(["--evaluate", "--guard"]) {
        for measure in ["sparse-ease", "ease", "cosine"] {
            let first = run(&[asked, "--measure", measure, "--ratings-per-user", "3"]);
            assert_eq!(first.code, 0, "{}", first.stderr);
            let why = "figures       none: there are too few ratings to hold a tenth of them out";
            assert!(first.stdout.contains(why), "{}", first.stdout);
            assert!(first.stderr.contains("no item has a neighbour"), "{}", first.stderr);
        }
        let summary = run(&[asked, "--json"]).summary();
        let why = summary["unmeasured"].as_str().unwrap();
        assert!(why.contains("nothing is "), "{why}");
        assert_eq!(workplace.current()["metrics"], json!({}));
        assert_eq!(summary["sequence"], 4 * number);
        // What cannot be measured is not missing: nothing is published again for it.
        let again = run(&[asked, "--json", "--if-changed"]).summary();
        assert_eq!(again["published"], false);
    }
}

#[test]
fn of_ratings_of_the_same_time_chance_holds_one_out() {
    let workplace = Workplace::new();
    let mut lines = "userId,movieId,rating\n".to_owned();
    for user in 1..=6 {
        for item in ["a", "b", "c", "z"] {
            lines += &format!("{user},{item},4\n");
        }
    }
    let ratings = workplace.write("equal-times.csv", lines);
    let evaluate = ["evaluate", "--ratings", &ratings, "--implicit-timestamp", "0", "--json"];
    let last = ["--split", "last", "--measure", "cosine", "--at", "1"];
    let report = batch(&[&evaluate[..], &last].concat()).summary();
    // Would all users miss the same item, nobody could be recommended it.
    assert_eq!(report["size"]["relevant_unknown"], 0);
    assert_eq!(mean(&report, 0, 1, "recall"), 1.0);
    let split = report["split"].as_str().unwrap();
    assert_eq!(split, "each user's last 1 held out, equally old ones by chance, seed 1");
}

/// Made-up ratings of 200 users, and as many of the same users that follow no taste.
fn taste_and_noise(workplace: &Workplace) -> [String; 2] {
    let made = workplace.text("made");
    let synth = ["synth", "--users", "200", "--items", "80", "--ratings", "5000", "--out", &made];
    assert_eq!(batch(&synth).code, 0);
    let taste = std::fs::read_to_string(workplace.path("made/ratings.csv")).unwrap();
    let mut noise = "userId,movieId,rating,timestamp\n".to_owned();
    for (at, line) in taste.lines().skip(1).enumerate() {
        let user = line.split(',').next().unwrap();
        // Twice multiplied and folded: multiples alone would be a pattern that is easily found.
        let odd = 6_364_136_223_846_793_005u64;
        let mixed = (at as u64).wrapping_mul(odd);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(odd);
        noise += &format!("{user},{},3,1\n", (mixed >> 33) % 80 + 1);
    }
    [format!("{made}/ratings.csv"), workplace.write("noise.csv", noise)]
}

#[test]
fn the_guard_refuses_a_version_that_finds_fewer_held_out_ratings() {
    let workplace = Workplace::new();
    let [taste, noise] = taste_and_noise(&workplace);
    let store = workplace.store();
    let run = |ratings: &str, more: &[&str]| {
        let arguments = ["run", "--ratings", ratings, "--store", &store, "--json"];
        batch(&[&arguments[..], more].concat())
    };
    assert_eq!(run(&taste, &[]).code, 0);
    assert_eq!(workplace.current()["metrics"], serde_json::json!({}));
    // Nothing to compare with: it says so and publishes, and what it measured can be compared with from now on.
    let first = run(&taste, &["--guard"]);
    first.summary();
    assert!(first.stderr.contains("nothing to compare with"), "{}", first.stderr);
    let metrics = workplace.current()["metrics"].clone();
    let metric = |name: &str| metrics[name].as_f64().unwrap();
    assert!(metric("ndcg@10") > metric("popularity_ndcg@10"), "{metrics}");
    assert!(
        metric("ndcg@10_low") < metric("ndcg@10") && metric("ndcg@10") < metric("ndcg@10_high")
    );

    // The same ratings are as good, with other threads too.
    run(&taste, &["--guard", "0", "--threads", "3"]).summary();
    assert_eq!(workplace.current()["metrics"], metrics);
    let refused = run(&noise, &["--guard"]);
    assert_eq!(refused.code, 6, "{}", refused.stderr);
    assert!(refused.error().contains("refused by the guard"), "{}", refused.error());
    assert_eq!(workplace.current()["sequence"], 3);
    // Without the guard it is published, and its figures are told.
    run(&noise, &["--evaluate"]).summary();
    assert!(workplace.current()["metrics"]["ndcg@10"].as_f64().unwrap() < metric("ndcg@10"));
}

#[test]
fn tune_writes_a_config_that_run_takes() {
    let workplace = Workplace::new();
    let [taste, _] = taste_and_noise(&workplace);
    let tune = |out: &str, threads: &str| {
        let arguments = ["tune", "--ratings", &taste, "--trials", "25", "--json"];
        let more = ["--out", &workplace.text(out), "--threads", threads];
        batch(&[&arguments[..], &more].concat()).summary()
    };
    let tuned = tune("one", "1");
    assert_eq!(tuned["trials"], 25);
    assert_eq!(tuned["best"], tune("two", "2")["best"]);
    let names: Vec<_> = tuned["test"].as_array().unwrap().iter().map(|q| &q["name"]).collect();
    assert_eq!(names, ["best", "default", "popularity"]);
    assert!(workplace.path("one/leaderboard.parquet").exists());
    let leaderboard = tuned["leaderboard"].as_array().unwrap();
    assert_eq!((leaderboard.len(), &leaderboard[0]["config"]), (25, &tuned["best"]));
    let ndcg = |entry: &serde_json::Value| entry["ndcg"].as_f64().unwrap();
    assert!(leaderboard.is_sorted_by(|better, worse| ndcg(better) >= ndcg(worse)));

    let config = workplace.text("one/best.json");
    workplace.publish(&["--config", &config]).summary();
    let best = &tuned["best"];
    let measure = &workplace.current()["measure"];
    assert_eq!(measure["name"], best["measure"]);
    assert_eq!(measure["top_k"], best.get("top-k").cloned().unwrap_or(100.into()));
    let config = workplace.write("wrong.json", r#"{"mesure": "lift"}"#);
    let refused = workplace.publish(&["--config", &config]);
    assert_eq!(refused.code, 2);
    assert!(refused.error().contains("\"mesure\" is no option of run"), "{}", refused.error());
    // The command line goes before the file.
    let config = workplace.write("lift.json", r#"{"measure": "lift", "top-k": 7}"#);
    workplace.publish(&["--config", &config, "--top-k", "3"]).summary();
    let measure = &workplace.current()["measure"];
    assert_eq!((&measure["name"], &measure["top_k"]), (&"lift".into(), &3.into()));
}

#[test]
fn a_published_split_in_its_text_form_is_read() {
    let workplace = Workplace::new();
    let train = workplace.write("train.txt", "0 10 11\n1 10 11 12\n2 12\n");
    let test = workplace.write("test.txt", "0 12\n1\n2 10 99\n");
    let arguments = ["evaluate", "--user-items", "--train", &train, "--test", &test];
    let report = batch(&[&arguments[..], &["--at", "1", "--json"]].concat()).summary();
    assert_eq!(report["size"]["train_ratings"], 6);
    // 0 finds 12; 2 finds 10 of two, by a tie with 11.
    assert!((mean(&report, 0, 1, "recall") - 0.75).abs() < 1e-12);
    assert!((mean(&report, 0, 1, "hit_rate") - 1.0).abs() < 1e-12);
}
