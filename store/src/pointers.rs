//! What people and scripts look at after a commit: `current.json` and `views.sql`. No program trusts them.

use akin_schemas::{Manifest, ObjectKey, PartEntry};
use bytes::Bytes;

use crate::Store;
use crate::open::{OpenError, published_sequences, read_manifest};

/// Writes `current.json` (the manifest's body) and `views.sql` (DuckDB views) for the newest publication. Of two runs
/// that overlap here, whoever writes last points at the newest: each looks again after it wrote.
///
/// # Errors
/// When the store fails. The commit stands all the same.
pub fn write_pointers(store: &dyn Store) -> Result<(), OpenError> {
    write_newer(store, None)
}

/// The same after this publication was committed.
///
/// # Errors
/// The same.
pub fn write_pointers_after(store: &dyn Store, committed: &Manifest) -> Result<(), OpenError> {
    write_pointers_to(store, committed)?;
    write_newer(store, Some(committed.sequence))
}

fn write_newer(store: &dyn Store, mut written: Option<u64>) -> Result<(), OpenError> {
    while let Some(sequence) = published_sequences(store, written)?.last().copied() {
        write_pointers_to(store, &read_manifest(store, sequence)?)?;
        written = Some(sequence);
    }
    Ok(())
}

fn write_pointers_to(store: &dyn Store, manifest: &Manifest) -> Result<(), OpenError> {
    let mut current = serde_json::to_vec_pretty(manifest).unwrap_or_default();
    current.push(b'\n');
    store.overwrite(&ObjectKey::current(), Bytes::from(current))?;
    store.overwrite(&ObjectKey::views(), Bytes::from(views(&store.location(), manifest)))?;
    Ok(())
}

fn views(location: &str, manifest: &Manifest) -> String {
    // DuckDB takes every path for a pattern.
    let root = as_pattern(location);
    let files = |parts: &[PartEntry]| -> Vec<String> {
        parts.iter().map(|part| format!("{root}/{}", part.key)).collect()
    };
    let parts = &manifest.parts;
    // The first file gives the columns: this one is there for as long as the version is.
    let ledger: Vec<String> =
        files(&parts.profiles).into_iter().take(1).chain([format!("{root}/{LEDGER}")]).collect();
    format!(
        "-- Version {}, publication {}. Written after each commit; read it with: duckdb -init views.sql\n{}{}{}\
         CREATE OR REPLACE VIEW ratings AS SELECT user_id, item_id, rating, rated_at FROM profiles WHERE rating IS NOT NULL;\n\
         -- What servers have accepted: the segments that are there when it is asked, of which there may be none.\n\
         CREATE OR REPLACE VIEW ledger AS SELECT * EXCLUDE (filename) FROM {} WHERE starts_with(filename, {});\n",
        manifest.version,
        manifest.sequence,
        view("neighbours", &files(&parts.neighbours)),
        view("items", &files(&parts.items)),
        view("profiles", &files(&parts.profiles)),
        reading(&ledger, ", filename = true"),
        quoted(&format!("{location}/{}", ObjectKey::RATINGS)),
    )
}

/// A pattern of DuckDB that matches all segments, and the profiles of every version: one that matches nothing is an error
/// there. By their names the profiles are left out again, unread.
const LEDGER: &str = "[pr][ra]*/*/*.parquet";

fn view(name: &str, files: &[String]) -> String {
    format!("CREATE OR REPLACE VIEW {name} AS SELECT * FROM {};\n", reading(files, ""))
}

fn reading(files: &[String], options: &str) -> String {
    let files: Vec<String> = files.iter().map(|file| format!("    {}", quoted(file))).collect();
    format!("read_parquet([\n{}\n], hive_partitioning = false{options})", files.join(",\n"))
}

/// A text in SQL.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The pattern that matches this path alone.
fn as_pattern(path: &str) -> String {
    let escaped = |c: char| if "[*?".contains(c) { format!("[{c}]") } else { c.to_string() };
    path.chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const MANIFEST: &[u8] = include_bytes!(
        "../../tests/fixtures/store-schema-1/store/manifests/00000000000000000001.json"
    );

    #[test]
    fn a_views_files_are_those_of_the_store_alone_whatever_its_folder_is_called() {
        let manifest = Manifest::decode(MANIFEST).unwrap();
        let sql = views("/it's [old]*/a?", &manifest);
        let key = &manifest.parts.profiles[0].key;
        let root = "/it''s [[]old][*]/a[?]";
        assert_eq!(sql.matches(&format!("'{root}/{key}'")).count(), 2, "{sql}");
        assert!(sql.contains(&format!("'{root}/[pr][ra]*/*/*.parquet'")), "{sql}");
        assert!(sql.contains("starts_with(filename, '/it''s [old]*/a?/ratings/')"), "{sql}");
        for view in ["neighbours", "items", "profiles", "ratings", "ledger"] {
            assert!(sql.contains(&format!("CREATE OR REPLACE VIEW {view} AS SELECT ")), "{sql}");
        }
    }

    #[test]
    fn the_pattern_of_segments_fits_segments_and_the_part_that_gives_the_columns() {
        let manifest = Manifest::decode(MANIFEST).unwrap();
        let segment = ObjectKey::segment("2026-11-23".parse().unwrap(), "ledger-a", 1);
        let steps = |key: &ObjectKey| key.as_str().split('/').count();
        for key in [&segment, &manifest.parts.profiles[0].key] {
            assert!(key.as_str().starts_with("pr") || key.as_str().starts_with("ra"), "{key}");
            assert_eq!(steps(key), LEDGER.split('/').count(), "{key}");
        }
    }
}
