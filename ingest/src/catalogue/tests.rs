//! Reading catalogues, and what is made of them.

#![allow(clippy::unwrap_used)]

use std::io::Write;

use super::*;
use crate::{Collector, IngestOptions};
use akin_recommender::profile::{OrderKey, Origin};

fn read(bytes: &[u8]) -> Result<CatalogueFile, IngestError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let items = Some(file.path().to_owned());
    let some = crate::tests::options(&[]);
    crate::read_catalogue(&IngestOptions {
        items,
        max_memory: 100_000,
        max_reject_share: 0.5,
        ..some
    })
}

fn known(title: &str, genres: &[&str]) -> Option<CatalogueItem> {
    let genres = genres.iter().map(|genre| (*genre).to_owned()).collect();
    Some(CatalogueItem { title: title.to_owned(), genres })
}

const TEXT: &str = "\u{feff}MOVIEID,title,genres\r\n\
    1,Toy Story (1995),Adventure|Children\r\n\
    2,\"Usual Suspects, The \"\"95\"\"\",(no genres listed)\r\n\
    \r\n\
    3,old,x\n\
    4,too,many,fields\n\
    ,no id,x\n\
    5,\"open,x\n\
    3,new,\n";

#[test]
fn titles_may_be_quoted_and_bad_rows_are_counted() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(TEXT.as_bytes()).unwrap();
    for bytes in [TEXT.as_bytes(), &packed.finish().unwrap()] {
        let catalogue = read(bytes).unwrap();
        assert_eq!((catalogue.skipped(), catalogue.replaced), (3, 1));
        let ids = ["1", "2", "3", "9"].map(str::to_owned);
        let aligned = catalogue.aligned_with(&ids);
        assert_eq!(
            aligned.items,
            [
                known("Toy Story (1995)", &["Adventure", "Children"]),
                known("Usual Suspects, The \"95\"", &[]),
                known("new", &[]),
                None,
            ]
        );
        assert_eq!((aligned.skipped, aligned.replaced), (3, 1));
    }
}

#[test]
fn older_catalogues_are_read_in_latin_1_and_in_utf_8() {
    let flags = ["0|1|", &"0|".repeat(16), "0"].concat();
    let u_item =
        |title: &[u8]| [b"7|", title, b"|01-Jan-1995||http://x|", flags.as_bytes(), b"\n"].concat();
    let dat = |title: &[u8]| [b"7::", title, b"::Action\n"].concat();
    for title in [&b"Mis\xe9rables, \"Les\" (1995)"[..], "Misérables, \"Les\" (1995)".as_bytes()] {
        for file in [u_item(title), dat(title)] {
            let catalogue = read(&file).unwrap().aligned_with(&["7".to_owned()]);
            assert_eq!(catalogue.items, [known("Misérables, \"Les\" (1995)", &["Action"])]);
            assert_eq!(catalogue.skipped, 0);
        }
    }
    let damaged =
        [u_item(b"a"), u_item(b"b").strip_suffix(b"0\n").unwrap().to_vec(), b"2\n".to_vec()]
            .concat();
    assert_eq!(read(&damaged).unwrap().skipped(), 1);
}

#[test]
fn catalogues_of_recbole_and_of_json_lines_are_read() {
    let recbole = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n\
        7\tGolden \"Eye\"\t1995\tAction Sci-Fi\n8\tNone\t1995\t\n";
    let objects = r#"{"item":7,"title":"Golden \"Eye\"","genres":["Action","Sci-Fi"],"year":1995}
        {"title":"None","genres":null,"item":"8"}
        {"title":["None"],"genres":null,"item":"9"}"#;
    let flat = r#"{"item":"8","title":"None","genres":""}
        {"movie_id":7,"title":"Golden \"Eye\"","genre":"Action|Sci-Fi"}"#;
    for (text, skipped) in [(recbole, 0), (objects, 1), (flat, 0)] {
        let catalogue = read(text.as_bytes()).unwrap();
        assert_eq!(catalogue.skipped(), skipped, "{text}");
        let aligned = catalogue.aligned_with(&["7", "8"].map(str::to_owned));
        let expected = [known("Golden \"Eye\"", &["Action", "Sci-Fi"]), known("None", &[])];
        assert_eq!(aligned.items, expected, "{text}");
    }
}

#[test]
fn a_file_that_is_no_catalogue_is_refused() {
    let header = "movieId,title,genres\n";
    let long = format!("{header}1,{},x\n", "t".repeat(100_000));
    let cases = [
        ("", "the file is empty"),
        (
            "userId,movieId,rating\n",
            "no column for title (title, movie_title, name, item_name), genres (genres,",
        ),
        ("movieId,title,genres\n1,2\n", "1 of 1 records were rejected"),
        ("title,genres\nx,y\n", "give a catalogue that names its columns"),
        ("PAR1", "not a readable Parquet file"),
        (&long, "are allowed"),
    ];
    for (text, expected) in cases {
        let message = read(text.as_bytes()).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_catalogue_has_titles_or_genres_or_both() {
    let one = |text: &str| {
        let catalogue = read(text.as_bytes()).unwrap();
        assert_eq!(catalogue.skipped(), 0, "{text}");
        catalogue.aligned_with(&["1".to_owned()]).items.remove(0)
    };
    for (text, title, genres) in [
        ("movieId,title\n1,One\n", "One", &[][..]),
        ("ITEM_ID,GENRES,CREATION_TIMESTAMP\n1,Drama|War,1500000000\n", "", &["Drama", "War"]),
        ("item_id:token\tmovie_title:token_seq\n1\tOne\n", "One", &[]),
        ("{\"item\":1,\"title\":\"One\"}\n", "One", &[]),
        ("{\"item\":1,\"genres\":[\"War\"],\"name\":\"One\"}\n", "One", &["War"]),
        ("item_id,name,category\n1,One,War\n", "One", &["War"]),
        // What is called a title is one, whatever stands beside it.
        ("item_id,name,title\n1,somebody,One\n", "One", &[]),
        ("{\"item\":1,\"name\":\"somebody\",\"title\":\"One\"}\n", "One", &[]),
        ("item,category,genres\n1,dvd,War\n", "", &["War"]),
    ] {
        assert_eq!(one(text), known(title, genres), "{text}");
    }
}

#[test]
fn a_catalogue_of_which_too_much_cannot_be_read_is_refused() {
    let text = "movieId,title\n1,One\n2\n3\n4,Four\n5\n";
    let message = read(text.as_bytes()).unwrap_err().to_string();
    let first = ":3: wrong number of fields: \"2\"; correct the input, or allow more with --max-reject-share";
    assert!(message.starts_with("3 of 5 records were rejected"), "{message}");
    assert!(message.ends_with(first), "{message}");
}

#[test]
fn earlier_versions_say_what_the_catalogue_does_not() {
    let text = "movieId,title,genres\n1,One,\n2,,War\n3,Three,(no genres listed)\n4,,\n5,,\n";
    let mut catalogue = read(text.as_bytes()).unwrap();
    let mut version = |rows: &[(&str, &str, &[&str])]| {
        for (id, title, genres) in rows {
            let title = Some(*title).filter(|title| !title.is_empty());
            catalogue.keep(id, title, genres).unwrap();
        }
    };
    version(&[
        ("1", "old", &["Drama"]),
        ("2", "Two", &["old"]),
        ("3", "old", &["old"]),
        // Nothing is known of these there.
        ("4", "", &[]),
        ("6", "", &[]),
        ("7", "Seven", &[]),
    ]);
    version(&[
        ("2", "older", &["older"]),
        ("4", "Four", &["War"]),
        ("6", "Six", &["War"]),
        // That it has no genres any more is newer.
        ("7", "older", &["older"]),
    ]);
    assert_eq!((catalogue.title_count(), catalogue.given().len()), (6, 5));
    let aligned = catalogue.aligned_with(&["1", "2", "3", "4", "5", "6", "7"].map(str::to_owned));
    let expected = [
        known("One", &["Drama"]),
        known("Two", &["War"]),
        known("Three", &[]),
        known("Four", &["War"]),
        known("", &[]),
        known("Six", &["War"]),
        known("Seven", &[]),
    ];
    assert_eq!(aligned.items, expected);
}

#[test]
fn what_is_kept_takes_no_more_memory_than_is_allowed() {
    let mut catalogue = CatalogueFile::new(1_000);
    assert!(catalogue.keep("1", Some("One"), &["War"]).is_ok());
    let long = "t".repeat(1_000);
    assert!(catalogue.keep("2", Some(&long), &[]).unwrap_err().is_too_large());
}

#[test]
fn a_catalogue_with_few_rated_items_is_told_with_an_example() {
    let warning = |given: &[String], rated: &[String]| {
        let rows = given.iter().map(|id| format!("{id},t\n")).collect::<String>();
        let mut catalogue = read(format!("item,title\n{rows}").as_bytes()).unwrap();
        // What is kept is not what was given.
        catalogue.keep("1", Some("One"), &[]).unwrap();
        let mut collector = Collector::new(1 << 20);
        for (id, sequence) in rated.iter().zip(0..) {
            let order = OrderKey { micros: 0, origin: Origin::FILES, sequence };
            collector.push("u", id, Some(1.0), 0, order).unwrap();
        }
        collector.overlap(&catalogue).warning()
    };
    let ids = |from: usize, to: usize, write: fn(usize) -> String| -> Vec<String> {
        (from..to).map(write).collect()
    };
    let plain = ids(1, 31, |n| n.to_string());
    let padded = ids(1, 31, |n| format!("{n:07}"));
    let none = "no catalogue row names a rated item: the catalogue has for example \"0000001\", the ratings \
                have \"1\"; ids must be written alike in both";
    assert_eq!(warning(&padded, &plain).as_deref(), Some(none));
    let others = ["x".to_owned(), "y".to_owned()];
    let unlike = warning(&others, &plain).unwrap();
    assert!(unlike.contains("for example \"x\", the ratings have \"1\""), "{unlike}");
    let some = [&padded[..], &plain[28..]].concat();
    let few = warning(&some, &plain).unwrap();
    assert!(few.starts_with("only 2 of 32 items in the catalogue are rated"), "{few}");
    // One in ten of the smaller side is enough; so is nothing on one side.
    let more = [&padded[..], &plain[27..]].concat();
    assert_eq!(warning(&more, &plain), None);
    assert_eq!(warning(&plain[..2], &[&padded[..], &plain[..1]].concat()), None);
    assert_eq!(warning(&[], &plain), None);
    assert_eq!(warning(&plain, &[]), None);
}
