//! Comma-separated text and JSON lines, record by record.

use proptest::prelude::*;

use super::records::expected;
use super::*;

#[test]
fn a_bad_record_is_rejected_with_its_line_and_reason_and_costs_nothing_else() {
    let long_id = format!("{},1,3,7", "x".repeat(129));
    let long_line = format!("{},1,3,7", "x".repeat(2 << 20));
    let cases: &[(&[u8], &str)] = &[
        (b"1,31,2.5", "wrong number of fields"),
        (b"1,31,2.5,7,", "wrong number of fields"),
        (b"1;31;2.5;7", "wrong number of fields"),
        (b" ", "wrong number of fields"),
        (long_line.as_bytes(), "line too long"),
        (b"\"1,31,2.5,7", "unterminated quote"),
        (b"1,31,2.5,\"7", "unterminated quote"),
        (b"\"1\"x,31,2.5,7", "text after a closing quote"),
        (b"\xff,31,2.5,7", "not UTF-8"),
        (b"1,\xc3,2.5,7", "not UTF-8"),
        (b",31,2.5,7", "empty id"),
        (b"1,\"\",2.5,7", "empty id"),
        (long_id.as_bytes(), "id too long"),
        (b"1,a\tb,2.5,7", "control character in id"),
        (b"a\0,1,2.5,7", "control character in id"),
        (b"a\r,1,2.5,7", "control character in id"),
        (b"1,31,,7", "not a number"),
        (b"1,31,good,7", "not a number"),
        (b"1,31, 2.5,7", "not a number"),
        (b"1,31,\"2,5\",7", "not a number"),
        (b"1,31,\xff,7", "not a number"),
        (b"1,31,NaN,7", "not finite"),
        (b"1,31,inf,7", "not finite"),
        (b"1,31,1e999,7", "not finite"),
        (b"1,31,0,7", "outside the rating range"),
        (b"1,31,-0.0,7", "outside the rating range"),
        (b"1,31,-1,7", "outside the rating range"),
        (b"1,31,10.001,7", "outside the rating range"),
        (b"1,31,1e-320,7", "outside the rating range"),
        (b"1,31,2.5,", "timestamp is not a number of seconds"),
        (b"1,31,2.5,7,0", "wrong number of fields"),
        (b"1,31,2.5,\"7,0\"", "timestamp is not a number of seconds"),
        (b"1,31,2.5,2009-12-14", "timestamp is not a number of seconds"),
        (b"1,31,2.5,-1", "dated before 1970"),
        (b"1,31,2.5,1260759144000", "dated after the year 9999 (timestamps are seconds)"),
        (b"1,31,2.5,1700086401", "dated more than a day ahead"),
    ];
    for (record, reason) in cases {
        let file = [HEADER.as_bytes(), b"a,1,3,7\n\n", record, b"\na,2,3,7\n"].concat();
        let ratings = read_bytes(&[&file]).unwrap();
        let shown = String::from_utf8_lossy(&record[..record.len().min(200)]);
        assert_eq!(reasons(&ratings), [(4, (*reason).to_owned())], "{shown:?}");
        assert_eq!(triples(&ratings), [("a", "1", 3.0), ("a", "2", 3.0)], "{shown:?}");
        assert_eq!((ratings.read, ratings.files[0].rows, ratings.files[0].rejected), (3, 3, 1));
        let kept = &ratings.rejects.kept()[0];
        assert!(kept.file.ends_with("/0") && kept.text.chars().count() <= 200, "{kept:?}");
        assert!(kept.text.starts_with(&*shown) || record.len() > 200, "{kept:?}");
    }
}

#[test]
fn unusual_but_sound_records_are_taken_in() {
    let file = "\u{feff}Timestamp,\"ITEM_ID\",extra,User,RATING\r\n\
        7,\"a,\"\"b\"\"\",\"x,y\",é,.5\r\n\
        \r\n\
        1700086400,01,,\"u\",1e1\r\n\
        0, 1,z, u ,10";
    let ratings = read_bytes(&[file.as_bytes()]).unwrap();
    assert_eq!(reasons(&ratings), []);
    assert_eq!(triples(&ratings), [(" u ", " 1", 10.0), ("u", "01", 10.0), ("é", "a,\"b\"", 0.5)]);
    assert_eq!(ratings.rows.iter().nth(1).unwrap().rated_at, 1_700_086_400_000_000);
}

#[test]
fn an_unterminated_quote_does_not_swallow_the_rest_of_the_file() {
    let mut file = format!("{HEADER}\"a,1,3,7\n");
    for item in 0..1_000 {
        file.push_str(&format!("b,{item},3,7\n"));
    }
    let ratings = read_bytes(&[file.as_bytes()]).unwrap();
    assert_eq!((ratings.rows.len(), ratings.rejects.total()), (1_000, 1));
}

#[test]
fn a_file_that_cannot_be_read_as_ratings_is_refused_by_name() {
    let cut = gzip(HEADER.repeat(100).as_bytes());
    let long = format!("{}1,2,3,7\r", "1,2,3,7\r".repeat(200_000));
    let cases: &[(&[u8], &str)] = &[
        (b"", "the file is empty"),
        (b"\n\r\n", "there is no header: found ``"),
        (b"1,31,2.5,1260759144\n", "there is no header: found `1,31,2.5,1260759144`"),
        (b"userId,movieId,timestamp\n", "has no column for rating (rating, event_value)"),
        (b"userId,movieId,rating,timestamp,rated_at\n", "could both be the timestamp"),
        (b"userId,\"movieId,rating,timestamp\n", "has a fault: unterminated quote"),
        (
            b"{\"user\":1",
            "the first line, `{\"user\":1`, is no JSON object; write one object a line",
        ),
        (
            b"{\"userId\":1,\"movieId\":2,\"stars\":3}",
            "the first object has no rating (rating, event_value), timestamp (timestamp, rated_at); its keys are \
             `movieId,stars,userId`",
        ),
        (b"[{\"user\":1}]", "this is a JSON array; write one object a line"),
        (
            b"userId,movieId,rating,timestamp\r1,2,3,7\r1,3,3,7\r",
            "its lines end with carriage returns alone; write it with line feeds",
        ),
        (long.as_bytes(), "its lines end with carriage returns alone"),
        (b"PAR1", "not a readable Parquet file"),
        (&gzip(b""), "the file is empty"),
        (&gzip(b"PAR1"), "this is gzip around Parquet"),
        (&gzip(&gzip(HEADER.as_bytes())), "this is gzip around gzip; unpack it once"),
        (&gzip(b"SQLite format 3\0"), "inside gzip, this is a SQLite database; export the table"),
        (b"PK\x03\x04\x14\0", "this is a zip archive; unpack it, and name the files in it"),
        (b"\xfe\xff\0u\0s\0e\0r", "this is UTF-16 text; convert it to UTF-8"),
        (&cut[..cut.len() - 9], "check that the file is complete"),
        (b"\x1f\x8b\x08", "check that the file is complete"),
    ];
    for (file, expected) in cases {
        let good = format!("{HEADER}a,1,3,7\n");
        let error = read_bytes(&[good.as_bytes(), file]).unwrap_err();
        let message = error.to_string();
        assert!(message.contains(expected) && message.contains("/1: "), "{message}");
        assert!(!error.is_too_large());
    }
    assert_eq!(read_bytes(&[HEADER.as_bytes()]).unwrap().read, 0);
}

#[test]
fn a_quoted_field_may_hold_what_looks_like_another_record() {
    let text = "userId,movieId,rating,timestamp,review\n1,10,4,7,\"fine\n9001,666,5,7,top\"\n\
        2,11,3,7,\"a\r\n\n\"\"b\"\"\"\n3,\"1\n2\",3,7,c\n4,13,3,7,\"x\ny\",z\n5,14,x,7,d\n";
    let ratings = read_bytes(&[text.as_bytes()]).unwrap();
    assert_eq!(triples(&ratings), [("1", "10", 4.0), ("2", "11", 3.0)]);
    let reason = |line, why: &str| (line, why.to_owned());
    let expected = [
        reason(7, "control character in id"),
        reason(9, "wrong number of fields in a record of several lines (is a quote closed?)"),
        reason(11, "not a number"),
    ];
    assert_eq!(reasons(&ratings), expected);
    assert_eq!(ratings.rejects.kept()[1].text, "4,13,3,7,\"x\ny\",z");
    assert_eq!(ratings.read, 5);
    // A header, too.
    let text = "userId,movieId,rating,\"time\nstamp\",\"timestamp\"\n1,10,4,x,7\n";
    assert_eq!(triples(&read_bytes(&[text.as_bytes()]).unwrap()), [("1", "10", 4.0)]);
}

#[test]
fn a_bad_object_is_rejected_with_its_line_and_reason() {
    let cases: &[(&[u8], &str)] = &[
        (b"{", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b"{}", "a key is missing"),
        (b"{} {}", "not a JSON object"),
        (br#"{"user":"u","item":"i","rating":1,"timestamp":7} x"#, "not a JSON object"),
        (br#"{"user":"u","item":"i","rating":1}"#, "a key is missing"),
        (
            br#"{"user":"u","userId":"v","item":"i","rating":1,"timestamp":7}"#,
            "two keys name the same column",
        ),
        (
            br#"{"user":"u","user":"u","item":"i","rating":1,"timestamp":7}"#,
            "two keys name the same column",
        ),
        (br#"{"user":null,"item":"i","rating":1,"timestamp":7}"#, "null"),
        (br#"{"user":"u","item":"i","rating":null,"timestamp":7}"#, "null"),
        (
            br#"{"user":1.0,"item":"i","rating":1,"timestamp":7}"#,
            "an id is neither text nor an integer",
        ),
        (
            br#"{"user":-0,"item":"i","rating":1,"timestamp":7}"#,
            "an id is neither text nor an integer",
        ),
        (
            br#"{"user":18446744073709551616,"item":"i","rating":1,"timestamp":7}"#,
            "an id is neither text nor an integer",
        ),
        (
            br#"{"user":true,"item":"i","rating":1,"timestamp":7}"#,
            "an id is neither text nor an integer",
        ),
        (
            br#"{"user":["u"],"item":"i","rating":1,"timestamp":7}"#,
            "an id is neither text nor an integer",
        ),
        (br#"{"user":"","item":"i","rating":1,"timestamp":7}"#, "empty id"),
        (br#"{"user":"a\u0000b","item":"i","rating":1,"timestamp":7}"#, "control character in id"),
        (br#"{"user":"\ud800","item":"i","rating":1,"timestamp":7}"#, "not a JSON object"),
        (b"{\"user\":\"\xff\",\"item\":\"i\",\"rating\":1,\"timestamp\":7}", "not UTF-8"),
        (br#"{"user":"u","item":"i","rating":"5","timestamp":7}"#, "not a number"),
        (br#"{"user":"u","item":"i","rating":true,"timestamp":7}"#, "not a number"),
        (br#"{"user":"u","item":"i","rating":NaN,"timestamp":7}"#, "not a JSON object"),
        (br#"{"user":"u","item":"i","rating":1e999,"timestamp":7}"#, "not finite"),
        (br#"{"user":"u","item":"i","rating":-1,"timestamp":7}"#, "outside the rating range"),
        (
            br#"{"user":"u","item":"i","rating":1,"timestamp":"7"}"#,
            "timestamp is not a number of seconds",
        ),
        (br#"{"user":"u","item":"i","rating":1,"timestamp":-0.5}"#, "dated before 1970"),
        (br#"{"user":"u","item":"i","rating":1,"timestamp":-1}"#, "dated before 1970"),
    ];
    let good = r#"{"user":"a","item":"1","rating":3,"timestamp":7}"#;
    for (record, reason) in cases {
        let file =
            [good.as_bytes(), b"\n", record, b"\n", good.replace("1", "2").as_bytes()].concat();
        let ratings = read_bytes(&[&file]).unwrap();
        let shown = String::from_utf8_lossy(record);
        assert_eq!(reasons(&ratings), [(2, (*reason).to_owned())], "{shown}");
        assert_eq!(triples(&ratings), [("a", "1", 3.0), ("a", "2", 3.0)], "{shown}");
    }
    let nested = format!(r#"{{"user":"u","x":{}"#, "[".repeat(200_000));
    let file = format!("{good}\n{nested}\n");
    assert_eq!(reasons(&read_bytes(&[file.as_bytes()]).unwrap())[0].1, "not a JSON object");
}

#[test]
fn record_numbers_count_rejects_so_that_a_corrected_record_moves_no_other() {
    let bad = format!("{HEADER}u,i,x,7\nu,j,1,7\n");
    let good = format!("{HEADER}u,i,1,7\nu,j,1,7\n");
    let last =
        |file: &str| read_bytes(&[file.as_bytes()]).unwrap().rows.iter().last().unwrap().sequence;
    assert_eq!((last(&bad), last(&good)), (2, 2));
}

proptest! {
    #[test]
    fn whatever_text_follows_the_header_every_record_is_taken_in_or_rejected(
        rows in proptest::collection::vec(
            prop_oneof![
                "[0-9a\",.\r\n \u{e9}-]{0,20}".prop_map(String::into_bytes),
                proptest::collection::vec(any::<u8>(), 0..20),
                Just(b"1,2,3,4".to_vec()),
            ],
            0..20,
        ),
    ) {
        let file = [HEADER.as_bytes().to_vec(), rows.join(&b"\n"[..])].concat();
        let records = expected(&file).len() as u64 - 1;
        let mut collector = Collector::new(1 << 20);
        let folder = TempDir::new().unwrap();
        let path = put(&folder, "r", &file);
        read_files(&options(&[path.to_str().unwrap()]), &mut collector, &NoProgress).unwrap();
        prop_assert_eq!(collector.read(), records);
        let accepted = records - collector.rejects().total();
        let ratings = collector.finish(CatalogueFile::default()).unwrap();
        prop_assert!(ratings.rows.len() as u64 <= accepted);
        prop_assert_eq!(ratings.rows.is_empty(), accepted == 0);
    }
}
