//! What separates fields, what columns are called, and how values may be written.

use super::*;

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
        b"user_id:token\titem_id:token\trating:float\ttimestamp:float\n\
            196\t242\t3.0\t881250949.0\na b\t1\t4.5\t7\n196\t1\t2\t0e0\n"
            .to_vec(),
        b"{\"user\":196,\"movieID\":\"242\",\"rating\":3,\"timestamp\":881250949,\"x\":[{}]}\r\n\
            {\"rated_at\":7.0,\"RATING\":4.5,\"itemId\":1,\"user_id\":\"a\\u0020b\"}\n\n \
            { \"user\": \"196\", \"item\": \"1\", \"rating\": 2e0, \"timestamp\": 0 }"
            .to_vec(),
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

    let named = Reading {
        user_column: Some("reviewerID".to_owned()),
        item_column: Some("asin".to_owned()),
        rating_column: Some("overall".to_owned()),
        timestamp_column: Some("unixReviewTime".to_owned()),
        ..Reading::default()
    };
    let review = r#"{"reviewerID":"u","asin":"i","overall":5.0,"unixReviewTime":7,"user":"x"}"#;
    assert_eq!(triples(&read_with(review, named).unwrap()), [("u", "i", 5.0)]);

    let both =
        Reading { implicit_rating: Some(1.0), implicit_timestamp: Some(9), ..Reading::default() };
    for text in ["user,item\nu,i\n", "{\"user\":\"u\",\"item\":\"i\"}\n"] {
        let ratings = read_with(text, both.clone()).unwrap();
        assert_eq!(triples(&ratings), [("u", "i", 1.0)]);
        assert_eq!(ratings.rows.iter().next().unwrap().rated_at, 9_000_000);
    }

    let implicit = Reading { implicit_rating: Some(2.5), ..Reading::default() };
    let ratings = read_with("USER_ID,ITEM_ID,TIMESTAMP\nu,i,7\n", implicit.clone()).unwrap();
    assert_eq!(triples(&ratings), [("u", "i", 2.5)]);

    let stated = Reading { format: Some(Layout::UData), ..Reading::default() };
    let ratings = read_with("u\ti\tbad\t7\nu\tj\t3\t7\n", stated).unwrap();
    assert_eq!(reasons(&ratings), [(1, "not a number".to_owned())]);
    assert_eq!(triples(&ratings), [("u", "j", 3.0)]);
}

#[test]
fn what_a_record_leaves_empty_counts_as_what_is_implied() {
    let read_with = |text: &str, rating: Option<f32>, timestamp: Option<u32>| {
        let folder = TempDir::new().unwrap();
        let path = put(&folder, "r", text.as_bytes());
        let options = options(&[path.to_str().unwrap()]);
        let reading = Reading {
            implicit_rating: rating,
            implicit_timestamp: timestamp,
            ..Reading::default()
        };
        read(&IngestOptions { reading, ..options }).unwrap()
    };
    let personalize = "USER_ID,ITEM_ID,TIMESTAMP,EVENT_VALUE\nu,i,7,\nu,j,7,3\nu,k,7,\"\"\n";
    let recbole = "user_id:token\titem_id:token\ttimestamp:float\trating:float\n\
        u\ti\t7\t\nu\tj\t7\t3\nu\tk\t7\t\n";
    let u_data = "u\tj\t3\t7\nu\ti\t\t7\nu\tk\t\t7\n";
    let objects = r#"{"user":"u","item":"i","rating":null,"timestamp":7}
        {"user":"u","item":"j","rating":3,"timestamp":7}
        {"user":"u","item":"k","timestamp":7}"#;
    for text in [personalize, recbole, u_data, objects] {
        let ratings = read_with(text, Some(1.0), None);
        let expected = [("u", "i", 1.0), ("u", "j", 3.0), ("u", "k", 1.0)];
        assert_eq!(triples(&ratings), expected, "{text}");
        // Without the option nothing stands for what is empty.
        if !text.starts_with('{') {
            let reasons: Vec<_> =
                reasons(&read_with(text, None, None)).into_iter().map(|(_, why)| why).collect();
            assert_eq!(reasons, ["not a number", "not a number"], "{text}");
        }
    }
    let text = "user,item,rating,timestamp\nu,i,3,\nu,j,3,8\n";
    let times = |ratings: &Ratings| ratings.rows.iter().map(|r| r.rated_at).collect::<Vec<_>>();
    assert_eq!(times(&read_with(text, None, Some(9))), [9_000_000, 8_000_000]);
    // What is not empty is what it is.
    let ratings = read_with("user,item,rating,timestamp\nu,i, ,7\nu,,3,7\n", Some(1.0), None);
    let expected = [(2, "not a number".to_owned()), (3, "empty id".to_owned())];
    assert_eq!(reasons(&ratings), expected);
}

#[test]
fn times_may_have_fractions_and_exponents() {
    let objects = r#"{"user":"u","item":"a","rating":3,"timestamp":1400001011.0}
        {"user":"u","item":"b","rating":3,"timestamp":1400001011.1234567}
        {"user":"u","item":"c","rating":3,"timestamp":1.4e9}"#;
    let rows = [["a", "1400001011.0"], ["b", "1400001011.1234567"], ["c", "1.4e9"]];
    let rows = |separator: &str| {
        rows.map(|[item, time]| ["u", item, "3", time].join(separator) + "\n").concat()
    };
    let recbole = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n";
    let files = [
        format!("{HEADER}{}", rows(",")),
        format!("{recbole}{}", rows("\t")),
        rows("\t"),
        rows("::"),
        objects.to_owned(),
    ];
    for file in files {
        let ratings = read_bytes(&[file.as_bytes()]).unwrap();
        let times: Vec<_> = ratings.rows.iter().map(|row| row.rated_at).collect();
        let expected = [1_400_001_011_000_000, 1_400_001_011_123_456, 1_400_000_000_000_000];
        assert_eq!(times, expected, "{file}");
    }
}

#[test]
fn tab_separated_text_has_no_quotes() {
    let text = "user\titem\trating\ttimestamp\n1\t\"Heroes\"\t4\t7\n1\tHeroes\t3\t7\n\
        1\t12\" Mix\t2\t7\n1\t\"Weird Al\" Yankovic\t1\t7\n1\t\"open\t5\t7\n";
    let ratings = read_bytes(&[text.as_bytes()]).unwrap();
    assert_eq!(reasons(&ratings), []);
    let expected =
        [("\"Heroes\"", 4.0), ("\"Weird Al\" Yankovic", 1.0), ("\"open", 5.0), ("12\" Mix", 2.0)];
    let expected: Vec<_> = expected.into_iter().chain([("Heroes", 3.0)]).collect();
    let found: Vec<_> = triples(&ratings).iter().map(|row| (row.1, row.2)).collect();
    assert_eq!(found, expected);
    let quoted = "\"user\"\t\"item\"\t\"rating\"\t\"timestamp\"\n\"1\"\t\"2\"\t3\t7\n";
    let message = read_bytes(&[quoted.as_bytes()]).unwrap_err().to_string();
    assert!(message.contains("stands in quotes; tab-separated text has none"), "{message}");
}

#[test]
fn a_header_says_what_separates_fields() {
    let rows = |separator: &str, header: &str, quote: &str| {
        let row = ["1", "a b", "4.5", "7"].map(|field| format!("{quote}{field}{quote}"));
        format!("{}\n{}\n", header.replace(',', separator), row.join(separator))
    };
    let csv = "userId,movieId,rating,timestamp";
    let recbole = "user_id:token,item_id:token,rating:float,timestamp:float";
    for separator in [",", ";", "|"] {
        for header in [csv, recbole] {
            for quote in ["", "\""] {
                let text = rows(separator, header, quote);
                let ratings = read_bytes(&[text.as_bytes()]).unwrap();
                assert_eq!(triples(&ratings), [("1", "a b", 4.5)], "{text}");
                assert_eq!(reasons(&ratings), []);
            }
        }
    }
    // Whatever else the header holds.
    let text = "userId;movieId;\"rating\";timestamp;a,b,c\n1;\"2;\n3\";4,5;7;x\n1;\"2;3\";4;7;x\n";
    let ratings = read_bytes(&[text.as_bytes()]).unwrap();
    assert_eq!(triples(&ratings), [("1", "2;3", 4.0)]);
    assert_eq!(reasons(&ratings), [(2, "control character in id".to_owned())]);
    let folder = TempDir::new().unwrap();
    let path = put(&folder, "b", b"\"User-ID\";\"ISBN\";\"Book-Rating\"\r\n\"1\";\"11\";\"3\"\r\n");
    let reading = Reading {
        user_column: Some("User-ID".to_owned()),
        item_column: Some("ISBN".to_owned()),
        rating_column: Some("Book-Rating".to_owned()),
        implicit_timestamp: Some(0),
        ..Reading::default()
    };
    let books = IngestOptions { reading, ..options(&[path.to_str().unwrap()]) };
    assert_eq!(triples(&read(&books).unwrap()), [("1", "11", 3.0)]);
}
