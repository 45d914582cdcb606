//! SQL over the tables of a version.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::harness::{BatchRun, RATINGS, Server, Workplace, batch, batch_command, post_rating};

fn query(workplace: &Workplace, sql: &str, more: &[&str]) -> BatchRun {
    batch(&[&["query", sql, "--store", &workplace.store()], more].concat())
}

/// The rows, each as an array.
#[track_caller]
fn rows(workplace: &Workplace, sql: &str, more: &[&str]) -> Value {
    let answer = query(workplace, sql, &[more, &["--json"]].concat()).summary();
    let columns = answer["columns"].as_array().unwrap();
    let row = |row: &Value| -> Value {
        assert_eq!(row.as_object().unwrap().len(), columns.len(), "{row}");
        columns.iter().map(|column| row[column.as_str().unwrap()].clone()).collect()
    };
    answer["rows"].as_array().unwrap().iter().map(row).collect()
}

#[track_caller]
fn refused(run: &BatchRun, words: &[&str]) {
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    for word in words {
        assert!(run.error().contains(word), "{word}: {}", run.stderr);
    }
}

const NEAREST: &str = "SELECT rank, title, score, co_count FROM neighbours \
     JOIN items ON items.item_id = neighbour_id \
     WHERE neighbours.item_id = '1' AND score > 0 ORDER BY rank";

#[test]
fn a_join_gives_what_show_gives_of_the_current_version_and_of_an_older_one() {
    let workplace = Workplace::new();
    let first = workplace.publish(&[]).summary()["version"].as_str().unwrap().to_owned();
    workplace.write("ratings.csv", format!("{RATINGS}eve,1,5,2000\neve,4,4,2001\n"));
    workplace.publish(&[]).summary();
    let shown = |version: &[&str]| -> Value {
        let store = workplace.store();
        let shown =
            batch(&[&["show", "1", "--store", &store, "--json"], version].concat()).summary();
        let row = |n: &Value| json!([n["rank"], n["title"], n["score"], n["co_count"]]);
        shown["neighbours"].as_array().unwrap().iter().map(row).collect()
    };
    let now = rows(&workplace, NEAREST, &[]);
    assert_eq!(now, shown(&[]));
    let before = rows(&workplace, NEAREST, &["--version", &first]);
    assert_eq!(before, shown(&["--version", &first]));
    assert_eq!(before, rows(&workplace, NEAREST, &["--at", "1"]));
    assert!(now != before && before != json!([]), "{now} {before}");
    refused(&query(&workplace, NEAREST, &["--version", "7"]), &["has no version `7`", &first]);
}

#[test]
fn tables_are_grouped_filtered_counted_and_nested() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    for (sql, expected) in [
        ("SELECT count(*) AS n FROM profiles", json!([[9]])),
        (
            "SELECT user_id, count(rating) AS n, max(rated_at) AS latest FROM profiles \
             GROUP BY user_id HAVING count(*) > 2 ORDER BY user_id",
            json!([["bob", 3, "1970-01-01T00:16:44Z"]]),
        ),
        (
            "SELECT item_id FROM items WHERE title LIKE '%Orbit%' OR rating_count = 0 ORDER BY item_id DESC",
            json!([["5"], ["4"]]),
        ),
        (
            "SELECT item_id FROM items WHERE item_id IN (SELECT item_id FROM profiles WHERE user_id = 'dan') \
             ORDER BY item_id",
            json!([["3"], ["4"]]),
        ),
        (
            "SELECT item_id FROM items WHERE rating_count IN (SELECT max(rating_count) FROM items) ORDER BY 1",
            json!([["1"], ["2"]]),
        ),
        (
            "WITH best AS (SELECT item_id, row_number() OVER (ORDER BY rating_count, item_id) AS place FROM items) \
             SELECT place, item_id FROM best WHERE place <= 2 ORDER BY place",
            json!([[1, "5"], [2, "4"]]),
        ),
        ("SELECT genres FROM items WHERE item_id = '1'", json!([[["Drama", "Romance"]]])),
        (
            "SELECT rating_mean, first_rated_at FROM items WHERE item_id = '5'",
            json!([[null, null]]),
        ),
        (
            "SELECT user_id FROM profiles WHERE rated_at >= '1970-01-01T00:16:47' ORDER BY 1",
            json!([["dan"], ["dan"]]),
        ),
        ("SELECT user_id FROM profiles WHERE rating = 4.5 ORDER BY 1", json!([["ann"], ["cat"]])),
        ("SELECT user_id, item_id FROM profiles WHERE user_id = 'nobody'", json!([])),
        ("SELECT item_id FROM items LIMIT 2", json!([["1"], ["2"]])),
        ("SHOW TABLES", json!([["items"], ["ledger"], ["neighbours"], ["profiles"], ["ratings"]])),
        // Before any server wrote.
        ("SELECT count(*) AS n, max(rated_at) AS latest FROM ledger", json!([[0, null]])),
    ] {
        assert_eq!(rows(&workplace, sql, &[]), expected, "{sql}");
    }
}

#[test]
fn the_ledger_is_what_servers_wrote_by_now() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &[]);
    post_rating(&server, "abby", "3", 6.0);
    post_rating(&server, "ann", "1", 2.0);
    assert!(server.stop().success());
    let sql = "SELECT user_id, item_id, rating FROM ledger ORDER BY order_sequence";
    let accepted = json!([["abby", "3", 6.0], ["ann", "1", 2.0]]);
    assert_eq!(rows(&workplace, sql, &[]), accepted);
    // A second place for the same segment adds nothing.
    let folder = std::fs::read_dir(workplace.path("store/ratings")).unwrap().next().unwrap();
    let folder = folder.unwrap().path();
    let copies = workplace.path("store/ratings/date=2020-01-01");
    std::fs::create_dir(&copies).unwrap();
    for segment in std::fs::read_dir(&folder).unwrap() {
        let segment = segment.unwrap();
        std::fs::copy(segment.path(), copies.join(segment.file_name())).unwrap();
    }
    assert_eq!(rows(&workplace, sql, &[]), accepted);
}

#[test]
fn what_is_wrong_is_named_with_what_there_is() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let ask = |sql: &str| query(&workplace, sql, &[]);
    let tables =
        "items (item_id, title, genres, rating_count, rating_mean, first_rated_at, last_rated_at)";
    refused(
        &ask("SELECT * FROM films"),
        &["'films'", tables, "neighbours (item_id, neighbour_id,"],
    );
    refused(&ask("SELECT name FROM items"), &["name", tables]);
    refused(&ask("SELECT title FROM items WHERE nmae = '1'"), &["nmae", tables]);
    refused(&ask("SELECT item_id FROM items JOIN neighbours ON a = b"), &["cannot be answered"]);
    refused(&ask("SELECT title FORM items"), &["is no SQL", "Column: "]);
    refused(&ask("SELECT frobnicate(title) FROM items"), &["frobnicate"]);
    refused(&ask("SELECT title - 1 FROM items"), &["cannot be answered"]);
    refused(&ask("SELECT * FROM read_csv('/etc/passwd')"), &["read_csv", "table function"]);
    refused(&ask(""), &["one statement"]);
    for write in [
        "DROP TABLE items",
        "INSERT INTO items VALUES ('9')",
        "CREATE TABLE copy AS SELECT * FROM items",
        "DELETE FROM profiles WHERE user_id = 'ann'",
        "UPDATE items SET title = ''",
        "TRUNCATE TABLE ledger",
        "COPY items TO 'out.csv'",
    ] {
        let kind = write.split(' ').next().unwrap();
        refused(&ask(write), &[kind, "a query only reads"]);
    }
    assert_eq!(rows(&workplace, "SELECT count(*) FROM items", &[]), json!([[5]]));
}

#[test]
fn what_is_more_than_max_rows_is_cut_and_said() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let sql = "SELECT user_id, item_id FROM profiles ORDER BY user_id, item_id";
    let cut = |rows: &str, format: &[&str]| {
        let run = query(&workplace, sql, &[&["--max-rows", rows], format].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        run
    };
    let table = cut("2", &[]);
    let version = workplace.current()["version"].as_str().unwrap().to_owned();
    let expected = format!(
        "user_id  item_id\nann      1\nann      2\n\n2 rows of version {version} (number 1), cut there: --max-rows gives more\n"
    );
    assert_eq!((table.stdout.as_str(), table.stderr.as_str()), (expected.as_str(), ""));
    let csv = cut("2", &["--csv"]);
    assert_eq!(csv.stdout, "user_id,item_id\nann,1\nann,2\n");
    assert_eq!(csv.stderr, "akin-batch: cut after 2 rows; --max-rows gives more\n");
    let json = cut("2", &["--json"]).summary();
    assert_eq!(
        (&json["cut"], &json["sequence"], &json["version"]),
        (&true.into(), &1.into(), &version.into())
    );
    assert_eq!(json["rows"][1], json!({"user_id": "ann", "item_id": "2"}));
    // As many as there are are not cut.
    assert!(cut("9", &[]).stdout.contains("9 rows of version"));
    assert!(!cut("9", &[]).stdout.contains("cut"));
    assert_eq!(cut("9", &["--csv"]).stderr, "");
    assert_eq!(cut("9", &["--json"]).summary()["cut"], false);
    assert_eq!(query(&workplace, sql, &["--max-rows", "0"]).code, 2);
    assert_eq!(query(&workplace, sql, &["--json", "--csv"]).code, 2);
}

#[test]
fn titles_are_escaped_for_people_and_exact_for_programs() {
    let hostile = "One \u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}";
    let workplace = Workplace::new();
    let items = format!("movieId,title,genres\n1,\"{hostile}\",War|Drama\n2,\"A, B\",\n");
    workplace.write("movies.csv", items);
    workplace.publish(&[]).summary();
    let sql = "SELECT item_id, title, genres, rating_mean FROM items WHERE item_id < '3' OR rating_count = 1 ORDER BY item_id";
    let people = query(&workplace, sql, &[]).stdout;
    assert!(
        !people.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'),
        "{people:?}"
    );
    assert!(people.contains(r"One \u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}"), "{people}");
    assert!(people.contains("A, B"), "{people}");
    let said = rows(&workplace, sql, &[]);
    assert_eq!(said[0], json!(["1", hostile, ["War", "Drama"], 4.5]));
    let csv = query(&workplace, sql, &["--csv"]).stdout;
    let expected = format!(
        "item_id,title,genres,rating_mean\n1,{hostile},War|Drama,4.5\n2,\"A, B\",,4.5\n4,,,5\n"
    );
    assert_eq!(csv, expected);
    // An error that repeats what was asked does not let the terminal obey it either.
    let wrong = query(&workplace, "SELECT \"\u{1b}[2J\" FROM items", &[]);
    assert!(!wrong.stderr.contains('\u{1b}'), "{:?}", wrong.stderr);
}

#[test]
fn only_the_tables_that_are_named_are_read_and_what_is_damaged_is_said() {
    let workplace = Workplace::new();
    let version = workplace.publish(&[]).summary()["version"].as_str().unwrap().to_owned();
    let part = workplace.path(&format!("store/profiles/version={version}/part-00000.parquet"));
    let mut bytes = std::fs::read(&part).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&part, bytes).unwrap();
    assert_eq!(rows(&workplace, "SELECT count(*) FROM items", &[]), json!([[5]]));
    for sql in
        ["SELECT count(*) FROM profiles", "SELECT user_id FROM profiles WHERE user_id = 'ann'"]
    {
        let damaged = query(&workplace, sql, &[]);
        assert_eq!((damaged.code, damaged.stdout.as_str()), (5, ""), "{}", damaged.stderr);
        assert!(damaged.error().contains("part-00000.parquet is refused"), "{}", damaged.stderr);
        assert!(damaged.error().contains("akin-batch versions"), "{}", damaged.stderr);
    }
}

#[test]
fn a_store_without_a_version_says_so_and_syntax_is_looked_at_first() {
    let workplace = Workplace::new();
    std::fs::create_dir(workplace.path("store")).unwrap();
    refused(&query(&workplace, "SELECT * FROM items", &[]), &["holds no version"]);
    refused(&query(&workplace, "SELEC * FROM items", &[]), &["is no SQL"]);
    // A version of nothing has tables without rows.
    workplace.write("ratings.csv", "userId,movieId,rating,timestamp\nann,1,4,7\n");
    workplace.write("movies.csv", "movieId,title,genres\n");
    workplace.publish(&[]).summary();
    let sql = "SELECT title, score FROM neighbours JOIN items ON items.item_id = neighbour_id ORDER BY score";
    assert_eq!(rows(&workplace, sql, &[]), json!([]));
    assert!(query(&workplace, sql, &[]).stdout.starts_with("title  score\n\n0 rows of version"));
    assert_eq!(query(&workplace, sql, &["--csv"]).stdout, "title,score\n");
}

#[test]
fn a_statement_comes_from_standard_input() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let store = workplace.store();
    let mut command = batch_command(&["query", "-", "--csv", "--store", &store]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn().unwrap();
    let statement = b"-- all of them\nSELECT count(*) AS items\nFROM items;\n";
    running.stdin.take().unwrap().write_all(statement).unwrap();
    let ran = BatchRun::of(running.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "items\n5\n"), "{}", ran.stderr);
}
