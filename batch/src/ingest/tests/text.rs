//! Comma-separated text, line by line.

use proptest::prelude::*;

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
        (b"1,31,2.5,", "timestamp is not an integer"),
        (b"1,31,2.5,7.0", "timestamp is not an integer"),
        (b"1,31,2.5,2009-12-14", "timestamp is not an integer"),
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
    assert_eq!(ratings.rows[1].rated_at, 1_700_086_400_000_000);
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
    let cases: &[(&[u8], &str)] = &[
        (b"", "the file is empty"),
        (b"\n\r\n", "there is no header: found ``"),
        (b"1,31,2.5,1260759144\n", "there is no header: found `1,31,2.5,1260759144`"),
        (b"userId,movieId,timestamp\n", "has no column for rating (rating, event_value)"),
        (b"userId,movieId,rating,timestamp,rated_at\n", "could both be the timestamp"),
        (b"userId,\"movieId,rating,timestamp\n", "has a fault: unterminated quote"),
        (b"PAR1", "not a readable Parquet file"),
        (&gzip(b""), "the file is empty"),
        (&gzip(b"PAR1"), "this is gzip around Parquet"),
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
fn every_layout_gives_the_same_ratings() {
    const ROWS: [[&str; 4]; 3] =
        [["196", "242", "3", "881250949"], ["a b", "1", "4.5", "7"], ["196", "1", "2", "0"]];
    let written = |header: &str, separator: &str| {
        let rows = ROWS.map(|row| row.join(separator) + "\n");
        format!("{header}{}", rows.concat()).into_bytes()
    };
    let expected = content(read_bytes(&[&written(HEADER, ",")]).unwrap());
    assert_eq!((expected.2.len(), expected.3), (3, 3));
    let inter = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n";
    let files = [
        written("", "::"),
        written("", "\t"),
        written("\u{feff}", "\t"),
        written(inter, "\t"),
        written("user\titem\trating\ttimestamp\r\n", "\t"),
        written("USER_ID,ITEM_ID,EVENT_VALUE,TIMESTAMP\n", ","),
    ];
    for file in files {
        for bytes in [gzip(&file), file] {
            let ratings = read_bytes(&[&bytes]).unwrap();
            let shown = String::from_utf8_lossy(&bytes).into_owned();
            assert_eq!(content(ratings), expected, "{shown}");
        }
    }
}

#[test]
fn what_a_person_says_about_a_file_is_obeyed_or_refused() {
    let read_with = |text: &str, reading: Reading| {
        let folder = TempDir::new().unwrap();
        let path = put(&folder, "r", text.as_bytes());
        let options = options(&[path.to_str().unwrap()]);
        read(&IngestOptions { reading, ..options }).map_err(|error| error.to_string())
    };
    let named = Reading {
        user_column: Some("who".to_owned()),
        item_column: Some("what".to_owned()),
        rating_column: Some("how".to_owned()),
        timestamp_column: Some("when".to_owned()),
        ..Reading::default()
    };
    let ratings = read_with("when,how,what,who,user\n7,3,i,u,x\n", named.clone()).unwrap();
    assert_eq!(triples(&ratings), [("u", "i", 3.0)]);
    let refused = read_with("196\t242\t3\t881250949\n", named).unwrap_err();
    assert!(
        refused.contains("--user-column names a column of a file without a header"),
        "{refused}"
    );

    let implicit = Reading { implicit_rating: Some(2.5), ..Reading::default() };
    let ratings = read_with("USER_ID,ITEM_ID,TIMESTAMP\nu,i,7\n", implicit.clone()).unwrap();
    assert_eq!(triples(&ratings), [("u", "i", 2.5)]);
    let empty = read_with("USER_ID,ITEM_ID,TIMESTAMP,EVENT_VALUE\nu,i,7,\n", implicit).unwrap();
    assert_eq!(reasons(&empty), [(2, "not a number".to_owned())]);

    let stated = Reading { format: Some(Layout::UData), ..Reading::default() };
    let ratings = read_with("u\ti\tbad\t7\nu\tj\t3\t7\n", stated).unwrap();
    assert_eq!(reasons(&ratings), [(1, "not a number".to_owned())]);
    assert_eq!(triples(&ratings), [("u", "j", 3.0)]);
}

#[test]
fn record_numbers_count_rejects_so_that_a_corrected_record_moves_no_other() {
    let bad = format!("{HEADER}u,i,x,7\nu,j,1,7\n");
    let good = format!("{HEADER}u,i,1,7\nu,j,1,7\n");
    let last = |file: &str| read_bytes(&[file.as_bytes()]).unwrap().rows.pop().unwrap().sequence;
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
        let lines = file.split(|&byte| byte == b'\n').skip(1);
        let records = lines.filter(|line| !matches!(*line, b"" | b"\r")).count() as u64;
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
