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
    let mut written = None;
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
    store.overwrite(&ObjectKey::views(), Bytes::from(views(store, manifest)))?;
    Ok(())
}

fn views(store: &dyn Store, manifest: &Manifest) -> String {
    let root = store.location().replace('\'', "''");
    let view = |name: &str, parts: &[PartEntry]| {
        let files: Vec<String> =
            parts.iter().map(|part| format!("    '{root}/{}'", part.key)).collect();
        format!(
            "CREATE OR REPLACE VIEW {name} AS SELECT * FROM read_parquet([\n{}\n], hive_partitioning = false);\n",
            files.join(",\n")
        )
    };
    format!(
        "-- Version {}, publication {}. Written after each commit; read it with: duckdb -init views.sql\n{}{}{}\
         CREATE OR REPLACE VIEW ratings AS SELECT user_id, item_id, rating, rated_at FROM profiles WHERE rating IS NOT NULL;\n",
        manifest.version,
        manifest.sequence,
        view("neighbours", &manifest.parts.neighbours),
        view("items", &manifest.parts.items),
        view("profiles", &manifest.parts.profiles),
    )
}
