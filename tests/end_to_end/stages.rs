//! The stages of a run as programs of their own, as a shell or a workflow chains them.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::harness::{BatchRun, Server, Workplace, batch, batch_command, get};

/// The output of a stage that is given its document as an argument.
#[track_caller]
fn stage(name: &str, document: &Value) -> Value {
    batch(&[name, &document.to_string()]).summary()
}

fn from_standard_input(arguments: &[&str], document: &Value) -> BatchRun {
    let mut command = batch_command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(document.to_string().as_bytes()).unwrap();
    BatchRun::of(child.wait_with_output().unwrap())
}

fn request(workplace: &Workplace, run: &str) -> Value {
    json!({
        "run": run,
        "store": workplace.store(),
        "shards": 2,
        "options": {
            "ratings": [workplace.text("ratings.csv")],
            "items": workplace.text("movies.csv"),
            "evaluate": true,
            "if-changed": true,
        },
    })
}

#[test]
fn stages_publish_what_a_run_publishes_on_s3_too() {
    for workplace in [Workplace::new(), Workplace::on_s3()] {
        workplace.publish(&["--evaluate"]).summary();
        let run = workplace.current();
        workplace.publish(&["--measure", "lift"]).summary();

        let file = workplace.write("request.json", request(&workplace, "first").to_string());
        let ingest = batch(&["ingest", &format!("@{file}")]).summary();
        assert_eq!(ingest, batch(&["ingest", &file]).summary());
        assert_eq!((&ingest["changed"], &ingest["sequence"]), (&true.into(), &3.into()));
        let shards = ingest["shards"].as_array().unwrap();
        let first = stage("similarities", &json!({"ingest": ingest, "shard": shards[0]}));
        let second = json!({"ingest": ingest});
        let arguments = ["similarities", "--shard", shards[1].as_str().unwrap(), "-"];
        let second = from_standard_input(&arguments, &second).summary();
        let evaluate = stage("evaluate", &json!({"ingest": ingest}));
        assert_eq!(evaluate["passed"], true);
        let together =
            json!({"ingest": ingest, "similarities": [second, first], "evaluate": evaluate});
        let published = stage("publish", &together);
        assert_eq!(published, stage("publish", &together));

        let current = workplace.current();
        assert_eq!(current["version"], published["version"]);
        assert_eq!(current["sequence"], 3);
        for field in ["measure", "counts", "metrics", "input_digest", "watermark"] {
            assert_eq!(current[field], run[field], "{field}");
        }
        for table in ["neighbours", "items", "profiles"] {
            let sums = |manifest: &Value| manifest["parts"][table][0]["sha256"].clone();
            assert_eq!(sums(&current), sums(&run), "{table}");
        }
        let server = Server::start_ready(&workplace, &[]);
        assert_eq!(get(&server, "/versions/current").json()["version"], published["version"]);
        let checked = batch(&["check", "--store", &workplace.store()]);
        assert_eq!(checked.code, 0, "{}", checked.stderr);

        let report = stage("report", &json!({"publish": published}));
        assert_eq!(report, stage("report", &json!({"publish": published})));
        let key = format!("reports/version={}/report.html", published["version"].as_str().unwrap());
        assert_eq!(report["report"]["key"], key.as_str());
        if !workplace.store().starts_with("s3://") {
            // What only `ingest` saw is in it.
            let page = std::fs::read_to_string(workplace.path(&format!("store/{key}"))).unwrap();
            assert!(page.contains("<h3>Activity of users</h3>\n<svg"), "{page}");
            assert!(page.contains("Records read: 9."), "{page}");
            assert!(page.contains("the stages were programs of their own"), "{page}");
        }

        // Nothing has changed since.
        let again = stage("ingest", &request(&workplace, "second"));
        assert_eq!((&again["changed"], &again["sequence"]), (&false.into(), &3.into()));
        let refused = batch(&["evaluate", &json!({"ingest": again}).to_string()]);
        assert_eq!(refused.code, 2, "{}", refused.stderr);
    }
}

#[test]
fn a_report_says_what_changed_and_lets_no_title_become_markup() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let first = workplace.current();
    let items = workplace.write(
        "titles.csv",
        "movieId,title,genres\n1,<script>alert(1)</script>,Drama\n9,New & \"old\",Drama\n",
    );
    let ratings = workplace
        .write("more.csv", "userId,movieId,rating,timestamp\nann,1,5,1000\nann,9,1,7\nx,9,1\n");
    let store = workplace.store();
    let arguments = ["--ratings", &ratings, "--items", &items, "--store", &store];
    let more = ["--measure", "dice", "--max-reject-share", "0.5", "--json"];
    batch(&[&["run"], &arguments[..], &more].concat()).summary();
    let page = |manifest: &Value| {
        let version = manifest["version"].as_str().unwrap();
        let path = workplace.path(&format!("store/reports/version={version}/report.html"));
        std::fs::read_to_string(path).unwrap()
    };
    let (first_page, second_page) = (page(&first), page(&workplace.current()));
    let nothing_before = "there is nothing to compare it with";
    assert!(first_page.contains(nothing_before) && !first_page.contains("Since"), "{first_page}");
    for expected in [
        format!("Since publication 1, {}", first["version"].as_str().unwrap()),
        "&lt;script&gt;alert(1)&lt;/script&gt;".to_owned(),
        "New &amp; &quot;old&quot;".to_owned(),
        "ratings fell from 9 to 2".to_owned(),
        "similarities are computed by dice, before it was sparse-ease".to_owned(),
        "1 of 3 records were rejected".to_owned(),
        "Quality was not measured".to_owned(),
    ] {
        assert!(second_page.contains(&expected), "{expected}: {second_page}");
    }
    assert!(!second_page.contains("<script"), "{second_page}");
    for user in ["ann", "bob"] {
        let words = second_page.split(|c: char| !c.is_alphanumeric());
        assert!(words.into_iter().all(|word| word != user), "{user}: {second_page}");
    }
    // It needs nothing else: no other file, no network.
    for reference in ["src=", "href=", "url(", "@import"] {
        assert!(!second_page.contains(reference), "{reference}");
    }
}

#[test]
fn a_document_that_a_stage_does_not_take_is_refused_with_the_remedy() {
    let workplace = Workplace::new();
    let good = request(&workplace, "one");
    let with = |field: &str, value: Value| {
        let mut document = good.clone();
        document[field] = value;
        document.to_string()
    };
    let long = format!("{{\"run\": \"{}\"}}", "x".repeat(262_144));
    let long = workplace.write("long.json", long);
    for (stage, document, expected) in [
        ("ingest", with("shard", 1.into()), "unknown field `shard`"),
        ("ingest", with("run", "../x".into()), "is not the name of a run"),
        ("ingest", with("shards", 101.into()), "1 to 100"),
        (
            "ingest",
            with("options", json!({"ratings": ["r"], "tok-k": 1})),
            "\"tok-k\" is no option",
        ),
        ("ingest", with("options", json!({})), "--ratings"),
        ("ingest", "{".to_owned(), "schemas/README.md"),
        ("ingest", "no-such-file".to_owned(), "no-such-file: could not be read"),
        ("ingest", long, "at most 262144 bytes"),
        ("similarities", with("a", 1.into()), "unknown field"),
        ("publish", "{}".to_owned(), "missing field `ingest`"),
        ("evaluate", "{}".to_owned(), "missing field `ingest`"),
        ("report", "{}".to_owned(), "missing field `publish`"),
    ] {
        let run = batch(&[stage, &document]);
        assert_eq!(run.code, 2, "{stage} {document}: {}", run.stderr);
        assert!(run.error().contains(expected), "{}", run.error());
    }
    // The document of a stage and the options of an evaluation do not go together.
    assert_eq!(batch(&["evaluate", "{}", "--ratings", "r"]).code, 2);
    assert_eq!(batch(&["evaluate"]).code, 2);
    // What the input is guilty of has the exit code that it has in a run.
    let missing = with("options", json!({"ratings": ["no-such-file.csv"]}));
    let run = batch(&["ingest", &missing]);
    assert_eq!(run.code, 3, "{}", run.stderr);
}
