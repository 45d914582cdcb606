//! What only a folder can get wrong.

use akin_store::{FolderStore, Store, open_existing_store, open_store};
use bytes::Bytes;

use crate::{key, temporary_store};

#[test]
fn a_creation_leaves_nothing_behind_but_the_object() {
    let store = temporary_store();
    store.create(&key("items/a.parquet"), Bytes::from_static(b"1")).unwrap();
    assert!(store.create(&key("items/a.parquet"), Bytes::from_static(b"2")).is_err());
    store.overwrite(&key("current.json"), Bytes::from_static(b"3")).unwrap();
    // Nor does a write that fails, here because a folder is in its way.
    std::fs::create_dir_all(store.folder.path().join("views.sql/in-the-way")).unwrap();
    assert!(store.overwrite(&key("views.sql"), Bytes::from_static(b"4")).is_err());
    let staged = std::fs::read_dir(store.folder.path().join(".staging")).unwrap().count();
    assert_eq!(staged, 0);
}

#[test]
fn what_a_broken_write_left_is_swept_when_it_is_old_and_told_to() {
    let store = temporary_store();
    let staging = store.folder.path().join(".staging");
    std::fs::create_dir(&staging).unwrap();
    for name in ["1-old", "2-young"] {
        std::fs::write(staging.join(name), "123").unwrap();
    }
    let hour = std::time::Duration::from_secs(3600);
    let old = std::fs::File::options().write(true).open(staging.join("1-old")).unwrap();
    old.set_modified(std::time::SystemTime::now() - 2 * hour).unwrap();
    let before = chrono::Utc::now() - hour;
    for remove in [false, true] {
        let swept = store.sweep(before, remove).unwrap();
        assert_eq!((swept.len(), swept[0].bytes), (1, 3));
        assert!(swept[0].name.ends_with("1-old"));
    }
    assert_eq!(store.sweep(before, true).unwrap(), []);
    assert!(staging.join("2-young").exists());
}

#[test]
fn the_folder_of_a_version_goes_with_its_last_file() {
    let store = temporary_store();
    let keys = ["items/version=v1/a.parquet", "items/version=v1/b.parquet", "work/a.parquet"];
    let keys = keys.map(key);
    let exists = |name: &str| store.folder.path().join(name).exists();
    for key in &keys {
        store.create(key, Bytes::from_static(b"1")).unwrap();
    }
    store.delete(&keys[0]).unwrap();
    assert!(exists("items/version=v1"));
    store.delete(&keys[1]).unwrap();
    store.delete(&keys[2]).unwrap();
    assert!(!exists("items/version=v1") && exists("items") && exists("work"));
}

#[test]
fn a_folder_that_is_gone_is_not_taken_for_an_empty_one() {
    let store = temporary_store();
    let before = key("manifests/00000000000000000001.json");
    store.create(&before, Bytes::from_static(b"1")).unwrap();
    let (root, away) = (store.folder.path(), store.folder.path().with_extension("away"));
    std::fs::rename(root, &away).unwrap();
    let refused = [
        store.list("manifests/", None).map(drop).unwrap_err(),
        store.create(&key("items/a.parquet"), Bytes::from_static(b"1")).unwrap_err(),
        store.overwrite(&key("current.json"), Bytes::from_static(b"1")).unwrap_err(),
    ];
    for error in refused {
        assert!(error.chain().contains("the store's folder is gone"), "{}", error.chain());
    }
    assert!(!root.exists());
    std::fs::rename(&away, root).unwrap();
    assert_eq!(store.list("manifests/", None).unwrap()[0].key, before);
}

#[test]
fn what_is_no_folder_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let error = open_store("s3:/bucket/prefix").err().unwrap().chain();
    assert!(error.contains("a bucket is written s3://bucket/prefix"), "{error}");
    for (location, expected) in
        [(file.to_str().unwrap(), "that is a file"), ("", "its name is empty")]
    {
        let error = open_store(location).err().unwrap().chain();
        assert!(error.contains(expected) && error.contains("give the path of a folder"), "{error}");
    }
}

#[test]
fn foreign_files_are_not_listed() {
    let store = temporary_store();
    store.create(&key("ratings/date=2026-01-01/a.parquet"), Bytes::from_static(b"1")).unwrap();
    for name in [".DS_Store", "with space.parquet", ".a.swp"] {
        std::fs::write(store.folder.path().join("ratings").join(name), "x").unwrap();
    }
    assert_eq!(store.list("ratings/", None).unwrap().len(), 1);
}

#[test]
fn a_mistyped_path_is_reported_and_no_folder_is_made_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let mistyped = folder.path().join("stroe");
    let error = open_existing_store(mistyped.to_str().unwrap()).err().unwrap();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(error.to_string().contains("stroe") && cause.contains("check the path"), "{cause}");
    assert!(!mistyped.exists());
    assert!(open_existing_store(folder.path().to_str().unwrap()).is_ok());
}

#[test]
fn a_location_that_cannot_be_a_store_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let error = FolderStore::open(&file).unwrap_err().to_string();
    assert!(error.contains("cannot open the store") && error.contains("file"), "{error}");
    let error = open_store("gs://bucket").err().unwrap();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(
        cause,
        "this build has no `gs` stores; give the path of a folder, or s3://bucket/prefix"
    );
}
