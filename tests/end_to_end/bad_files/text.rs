//! Text files.

use super::Case;

/// A file of ratings with these rows.
pub fn of(rows: &str) -> Vec<u8> {
    format!("userId,movieId,rating,timestamp\n{rows}").into_bytes()
}

pub fn cases() -> Vec<Case> {
    let everyone: String =
        (0..2_000).map(|user| format!("u{user},1,4,7\nu{user},x{},5,7\n", user % 7)).collect();
    let busy: String = (0..5_000).map(|item| format!("u,{item},4,7\nv,{item},3,7\n")).collect();
    vec![
        ("zero-bytes.csv", vec![], 3, "the file is empty"),
        ("header-only.csv", of(""), 3, "no ratings"),
        ("no-header.csv", b"1,1,5,1\n1,2,5,1\n".to_vec(), 3, "there is no header"),
        (
            "swapped-columns.csv",
            of("881250949,1,1,5\n1,4,3,881250949\n7,2,881250949,4\n"),
            3,
            "outside the rating range",
        ),
        ("nan.csv", of("1,1,NaN,1\n1,2,5,1\n"), 3, "not finite"),
        ("null.csv", of("1,1,,1\n1,2,5,1\n"), 3, "not a number"),
        ("unterminated-quote.csv", of("\"1,1,5,1\n1,2,5,1\n"), 3, "unterminated quote"),
        ("binary.csv", [&of("")[..], &[0, 159, 146, 150, b'\n']].concat(), 3, "number of fields"),
        ("archive.zip", b"PK\x03\x04\x14\0\0\0\x08\0".to_vec(), 3, "this is a zip archive"),
        ("ratings.zst", b"\x28\xb5\x2f\xfd\x04\x00".to_vec(), 3, "zstd; unpack it"),
        ("utf-16.csv", b"\xff\xfeu\0s\0e\0r\0".to_vec(), 3, "UTF-16 text; convert it"),
        ("page.html", b"<!DOCTYPE html>\n".to_vec(), 3, "this is a web page (HTML)"),
        ("milliseconds.csv", of("1,1,5,1260759144000\n"), 3, "timestamps are seconds"),
        ("year-9999.csv", of("1,1,5,253402300799\n"), 3, "dated more than a day ahead"),
        ("before-1970.csv", of("1,1,5,-1\n"), 3, "dated before 1970"),
        ("in-1970.csv", of("1,1,5,0\n2,1,4,0\n"), 0, r#""ratings":2,"#),
        ("crlf.csv", of("1,1,5,1\r\n1,2,5,1\r\n"), 0, r#""ratings":2,"#),
        ("same-time.csv", of("1,1,5,1\n1,1,4,1\n2,1,3,1\n"), 0, r#""ratings":2,"#),
        ("mixed-ids.csv", of("1,1,5,1\nabby,01,4,1\n1,tt01,3,1\n"), 0, r#""items":3,"#),
        ("everyone-rated-it.csv", of(&everyone), 0, r#""pairs":14,"#),
        // Every item is every other one's neighbour: 100 are kept of each.
        ("busy-users.csv", of(&busy), 0, r#""pairs":500000,"#),
    ]
}
