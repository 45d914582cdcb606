//! Which files are read, in which order, and as what.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::columnar::{parquet, plain_columns};
use super::*;

#[test]
fn a_source_that_is_not_there_is_refused_with_a_remedy() {
    let folder = TempDir::new().unwrap();
    let inside = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::os::unix::fs::symlink(inside("gone"), inside("dangling.csv")).unwrap();
    let cases = [
        (inside("none.csv"), "there is no such file; check the path"),
        (inside("dangling.*"), "there is no such file"),
        (inside("*.tsv"), "no file matches; check the pattern"),
        (inside("a***"), "correct the pattern"),
        (inside("no-data"), "this is a folder without a file of data; check the path"),
    ];
    fs::create_dir_all(inside("no-data/_temporary")).unwrap();
    fs::write(inside("no-data/_SUCCESS"), "").unwrap();
    for (source, expected) in cases {
        let message = read(&options(&[&source])).unwrap_err().to_string();
        assert!(message.contains(expected), "{source}: {message}");
    }
    assert!(read(&options(&[])).unwrap_err().to_string().contains("name at least one"));
}

#[test]
fn ties_go_to_the_later_argument_then_file_then_line() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, rows: &str| {
        put(&folder, name, format!("{HEADER}{rows}").as_bytes()).to_str().unwrap().to_owned()
    };
    // Bytewise, capitals come before small letters and 10 before 9.
    file("B-10.csv", "u,i,1,7\nu,j,1,7\nu,j,2,7\n");
    file("B-9.csv", "u,i,3,7\n");
    file("a.csv", "u,i,4,7\nu,k,4,8\n");
    file(".hidden.csv", "u,i,9,9\n");
    let glob = folder.path().join("*.csv").to_str().unwrap().to_owned();
    let one = file("[x]", "u,i,5,7\nu,k,5,7\n");
    let found = |sources: &[&str]| {
        let ratings = read(&options(sources)).unwrap();
        triples(&ratings).iter().map(|row| row.2).collect::<Vec<_>>()
    };
    assert_eq!(found(&[&glob]), [4.0, 2.0, 4.0]);
    assert_eq!(found(&[&glob, &one]), [5.0, 2.0, 4.0]);
    assert_eq!(found(&[&one, &glob]), [4.0, 2.0, 4.0]);
    let ratings = read(&options(&[&glob, &one])).unwrap();
    let names: Vec<_> =
        ratings.files.iter().map(|f| Path::new(&f.path).file_name().unwrap()).collect();
    assert_eq!(names, ["B-10.csv", "B-9.csv", "a.csv", "[x]"]);
}

/// What Spark leaves: data, markers, checksums, unfinished work, and a part for each empty partition.
fn written_by_an_engine(folder: &TempDir) -> [String; 3] {
    let table = folder.path().join("table");
    let data = |rows: &str| format!("{HEADER}{rows}").into_bytes();
    for (name, bytes) in [
        ("_SUCCESS", vec![]),
        ("._SUCCESS.crc", b"crc".to_vec()),
        (".part-0.csv.crc", b"crc".to_vec()),
        ("_temporary/0/part-9.csv", data("w,9,1,9\n")),
        ("part-0.csv", data("u,i,1,7\n")),
        ("part-1.csv", vec![]),
        ("part-2.csv.gz", gzip(b"")),
        ("part-3.csv", data("")),
        ("day=2/part-0.csv", data("u,i,2,7\nv,j,3,7\n")),
        ("day=2/_started", b"x".to_vec()),
    ] {
        let path = table.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    std::os::unix::fs::symlink(&table, table.join("day=2/back")).unwrap();
    let named = |more: &str| format!("{}{more}", table.to_str().unwrap());
    [named("/*"), named(""), named("/")]
}

#[test]
fn markers_and_empty_parts_are_passed_over_in_folders_and_where_a_pattern_matches() {
    let folder = TempDir::new().unwrap();
    for source in written_by_an_engine(&folder) {
        let ratings = read(&options(&[&source])).unwrap();
        // In bytewise order `day=2` comes first.
        assert_eq!(triples(&ratings), [("u", "i", 1.0), ("v", "j", 3.0)], "{source}");
        let names: Vec<_> =
            ratings.files.iter().map(|f| Path::new(&f.path).file_name().unwrap()).collect();
        assert_eq!(names, ["part-0.csv", "part-0.csv", "part-3.csv"], "{source}");
        let preview = Preview::of(&options(&[&source])).unwrap();
        assert_eq!((preview.files.len(), preview.rows()), (3, 3), "{source}");
    }
    // What a person names is read or refused.
    for (name, expected) in [
        ("_SUCCESS", "the file is empty"),
        ("part-1.csv", "the file is empty"),
        ("part-2.csv.gz", "the file is empty"),
        (".part-0.csv.crc", "no header"),
    ] {
        let named = folder.path().join("table").join(name);
        let message = read(&options(&[named.to_str().unwrap()])).unwrap_err().to_string();
        assert!(message.contains(expected), "{name}: {message}");
    }
    let named = folder.path().join("table/_temporary/*/part-9.csv");
    assert_eq!(read(&options(&[named.to_str().unwrap()])).unwrap().rows.len(), 1);
}

#[test]
fn a_catalogue_may_be_a_folder_or_a_pattern() {
    let folder = TempDir::new().unwrap();
    for (name, text) in [("a", "item,title\n1,One\n"), ("b", "item,genres\n2,War\n"), ("_c", "")] {
        put(&folder, name, text.as_bytes());
    }
    for source in [folder.path().to_owned(), folder.path().join("*")] {
        let catalogue =
            read_catalogue(&IngestOptions { items: Some(source), ..options(&[]) }).unwrap();
        assert_eq!((catalogue.item_count(), catalogue.title_count()), (2, 1));
    }
}

#[test]
fn compressed_files_are_recognised_by_content_and_read_to_their_last_member() {
    let members = [gzip(HEADER.as_bytes()), gzip(b"a,1,3,7\n"), gzip(b"a,2,4,7\n")].concat();
    let ratings = read_bytes(&[&members]).unwrap();
    assert_eq!(triples(&ratings), [("a", "1", 3.0), ("a", "2", 4.0)]);
    assert_eq!(ratings.files[0].format, Format::TextGzip);
}

#[test]
fn a_pipe_is_opened_once_and_read_as_it_comes() {
    for packed in [false, true] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let text = format!("{HEADER}a,1,3,7\na,2,4,7\n").into_bytes();
        let bytes = if packed { gzip(&text) } else { text };
        let target = path.clone();
        std::thread::spawn(move || {
            let mut pipe = fs::OpenOptions::new().write(true).open(target).unwrap();
            for byte in bytes {
                pipe.write_all(&[byte]).unwrap();
            }
        });
        // What a first opening takes out of a pipe a second one lacks, or it waits for ever.
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            sender.send(read(&options(&[path.to_str().unwrap()]))).unwrap();
        });
        let ratings = receiver.recv_timeout(Duration::from_secs(20)).unwrap().unwrap();
        assert_eq!(triples(&ratings), [("a", "1", 3.0), ("a", "2", 4.0)]);
    }
}

#[derive(Default)]
struct Told {
    total: AtomicU64,
    advanced: AtomicU64,
}

impl Progress for Told {
    fn begin(&self, total_bytes: Option<u64>, _what: &str) {
        self.total.fetch_add(total_bytes.unwrap_or(u64::MAX), Ordering::Relaxed);
    }
    fn advance(&self, bytes: u64) {
        self.advanced.fetch_add(bytes, Ordering::Relaxed);
    }
}

#[test]
fn progress_ends_at_the_total() {
    let folder = TempDir::new().unwrap();
    let text = format!("{HEADER}{}", "a,1,3,7\n".repeat(10_000));
    let sources = [
        put(&folder, "a", text.as_bytes()),
        put(&folder, "b", &gzip(text.as_bytes())),
        put(&folder, "c", &parquet(&plain_columns())),
    ];
    let options = options(&sources.iter().map(|path| path.to_str().unwrap()).collect::<Vec<_>>());
    let told = Told::default();
    read_files(&options, &mut Collector::new(1 << 30), &told).unwrap();
    let total = told.total.into_inner();
    let advanced = told.advanced.into_inner();
    // The four bytes that show what a Parquet file is are counted twice.
    assert!(total > 80_000 && (total..=total + 4).contains(&advanced), "{total} {advanced}");
}
