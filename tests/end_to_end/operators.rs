//! What operators do with a store: versions, show, rollback, check.

use serde_json::Value;

use crate::harness::{BatchRun, Server, Workplace, batch, batch_command, get, post_rating};

/// Later ratings that make 6, unknown before, the item closest to 1, and drop what made 2 so.
const LATER: &str = "\
userId,movieId,rating,timestamp
ann,1,5,2000
ann,6,5,2001
bob,1,4,2002
bob,6,5,2003
cat,2,4,2004
dan,3,5,2005
";

fn operate(workplace: &Workplace, arguments: &[&str]) -> BatchRun {
    batch(&[arguments, &["--store", &workplace.store()]].concat())
}

fn json(workplace: &Workplace, arguments: &[&str]) -> Value {
    operate(workplace, &[arguments, &["--json"]].concat()).summary()
}

/// Two versions; returns their names.
fn two_versions(workplace: &Workplace) -> (String, String) {
    let name = |summary: Value| summary["version"].as_str().unwrap().to_owned();
    let first = name(workplace.publish(&[]).summary());
    workplace.write("ratings.csv", LATER);
    (first, name(workplace.publish(&["--with-ledger"]).summary()))
}

fn first_part(workplace: &Workplace, table: &str, version: &str) -> std::path::PathBuf {
    workplace.path(&format!("store/{table}/version={version}/part-00000.parquet"))
}

fn flip_a_byte(path: &std::path::Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

fn recommended(server: &Server, user: &str) -> Vec<String> {
    let answer = get(server, &format!("/users/{user}/recommendations?n=10")).json();
    let items = answer["recommendations"].as_array().unwrap();
    items.iter().map(|item| item["itemId"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_rollback_serves_the_old_neighbours_and_loses_no_rating() {
    let workplace = Workplace::new();
    let first = workplace.publish(&[]).summary()["version"].as_str().unwrap().to_owned();
    let server = Server::start_ready(&workplace, &[]);
    post_rating(&server, "abby", "1", 6.0);
    let before = recommended(&server, "abby");
    assert_eq!(before[0], "2");
    assert!(server.stop().success());
    workplace.write("ratings.csv", LATER);
    let second = workplace.publish(&["--with-ledger"]).summary();
    let newest = workplace.current();
    let server = Server::start_ready(&workplace, &[]);
    assert_eq!(recommended(&server, "abby")[0], "6");

    let rolled_back = json(&workplace, &["rollback", &first]);
    assert_eq!(rolled_back["rollback_of"], *first);
    assert_eq!(rolled_back["instead_of"], second["version"]);
    server.wait_for_sequence(3);
    // The profiles name item 6, which the old version does not know: it serves all the same, without it.
    assert_eq!(get(&server, "/health/ready").json()["status"], "ok");
    assert_eq!(recommended(&server, "abby"), before);
    assert!(!recommended(&server, "dan").contains(&"6".to_owned()));
    let current = workplace.current();
    assert_eq!(current["rollback_of"], *first);
    for kept in ["watermark", "latest_order_micros", "erasure_epoch", "rating_range"] {
        assert_eq!(current[kept], newest[kept], "{kept}");
    }
    assert_eq!(current["parts"]["profiles"], newest["parts"]["profiles"]);
    assert_eq!(current["counts"]["ratings"], newest["counts"]["ratings"]);
    let views = std::fs::read_to_string(workplace.path("store/views.sql")).unwrap();
    assert!(views.contains(&format!("neighbours/version={first}")), "{views}");

    // What is rated after the rollback, of an item that only the newer version knew, counts from the next run on.
    post_rating(&server, "eve", "6", 9.0);
    assert!(server.stop().success());
    assert_eq!(operate(&workplace, &["check"]).code, 0);
    let third = workplace.publish(&["--with-ledger"]).summary();
    assert_eq!((&third["sequence"], &third["ratings"]), (&4.into(), &8.into()));
    let server = Server::start_ready(&workplace, &[]);
    assert_eq!(recommended(&server, "eve")[0], "1");
    assert!(workplace.current().get("rollback_of").is_none());
}

#[test]
fn a_rollback_that_cannot_work_is_refused_and_publishes_nothing() {
    let workplace = Workplace::new();
    let (first, second) = two_versions(&workplace);
    let unknown = operate(&workplace, &["rollback", "v20200101T000000Z-aaaa"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.error().contains(&first) && unknown.error().contains(&second));
    let current = operate(&workplace, &["rollback", &second]);
    assert_eq!(current.code, 2);
    assert!(current.error().contains("already"), "{}", current.error());
    std::fs::remove_file(first_part(&workplace, "neighbours", &first)).unwrap();
    let gone = operate(&workplace, &["rollback", &first]);
    assert_eq!(gone.code, 5);
    assert!(gone.error().contains("neighbours/version="), "{}", gone.error());
    assert_eq!(workplace.current()["version"], *second);
    assert_eq!(std::fs::read_dir(workplace.path("store/manifests")).unwrap().count(), 2);
}

#[test]
fn versions_are_listed_newest_first_with_what_is_current_damaged_or_rolled_back() {
    let workplace = Workplace::new();
    let (first, second) = two_versions(&workplace);
    json(&workplace, &["rollback", "1"]);
    std::fs::remove_file(first_part(&workplace, "neighbours", &second)).unwrap();
    let listed = json(&workplace, &["versions"]);
    let numbers: Vec<_> = listed.as_array().unwrap().iter().map(|v| &v["sequence"]).collect();
    assert_eq!(numbers, [3, 2, 1]);
    assert_eq!(
        (&listed[0]["current"], &listed[0]["rollback_of"]),
        (&true.into(), &(*first).into())
    );
    assert!(listed[1]["damaged"].as_str().unwrap().contains("missing"));
    assert_eq!((&listed[2]["current"], listed[2].get("damaged")), (&false.into(), None));
    assert_eq!(listed[2]["counts"]["ratings"], 9);
    assert_eq!(listed[0]["rollback_of"], *first);
    for more in [&["versions"][..], &["versions", "--wide"]] {
        let table = operate(&workplace, more).stdout;
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[1].ends_with("  current, rollback to 1"), "{table}");
        assert!(lines[2].ends_with("  damaged"), "{table}");
        assert!(lines[4].starts_with("number 2 is damaged: neighbours/"), "{table}");
    }

    std::fs::write(workplace.path("store/manifests/00000000000000000002.json"), "{}").unwrap();
    let listed = json(&workplace, &["versions"]);
    assert!(listed[1]["damaged"].is_string() && listed[1].get("version").is_none());

    let empty = Workplace::new();
    std::fs::create_dir(empty.path("store")).unwrap();
    let run = operate(&empty, &["versions"]);
    assert_eq!(run.code, 2);
    assert!(run.error().contains("holds no version"), "{}", run.error());
    std::fs::remove_dir(empty.path("store")).unwrap();
    let run = operate(&empty, &["check"]);
    assert_eq!(run.code, 5);
    assert!(run.error().contains("no such folder"), "{}", run.error());
    assert!(!empty.path("store").exists());
}

#[test]
fn an_item_is_shown_by_its_id_or_its_title_with_its_neighbours() {
    let workplace = Workplace::new();
    two_versions(&workplace);
    let shown = json(&workplace, &["show", "harbour", "--version", "1"]);
    assert_eq!(shown["item"]["title"], "Harbour Lights, The (1999)");
    assert_eq!(
        (&shown["item"]["item_id"], &shown["item"]["rating_count"]),
        (&"1".into(), &3.into())
    );
    assert_eq!(shown["neighbours"][0]["title"], "Second Wind (2001)");
    assert_eq!(
        (&shown["neighbours"][0]["rank"], &shown["neighbours"][0]["co_count"]),
        (&1.into(), &3.into())
    );
    let shown = json(&workplace, &["show", "1"]);
    assert_eq!((&shown["sequence"], &shown["neighbours"][0]["item_id"]), (&2.into(), &"6".into()));
    let people = operate(&workplace, &["show", "1", "--version", "1", "--neighbours", "1"]).stdout;
    assert!(people.contains("Second Wind (2001)") && people.contains("1 more"), "{people}");

    let several = operate(&workplace, &["show", "ET"]);
    assert_eq!(several.code, 2);
    let error = several.error();
    assert!(
        error.contains("3 (Iron Comet (1984))") && error.contains("4 (Quiet Orbit (1992))"),
        "{error}"
    );
    let none = operate(&workplace, &["show", "no such title"]);
    assert_eq!(none.code, 2);
    assert!(none.error().contains("no such title"), "{}", none.error());
}

#[test]
fn a_check_finds_what_is_damaged_missing_or_left_over() {
    let workplace = Workplace::new();
    let (first, second) = two_versions(&workplace);
    let server = Server::start_ready(&workplace, &[]);
    post_rating(&server, "abby", "1", 5.0);
    assert!(server.stop().success());
    let orphan = first_part(&workplace, "items", "v20200101T000000Z-aaaa");
    std::fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    std::fs::copy(first_part(&workplace, "items", &first), orphan).unwrap();
    let whole = json(&workplace, &["check"]);
    assert_eq!(
        (&whole["publications"], &whole["parts"], &whole["segments"]),
        (&2.into(), &6.into(), &1.into())
    );
    assert_eq!(whole["damage"], serde_json::json!([]));
    assert!(whole["notes"][0].as_str().unwrap().contains("v20200101T000000Z-aaaa"), "{whole}");

    flip_a_byte(&first_part(&workplace, "items", &second));
    std::fs::remove_file(first_part(&workplace, "profiles", &first)).unwrap();
    let date = std::fs::read_dir(workplace.path("store/ratings")).unwrap().next().unwrap().unwrap();
    let segment = std::fs::read_dir(date.path()).unwrap().next().unwrap().unwrap().path();
    std::fs::write(&segment, "cut").unwrap();
    let run = operate(&workplace, &["check", "--json"]);
    assert_eq!(run.code, 5);
    assert!(run.error().contains("restore"), "{}", run.error());
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let damage = report["damage"].to_string();
    for found in [
        format!("items/version={second}"),
        format!("profiles/version={first}"),
        "ratings/date=".to_owned(),
    ] {
        assert!(damage.contains(&found), "{found}: {damage}");
    }
}

/// Makes every file below a folder three days old.
fn make_old(folder: &std::path::Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            make_old(&path);
        } else {
            let file = std::fs::File::options().write(true).open(&path).unwrap();
            let days = std::time::Duration::from_secs(3 * 24 * 3600);
            file.set_modified(std::time::SystemTime::now() - days).unwrap();
        }
    }
}

#[test]
fn a_clean_up_keeps_what_the_newest_versions_need_and_says_first_what_would_go() {
    let workplace = Workplace::new();
    let bad_line = format!("{}eve,1,99,5\n", crate::harness::RATINGS);
    let mut names = Vec::new();
    for at in 1..=4 {
        let ratings = if at == 2 { &bad_line } else { crate::harness::RATINGS };
        workplace.write("ratings.csv", ratings);
        let summary = workplace.publish(&["--max-reject-share", "1", "--without-ledger"]).summary();
        names.push(summary["version"].as_str().unwrap().to_owned());
        if at == 1 {
            let server = Server::start_ready(&workplace, &[]);
            post_rating(&server, "abby", "1", 6.0);
            assert!(server.stop().success());
        }
    }
    json(&workplace, &["rollback", "1"]);
    let has = |table: &str, version: &str| first_part(&workplace, table, version).exists();
    let orphan = |version: &str| {
        let path = first_part(&workplace, "items", version);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "broken off").unwrap();
    };
    orphan("v20200101T000000Z-aaaa");
    std::fs::write(workplace.path("store/.staging/1-2"), "broken off").unwrap();
    make_old(&workplace.path("store"));
    orphan("v20200101T000000Z-bbbb");

    // Of the versions 5 (neighbours and items of 1, profiles of 4) and 4 everything is needed.
    let before = json(&workplace, &["gc", "--keep", "2"]);
    let went = json(&workplace, &["gc", "--keep", "2", "--delete"]);
    assert_eq!((&before["deleted"], &went["deleted"]), (&false.into(), &true.into()));
    for same in ["objects", "leftovers", "kept", "bytes"] {
        assert_eq!(before[same], went[same], "{same}");
    }
    assert_eq!(went["leftovers"].as_array().unwrap().len(), 1);
    let mut expected = vec![
        "items/version=v20200101T000000Z-aaaa/part-00000.parquet".to_owned(),
        format!("profiles/version={}/part-00000.parquet", names[0]),
        format!("rejects/version={}/rejects.csv", names[1]),
    ];
    for (version, table) in
        [1, 2].iter().flat_map(|at| ["items", "neighbours", "profiles"].map(|table| (at, table)))
    {
        expected.push(format!("{table}/version={}/part-00000.parquet", names[*version]));
    }
    expected
        .extend([1, 2].map(|version| format!("reports/version={}/report.html", names[version])));
    expected.sort_unstable();
    let keys = went["objects"].as_array().unwrap().iter();
    let mut keys: Vec<_> = keys.map(|object| object["key"].as_str().unwrap()).collect();
    keys.sort_unstable();
    assert_eq!(keys, expected);
    assert!(has("neighbours", &names[0]) && has("items", "v20200101T000000Z-bbbb"));
    assert!(!has("profiles", &names[0]) && !has("neighbours", &names[1]));
    assert_eq!(json(&workplace, &["gc", "--keep", "2", "--delete"])["bytes"], 0);

    // The history is whole, nothing is damaged, and what was cleaned up cannot be gone back to.
    let versions = json(&workplace, &["versions"]);
    let cleaned_up = versions.as_array().unwrap().iter().map(|version| &version["cleaned_up"]);
    let cleaned_up: Vec<bool> = cleaned_up.map(|is| is.as_bool().unwrap()).collect();
    assert_eq!(cleaned_up, [false, false, true, true, true]);
    let checked = json(&workplace, &["check"]);
    assert_eq!((&checked["cleaned_up"], &checked["segments"]), (&3.into(), &1.into()));
    for command in ["rollback", "show"] {
        let asked = match command {
            "rollback" => vec!["rollback", &names[1]],
            _ => vec!["show", "1", "--version", &names[1]],
        };
        let gone = operate(&workplace, &asked);
        assert_eq!(gone.code, 5, "{command}");
        assert!(gone.error().contains("akin-batch versions shows as whole"), "{}", gone.error());
    }
    let server = Server::start_ready(&workplace, &[]);
    assert_eq!(get(&server, "/versions/current").json()["sequence"], 5);
    // A missing file of a version that is kept is damage, as ever.
    std::fs::remove_file(first_part(&workplace, "profiles", &names[3])).unwrap();
    assert_eq!(operate(&workplace, &["check"]).code, 5);

    let hasty = operate(&workplace, &["gc", "--grace-hours", "23"]);
    assert_eq!(hasty.code, 2);
    let people = operate(&workplace, &["gc", "--keep", "1"]).stdout;
    assert!(people.contains("kept: 1 publication, from number 5 on"), "{people}");
}

#[test]
fn a_difference_names_parameters_counts_items_and_the_largest_changes() {
    let workplace = Workplace::new();
    let (first, second) = two_versions(&workplace);
    let same = json(&workplace, &["diff", &first, "1"]);
    assert_eq!(same["changed"], serde_json::json!({}));
    assert_eq!(same["neighbours"]["mean_overlap_at_10"], 1.0);
    assert_eq!(same["neighbours"]["largest"], serde_json::json!([]));

    let changed = json(&workplace, &["diff", "1"]);
    assert_eq!(
        (&changed["from"]["version"], &changed["to"]["version"]),
        (&(*first).into(), &(*second).into())
    );
    assert_eq!(changed["counts"]["ratings"], serde_json::json!([9, 6]));
    assert_eq!(
        changed["items_added"],
        serde_json::json!({
            "count": 1, "most_rated": [{"item_id": "6", "title": null}]
        })
    );
    assert_eq!(changed["items_removed"]["count"], 0);
    // Before, 1 and 2 had each other and 3; now 1 has only 6, and 2 has nothing.
    let neighbours = &changed["neighbours"];
    assert_eq!(neighbours["items_compared"], 4);
    assert_eq!(neighbours["mean_overlap_at_10"], 0.0);
    let largest = &neighbours["largest"][0];
    assert_eq!((&largest["item_id"], &largest["rating_count"]), (&"1".into(), &2.into()));
    assert_eq!(largest["nearest_before"][0]["title"], "Second Wind (2001)");
    assert_eq!(largest["nearest_after"], serde_json::json!([{"item_id": "6", "title": null}]));

    workplace.publish(&["--measure", "jaccard", "--top-k", "7"]).summary();
    let changed = json(&workplace, &["diff", "2", "3"]);
    assert_eq!(changed["changed"]["measure"], serde_json::json!(["sparse-ease", "jaccard"]));
    assert_eq!(changed["changed"]["top k"], serde_json::json!(["100", "7"]));
    let people = operate(&workplace, &["diff", "1", "2", "--limit", "1"]).stdout;
    for expected in ["ratings", "-3", "1 item added", "Second Wind (2001)"] {
        assert!(people.contains(expected), "{expected}: {people}");
    }
}

#[test]
fn what_changed_since_a_day_is_told_from_the_version_of_that_day() {
    let workplace = Workplace::new();
    let (first, second) = two_versions(&workplace);
    let versions = json(&workplace, &["versions"]);
    let of_first = versions[1]["started_at"].as_str().unwrap();
    let since = json(&workplace, &["diff", "--since", of_first]);
    assert_eq!(since, json(&workplace, &["diff", &first, &second]));
    let later = operate(&workplace, &["diff", "--since", "2999-01-01"]);
    assert_eq!(
        later.stdout,
        format!("{second} is the current version since then, and nothing differs\n")
    );
    let early = operate(&workplace, &["diff", "--since", "2001-01-01"]);
    assert_eq!(early.code, 2);
    assert!(
        early.error().contains(&format!("the oldest version is {first} of 20")),
        "{}",
        early.stderr
    );
    assert_eq!(operate(&workplace, &["diff"]).code, 2);
    assert_eq!(operate(&workplace, &["diff", "1", "--since", "2001-01-01"]).code, 2);
}

#[test]
fn shells_and_man_are_told_of_every_command() {
    let workplace = Workplace::new();
    let bash = batch(&["completions", "bash"]);
    let folder = workplace.text("man/man1");
    assert_eq!((bash.code, batch(&["man", &folder]).code), (0, 0), "{}", bash.stderr);
    for (command, option) in
        [("run", "--since-last"), ("diff", "--since"), ("synth", "--seed"), ("ingest", "--help")]
    {
        assert!(bash.stdout.contains(&format!("akin__batch__subcmd__{command}")), "{command}");
        let page = workplace.path(&format!("man/man1/akin-batch-{command}.1"));
        let page = std::fs::read_to_string(page).unwrap().replace('\\', "");
        assert!(bash.stdout.contains(option) && page.contains(option), "{command} {option}");
    }
}

#[test]
fn a_result_that_nobody_takes_ends_in_no_panic() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let (store, ratings) = (workplace.store(), workplace.text("ratings.csv"));
    let run = ["run", "--ratings", &ratings, "--store", &store];
    for arguments in [&["versions", "--store", &store][..], &run, &["plan", "--ratings", &ratings]]
    {
        // As `akin-batch ... | head -0` has it: whoever reads has gone.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let gone = BatchRun::of(batch_command(arguments).stdout(writer).output().unwrap());
        assert_eq!((gone.code, gone.stderr.contains("panic")), (0, false), "{}", gone.stderr);
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let full = BatchRun::of(batch_command(arguments).stdout(full).output().unwrap());
        assert_eq!(full.code, 5, "{arguments:?}: {}", full.stderr);
        let error = full.error();
        assert!(error.contains("standard output: could not be written (No space left"), "{error}");
    }
    // Two runs more, whatever became of what they said.
    assert_eq!(workplace.current()["sequence"], 3);
}
