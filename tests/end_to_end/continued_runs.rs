//! Runs that continue the current version: nothing accepted is left out by oversight, and nothing is read twice.

use std::path::PathBuf;

use crate::harness::{BatchRun, Server, Workplace, batch, get, post_rating};

/// Rates through a server that then stops, which writes a segment.
fn rate(workplace: &Workplace, user: &str, item: &str, rating: f64) {
    let server = Server::start_ready(workplace, &[]);
    post_rating(&server, user, item, rating);
    assert!(server.stop().success());
}

fn since_last(workplace: &Workplace, more: &[&str]) -> BatchRun {
    let store = workplace.store();
    batch(&[&["run", "--since-last", "--store", &store, "--json"], more].concat())
}

/// The segments, by date and first entry.
fn segments(workplace: &Workplace) -> Vec<PathBuf> {
    let files = |folder: PathBuf| std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path());
    let mut found: Vec<_> = files(workplace.path("store/ratings")).flat_map(files).collect();
    found.sort();
    found
}

fn watermark_of_the_ledger(workplace: &Workplace) -> u64 {
    let current = workplace.current();
    let watermark = current["watermark"].as_object().unwrap();
    let mut ledgers = watermark.iter().filter(|(name, _)| name.starts_with("ledger-"));
    ledgers.next().map_or(0, |(_, through)| through.as_u64().unwrap())
}

#[test]
fn a_run_that_would_leave_accepted_ratings_out_says_how_to_keep_them() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    rate(&workplace, "abby", "1", 6.0);
    // No version holds it yet.
    let refused = workplace.publish(&[]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    for part in ["--with-ledger", "--without-ledger", "segments: 1"] {
        assert!(refused.error().contains(part), "{}", refused.error());
    }
    assert_eq!(workplace.current()["sequence"], 1);
    assert_eq!(workplace.publish(&["--with-ledger"]).summary()["ratings"], 10);

    let refused = workplace.publish(&[]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    for part in ["--with-ledger", "--without-ledger", "up to 1"] {
        assert!(refused.error().contains(part), "{}", refused.error());
    }
    assert_eq!(workplace.current()["sequence"], 2);

    // Asked for, it is done; and the segments are all taken in again by the next run with the ledger.
    assert_eq!(workplace.publish(&["--without-ledger"]).summary()["ratings"], 9);
    assert_eq!(watermark_of_the_ledger(&workplace), 0);
    assert_eq!(workplace.publish(&["--with-ledger"]).summary()["ratings"], 10);
    assert_eq!(watermark_of_the_ledger(&workplace), 1);
}

#[test]
fn a_run_since_the_last_one_needs_no_files_and_reads_no_segment_again() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    rate(&workplace, "abby", "1", 6.0);
    assert_eq!(workplace.publish(&["--with-ledger"]).summary()["ratings"], 10);
    rate(&workplace, "abby", "2", 7.0);
    // The current version contains this one's only entry.
    std::fs::write(&segments(&workplace)[0], "damaged").unwrap();

    let summary = since_last(&workplace, &[]).summary();
    assert_eq!((&summary["ratings"], &summary["sequence"]), (&11.into(), &3.into()));
    assert_eq!((&summary["items"], &summary["ratings_read"]), (&5.into(), &0.into()));
    assert_eq!(watermark_of_the_ledger(&workplace), 2);
    let server = Server::start_ready(&workplace, &[]);
    let neighbours = get(&server, "/items/1/neighbours").json();
    assert_eq!(neighbours["neighbours"][0]["title"], "Second Wind (2001)", "titles are kept");
    drop(server);

    // A version without the ledger no longer contains it: now the damage matters.
    workplace.publish(&["--without-ledger"]).summary();
    let refused = workplace.publish(&["--with-ledger"]);
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    assert!(refused.error().contains("restore it, or run with --since-last"));
}

#[test]
fn a_later_run_s_files_win_over_earlier_ones_with_the_same_time() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let text = "userId,movieId,rating,timestamp\nann,1,0.5,1000\nann,2,0.5,999\nann,5,3,7\n";
    let more = workplace.write("more.csv", text);
    // By value even half a star is a reason.
    let by_value = ["--ratings", &more, "--profile-weight=value"];
    let summary = since_last(&workplace, &by_value).summary();
    assert_eq!((&summary["ratings"], &summary["ratings_read"]), (&10.into(), &3.into()));
    assert_eq!(workplace.current()["watermark"]["files"], 12);
    let server = Server::start_ready(&workplace, &[]);
    let answer = get(&server, "/users/ann/recommendations?n=5").json();
    let because = |item: &str| {
        let all = answer["recommendations"].as_array().unwrap().iter();
        let mut reasons = all.flat_map(|r| r["because"].as_array().cloned().unwrap_or_default());
        reasons.find(|reason| reason["itemId"] == item).unwrap()["rating"].clone()
    };
    assert_eq!((because("1"), because("2")), (0.5.into(), 4.5.into()));
}

#[test]
fn a_run_since_the_last_one_on_an_empty_store_asks_for_files() {
    let workplace = Workplace::new();
    let refused = since_last(&workplace, &[]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.error().contains("give files with --ratings"), "{}", refused.error());
}

#[test]
fn unchanged_input_publishes_nothing_and_says_so() {
    let workplace = Workplace::new();
    let first = workplace.publish(&["--if-changed"]).summary();
    assert_eq!(first["published"], true);
    // The same content in a file that was written again, with its lines in another order.
    let mut lines: Vec<_> = crate::harness::RATINGS.lines().collect();
    lines[1..].reverse();
    workplace.write("ratings.csv", lines.join("\n"));
    let again = workplace.publish(&["--if-changed"]).summary();
    assert_eq!((&again["published"], &again["version"]), (&false.into(), &first["version"]));
    let unchanged = since_last(&workplace, &["--if-changed"]).summary();
    assert_eq!(unchanged["published"], false);
    let manifests = || std::fs::read_dir(workplace.path("store/manifests")).unwrap().count();
    assert_eq!(manifests(), 1);

    // Other parameters, another catalogue, another rating: each is a change.
    for (name, text, more) in [
        ("movies.csv", crate::harness::ITEMS.replace("Iron", "Tin"), &["--if-changed"][..]),
        ("movies.csv", crate::harness::ITEMS.replace("Sci-Fi", "Space"), &["--if-changed"]),
        ("ratings.csv", lines.join("\n").replace("dan,4,5", "dan,4,4"), &["--if-changed"]),
        ("ratings.csv", lines.join("\n"), &["--if-changed"]),
        ("ratings.csv", lines.join("\n"), &["--if-changed", "--top-k", "3"]),
    ] {
        let before = manifests();
        workplace.write(name, text);
        assert_eq!(workplace.publish(more).summary()["published"], true, "{name} {more:?}");
        assert_eq!(manifests(), before + 1);
        assert_eq!(workplace.publish(more).summary()["published"], false, "{name} {more:?}");
    }
    rate(&workplace, "abby", "1", 6.0);
    assert_eq!(since_last(&workplace, &["--if-changed"]).summary()["published"], true);
    assert_eq!(since_last(&workplace, &["--if-changed"]).summary()["published"], false);
}

#[test]
fn unchanged_input_is_published_again_for_figures_that_the_current_version_lacks() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    // Of nine ratings none is held out: figures that nobody can have are not missed.
    assert_eq!(workplace.publish(&["--if-changed", "--evaluate"]).summary()["published"], false);

    let rows = (0..400).map(|n| format!("u{},{},{},{n}\n", n / 10, n % 13, 1 + n % 5));
    workplace.write(
        "ratings.csv",
        format!("userId,movieId,rating,timestamp\n{}", rows.collect::<String>()),
    );
    assert_eq!(workplace.publish(&["--if-changed"]).summary()["published"], true);
    for more in [&["--if-changed", "--evaluate"][..], &["--if-changed", "--guard"]] {
        assert_eq!(workplace.publish(&["--if-changed"]).summary()["published"], false);
        let before = workplace.current();
        assert_eq!(before["metrics"].as_object().unwrap().len(), 0);
        assert_eq!(workplace.publish(more).summary()["published"], true, "{more:?}");
        assert!(workplace.current()["metrics"]["ndcg@10"].is_number());
        assert_eq!(workplace.publish(more).summary()["published"], false, "{more:?}");
        // Figures that are there and not asked for are no reason to publish.
        assert_eq!(workplace.publish(&["--if-changed"]).summary()["published"], false);
        assert_eq!(workplace.publish(&[]).summary()["published"], true);
    }
}

#[test]
fn what_two_servers_accepted_is_in_the_next_version_and_both_show_it() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let often = ["--flush-interval", "0.1"];
    let one = Server::start_in(&workplace, "one", &often);
    let two = Server::start_in(&workplace, "two", &often);
    one.wait_until_ready();
    two.wait_until_ready();
    post_rating(&one, "abby", "1", 6.0);
    post_rating(&two, "abby", "3", 7.0);
    crate::harness::wait_for("both segments are in the store", || {
        let ratings = workplace.path("store/ratings");
        (ratings.is_dir() && segments(&workplace).len() == 2).then_some(())
    });
    two.kill_9();
    let two = Server::start_in(&workplace, "two", &often);
    let summary = workplace.publish(&["--with-ledger"]).summary();
    assert_eq!(summary["ratings"], 11);
    for server in [&one, &two] {
        server.wait_for_sequence(2);
        let answer = get(server, "/users/abby/recommendations?n=2").json();
        let items: Vec<_> = answer["recommendations"].as_array().unwrap().iter().collect();
        let rated: std::collections::BTreeSet<_> = items
            .iter()
            .flat_map(|item| item["because"].as_array().cloned().unwrap_or_default())
            .map(|reason| reason["itemId"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(rated.into_iter().collect::<Vec<_>>(), ["1", "3"], "{answer}");
    }
}

#[test]
fn behind_a_gap_the_watermark_stops_until_the_segment_is_back() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    rate(&workplace, "abby", "1", 6.0);
    let (segment, aside) = (segments(&workplace)[0].clone(), workplace.path("aside"));
    rate(&workplace, "abby", "2", 7.0);
    std::fs::rename(&segment, &aside).unwrap();
    assert_eq!(workplace.publish(&["--with-ledger"]).summary()["ratings"], 10);
    assert_eq!(watermark_of_the_ledger(&workplace), 0);
    std::fs::rename(&aside, &segment).unwrap();
    assert_eq!(since_last(&workplace, &[]).summary()["ratings"], 11);
    assert_eq!(watermark_of_the_ledger(&workplace), 2);
}

#[test]
fn a_segment_that_lies_in_two_places_counts_once_and_two_that_contradict_each_other_stop_the_run() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    rate(&workplace, "abby", "1", 6.0);
    let segment = segments(&workplace)[0].clone();
    let other = workplace.path("store/ratings/date=2001-01-01");
    std::fs::create_dir(&other).unwrap();
    let copy = other.join(segment.file_name().unwrap());
    std::fs::copy(&segment, &copy).unwrap();
    assert_eq!(workplace.publish(&["--with-ledger"]).summary()["ratings"], 10);
    std::fs::write(&copy, "something else").unwrap();
    let refused = workplace.publish(&["--with-ledger"]);
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    assert!(refused.error().contains("begins with the same entry"), "{}", refused.error());
}

#[test]
fn no_run_goes_on_from_an_older_version_because_it_cannot_read_the_newest() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let more = workplace.write("more.csv", "userId,movieId,rating,timestamp\nann,5,3,7\n");
    since_last(&workplace, &["--ratings", &more]).summary();
    let path = workplace.path("store/manifests/00000000000000000002.json");
    let whole = std::fs::read_to_string(&path).unwrap();

    // From a newer program: nothing may be continued, whatever the options.
    let (_, body) = whole.trim_end().split_once("\"body\":").unwrap();
    let body =
        body.strip_suffix('}').unwrap().replace("\"schema_version\": 1", "\"schema_version\": 2");
    let sum = akin_schemas::Checksum::of(body.as_bytes());
    std::fs::write(&path, format!("{{\"sha256\":\"{sum}\",\"body\":{body}}}\n")).unwrap();
    for refused in [since_last(&workplace, &[]), workplace.publish(&["--with-ledger"])] {
        assert_eq!(refused.code, 5, "{}", refused.stderr);
        assert!(refused.error().contains("upgrade it"), "{}", refused.error());
    }

    // Damaged: what only it says is lost, whatever the run is to keep. So whoever runs has to say it.
    std::fs::write(&path, &whole[1..]).unwrap();
    let (store, ratings) = (workplace.store(), workplace.text("ratings.csv"));
    let document = serde_json::json!({"run": "r", "store": store, "options": {"ratings": ratings}});
    for refused in [
        since_last(&workplace, &[]),
        workplace.publish(&["--with-ledger"]),
        workplace.publish(&[]),
        batch(&["ingest", &document.to_string()]),
        batch(&["plan", "--ratings", &ratings, "--store", &store]),
        batch(&["rollback", "1", "--store", &store]),
    ] {
        assert_eq!(refused.code, 5, "{}", refused.stderr);
        for part in ["00000000000000000002.json", "akin-batch check", "--past-damage", "number 1"] {
            assert!(refused.error().contains(part), "{part}: {}", refused.error());
        }
    }
    assert_eq!(std::fs::read_dir(workplace.path("store/manifests")).unwrap().count(), 2);

    let third = workplace.path("store/manifests/00000000000000000003.json");
    for continues in [true, false] {
        let past = if continues {
            since_last(&workplace, &["--past-damage"])
        } else {
            workplace.publish(&["--with-ledger", "--past-damage"])
        };
        let summary = past.summary();
        assert_eq!((&summary["sequence"], &summary["ratings"]), (&3.into(), &9.into()));
        assert!(past.stderr.contains("00000000000000000002.json"), "{}", past.stderr);
        std::fs::remove_file(&third).unwrap();
    }
    // Behind a publication that can be read, damage is history.
    workplace.publish(&["--past-damage"]).summary();
    assert_eq!(since_last(&workplace, &[]).summary()["sequence"], 4);
    std::fs::remove_file(workplace.path("store/manifests/00000000000000000004.json")).unwrap();

    // Whole again, though no longer the newest.
    std::fs::remove_file(third).unwrap();
    std::fs::write(&path, whole).unwrap();
    assert_eq!(since_last(&workplace, &[]).summary()["ratings"], 10);
}

#[test]
fn segments_stand_in_for_damaged_profiles_as_long_as_all_of_them_are_there() {
    for is_cut in [true, false] {
        let workplace = Workplace::new();
        workplace.publish(&[]).summary();
        rate(&workplace, "abby", "1", 6.0);
        let second = workplace.publish(&["--with-ledger"]).summary();
        let version = second["version"].as_str().unwrap();
        let profiles =
            workplace.path(&format!("store/profiles/version={version}/part-00000.parquet"));
        let whole = std::fs::read(&profiles).unwrap();
        let damage = || match is_cut {
            true => std::fs::write(&profiles, &whole[1..]).unwrap(),
            false => std::fs::remove_file(&profiles).unwrap(),
        };
        damage();
        let refused = since_last(&workplace, &[]);
        assert_eq!(refused.code, 5, "{}", refused.stderr);
        for part in ["part-00000.parquet", "--with-ledger"] {
            assert!(refused.error().contains(part), "{}", refused.error());
        }

        let (segment, aside) = (segments(&workplace)[0].clone(), workplace.path("aside"));
        std::fs::rename(&segment, &aside).unwrap();
        let refused = workplace.publish(&["--with-ledger"]);
        assert_eq!(refused.code, 5, "{}", refused.stderr);
        assert!(refused.error().contains("do not go up to 1"), "{}", refused.error());
        std::fs::write(&profiles, &whole).unwrap();
        let kept = workplace.publish(&["--with-ledger"]).summary();
        assert_eq!(kept["ratings"], 10, "from the profiles");

        damage();
        std::fs::rename(&aside, &segment).unwrap();
        std::fs::remove_file(workplace.path("store/manifests/00000000000000000003.json")).unwrap();
        let taken = workplace.publish(&["--with-ledger"]).summary();
        assert_eq!(taken["ratings"], 10, "from the segment");
        assert_eq!(watermark_of_the_ledger(&workplace), 1);
    }
}

#[test]
fn after_a_rollback_the_next_run_takes_the_titles_of_the_newest_version_that_knows_an_item() {
    let workplace = Workplace::new();
    // Item 5 is in the first catalogue only, item 6 in the second only; item 2 is renamed.
    workplace.publish(&[]).summary();
    let kept = crate::harness::ITEMS.lines().filter(|line| !line.starts_with("5,"));
    let more: String = kept.map(|line| format!("{line}\n")).collect();
    workplace.write(
        "movies.csv",
        format!("{more}6,Late Arrival (2026),Drama\n").replace("Second Wind", "Second Breath"),
    );
    workplace.publish(&[]).summary();
    let back = batch(&["rollback", "1", "--store", &workplace.store()]);
    assert_eq!(back.code, 0, "{}", back.stderr);
    let title = |item: &str| {
        let shown = batch(&["show", item, "--store", &workplace.store(), "--json"]);
        shown.summary()["item"]["title"].as_str().unwrap().to_owned()
    };
    assert_eq!(title("2"), "Second Wind (2001)", "what is served was rolled back");

    assert_eq!(since_last(&workplace, &[]).summary()["items"], 6);
    assert_eq!(title("2"), "Second Breath (2001)");
    assert_eq!(title("5"), "Never Rated (2020)");
    assert_eq!(title("6"), "Late Arrival (2026)");
}
