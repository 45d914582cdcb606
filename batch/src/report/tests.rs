#![allow(clippy::unwrap_used)]

//! Reports of small stores, as runs leave them.

use akin_schemas::ObjectKey;
use akin_store::{FolderStore, Store, published_sequences, read_manifest};
use chrono::DateTime;
use clap::{Args, Command, FromArgMatches};
use serde_json::Value;

use crate::run::{RunOptions, run_on};

struct Place {
    folder: tempfile::TempDir,
    store: FolderStore,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("store")).unwrap();
        let store = FolderStore::open(folder.path().join("store")).unwrap();
        Self { folder, store }
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Publishes these ratings, `user,item,rating,seconds` a line, and gives the summary.
    fn run(&self, ratings: &str, more: &[&str]) -> Value {
        let header = "userId,movieId,rating,timestamp\n";
        let ratings = self.write("ratings.csv", &format!("{header}{ratings}"));
        let store = self.folder.path().join("store").display().to_string();
        let words = ["run", "--ratings", &ratings, "--store", &store, "--max-reject-share", "1"];
        let command = RunOptions::augment_args(Command::new("run"));
        let matches = command.try_get_matches_from(words.iter().chain(more)).unwrap();
        let options = RunOptions::from_arg_matches(&matches).unwrap();
        let now = DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_000);
        serde_json::to_value(run_on(&self.store, &options, now).unwrap()).unwrap()
    }

    fn newest(&self) -> akin_schemas::Manifest {
        let newest = *published_sequences(&self.store, None).unwrap().last().unwrap();
        read_manifest(&self.store, newest).unwrap()
    }

    /// The report of the newest version.
    fn page(&self) -> String {
        let bytes = self.store.get(&ObjectKey::report(&self.newest().version)).unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }
}

#[track_caller]
fn says(page: &str, expected: &[&str]) {
    for expected in expected {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    // Nothing that is not a number, nothing from elsewhere.
    for unwanted in ["NaN", "inf\"", "<script", "src=", "href=", "url(", "@import"] {
        assert!(!page.contains(unwanted), "{unwanted}: {page}");
    }
}

/// Thirty users who rate some of nine items, so that each has neighbours.
fn crowd() -> String {
    let rated = |user: usize| {
        let items = (0..9).filter(move |item| !(user + item).is_multiple_of(3));
        items.map(move |item| {
            format!(
                "secret-{user},film-{item},{},{}\n",
                1 + item % 5,
                900_000_000 + user * 9_000_000
            )
        })
    };
    (0..30).flat_map(rated).collect()
}

#[test]
fn a_first_version_has_plots_of_all_that_it_holds_and_names_no_user() {
    let place = Place::new();
    let titles: String = (0..9).map(|item| format!("film-{item},Film {item},Drama\n")).collect();
    let items = place.write("items.csv", &format!("movieId,title,genres\n{titles}"));
    let summary = place.run(&crowd(), &["--items", &items, "--evaluate"]);
    let page = place.page();
    says(
        &page,
        &[
            "nothing to compare it with",
            "On top: Film 0",
            "Half of the users gave 6 ratings or fewer",
            "Values</h3>\n<svg",
            "by month, from 1998-07",
            "Similarities by rank</h3>\n<svg",
            "NDCG@10 of the last versions</h3>\n<svg",
            "Every record was taken in",
            "Time by stage</h3>\n<svg",
        ],
    );
    assert!(!page.contains("secret-"), "{page}");
    let version = place.newest().version;
    assert_eq!(summary["report"], format!("reports/version={version}/report.html"));
}

#[test]
fn one_rating_and_no_titles_are_enough() {
    let place = Place::new();
    place.run("secret,film,5,0\n", &[]);
    let page = place.page();
    says(
        &page,
        &[
            "no item has a neighbour: every recommendation will be what is popular",
            "Every rating is 5",
            "All ratings are of 1970-01",
            "On top: film.",
            "Quality was not measured",
        ],
    );
    assert!(!page.contains("secret"), "{page}");
    // The same again: nothing of both versions can be compared.
    place.run("secret,film,5,0\n", &[]);
    says(&place.page(), &["No item of both versions has neighbours", "as before"]);
}

#[test]
fn what_stands_out_is_told_first_in_words() {
    let place = Place::new();
    let everybody: String = (0..30).map(|user| format!("secret-{user},hit,5,1\n")).collect();
    let busy: String = (0..60).map(|item| format!("secret-7,rare-{item},3,1\n")).collect();
    let lonely = "secret-lonely,odd,4,1\nsecret-lonely,hit,4,1\n";
    let broken = "secret-8,film-1,plenty,1\nsecret-9,film-1,77.25,1\n";
    let items = "movieId,title\nhit,\"<script>alert('1')</script>\"\n0001,x\n";
    let items = place.write("items.csv", items);
    place.run(&crowd(), &["--items", &items]);
    let ratings = format!("{everybody}{busy}{lonely}{broken}");
    place.run(
        &ratings,
        &["--min-co-count", "2", "--measure", "cosine", "--drop-items", "--items", &items],
    );
    let page = place.page();
    let hostile = "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;";
    says(
        &page,
        &[
            "2 of 94 records were rejected",
            "no item has a neighbour",
            &format!("every user rated {hostile}: that says little"),
            "one user gave 66 % of all ratings, 61 of them",
            "ratings fell from 180 to 92",
            "similarities are computed by cosine, before it was sparse-ease",
            "not a number</td><td class=\"n\">1</td>",
            "ratings.csv:94",
            "9 items are gone",
        ],
    );
    let (warned, rest) = page.split_once("class=\"tiles\"").unwrap();
    assert!(warned.contains("records were rejected") && rest.contains("<h2>Rejects</h2>"));
    for value in ["secret", "plenty", "77.25"] {
        assert!(!page.contains(value), "{value}: {page}");
    }
}

#[test]
fn a_version_is_compared_with_the_one_before_as_far_as_that_is_there() {
    let place = Place::new();
    let cosine = ["--measure", "cosine"];
    place.run(&crowd(), &cosine);
    says(&place.page(), &["Nothing stands out"]);
    let more = "secret-1,film-8,5,950000000\nsecret-new,film-0,5,950000000\n";
    place.run(&format!("{}{more}", crowd()), &cosine);
    let second = place.newest();
    says(
        &place.page(),
        &["Since publication 1", "The same neighbours</h3>\n<svg", "No item is gone", "+2"],
    );
    for part in &second.parts.neighbours {
        place.store.delete(&part.key).unwrap();
    }
    place.run(&crowd(), &cosine);
    says(
        &place.page(),
        &["it could not be compared with the one before", "cannot be read any more"],
    );
}

#[test]
fn a_report_that_cannot_be_written_is_told_and_the_version_stands() {
    let place = Place::new();
    // A file where a folder should be.
    place.write("store/reports", "");
    let summary = place.run(&crowd(), &[]);
    assert_eq!((&summary["published"], &summary["report"]), (&Value::Bool(true), &Value::Null));
    assert!(summary["unreported"].as_str().unwrap().contains("reports"), "{summary}");
    assert_eq!(place.newest().sequence, 1);
}

#[test]
fn a_run_that_is_told_so_or_publishes_nothing_writes_none() {
    let place = Place::new();
    let summary = place.run(&crowd(), &["--no-report"]);
    assert_eq!((&summary["report"], summary.get("unreported")), (&Value::Null, None));
    let summary = place.run(&crowd(), &["--if-changed"]);
    assert_eq!((&summary["published"], &summary["report"]), (&Value::Bool(false), &Value::Null));
    assert!(place.store.list("reports/", None).unwrap().is_empty());
    // What was asked for before it went without saying is still understood.
    assert!(place.run(&crowd(), &["--report"])["report"].is_string());
}
