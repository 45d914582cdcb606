//! A checkpoint: what stands after an entry as one Parquet file, so that readers need not take in all entries before it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Int32Array, Int64Array, ListBuilder, MapBuilder, RecordBatch,
    StringArray, StringBuilder, StructArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{Field, Schema};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::actions::{CONFIGURATION, WRITER_FEATURE, stats};
use super::columns::schema_string;
use super::entry::path;
use super::state::LogState;
use super::table::LoggedTable;
use crate::manifest::Manifest;
use crate::tables::TableError;

/// Entries from one checkpoint to the next.
pub const CHECKPOINT_EVERY: u64 = 100;

/// A table's checkpoint.
#[derive(Debug)]
pub struct Checkpoint {
    /// The Parquet file.
    pub bytes: Bytes,
    /// What `_last_checkpoint` says of it, by which readers find it.
    pub hint: Bytes,
}

/// The rows, one action each: the protocol, the metadata, the files that stand, and those that stand no more.
struct Rows {
    adds: Vec<(String, i64, u64)>,
    /// Paths and since when, in milliseconds since 1970.
    removes: BTreeMap<String, i64>,
}

impl Rows {
    fn len(&self) -> usize {
        2 + self.adds.len() + self.removes.len()
    }

    /// A column of an action that has so many rows from row `first` on: null in all others.
    fn spread<T>(&self, first: usize, values: impl IntoIterator<Item = T>) -> Vec<Option<T>> {
        let mut column: Vec<Option<T>> = (0..self.len()).map(|_| None).collect();
        column.iter_mut().skip(first).zip(values).for_each(|(row, value)| *row = Some(value));
        column
    }

    fn texts(&self, first: usize, values: impl IntoIterator<Item = String>) -> ArrayRef {
        Arc::new(StringArray::from(self.spread(first, values)))
    }

    fn longs(&self, first: usize, values: impl IntoIterator<Item = i64>) -> ArrayRef {
        Arc::new(Int64Array::from(self.spread(first, values)))
    }

    fn trues(&self, first: usize, count: usize) -> ArrayRef {
        Arc::new(BooleanArray::from(self.spread(first, vec![true; count])))
    }

    fn lists(&self, first: usize, texts: &[&str]) -> ArrayRef {
        let mut builder = ListBuilder::new(StringBuilder::new());
        for row in 0..self.len() {
            if row == first {
                texts.iter().for_each(|text| builder.values().append_value(text));
            }
            builder.append(row == first);
        }
        Arc::new(builder.finish())
    }

    fn maps(
        &self,
        first: usize,
        count: usize,
        entries: &[(&str, &str)],
    ) -> Result<ArrayRef, TableError> {
        let mut builder = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        for row in 0..self.len() {
            let is_set = (first..first + count).contains(&row);
            for (key, value) in entries.iter().filter(|_| is_set) {
                builder.keys().append_value(key);
                builder.values().append_value(value);
            }
            builder.append(is_set)?;
        }
        Ok(Arc::new(builder.finish()))
    }

    /// An action's column: present in so many rows from row `first` on.
    fn action(
        &self,
        first: usize,
        count: usize,
        columns: Vec<(&str, ArrayRef)>,
    ) -> Result<ArrayRef, TableError> {
        let fields =
            columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true));
        let fields = fields.collect::<Vec<_>>().into();
        let present =
            NullBuffer::from_iter((0..self.len()).map(|row| (first..first + count).contains(&row)));
        let arrays = columns.into_iter().map(|(_, array)| array).collect();
        Ok(Arc::new(StructArray::try_new(fields, arrays, Some(present))?))
    }
}

impl LogState {
    /// A table's checkpoint after the entry that led to this state, of which `manifest` is the publication. `published` are the
    /// publications before it that can be read, oldest first.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn checkpoint(
        &self,
        table: LoggedTable,
        manifest: &Manifest,
        published: &[Manifest],
    ) -> Result<Checkpoint, TableError> {
        let parts = table.parts(&manifest.parts);
        let adds =
            parts.iter().map(|part| (path(table, &part.key), part.bytes.cast_signed(), part.rows));
        let mut removes = BTreeMap::new();
        for (at, earlier) in published.iter().enumerate() {
            let next = published.get(at + 1).unwrap_or(manifest).started_at.timestamp_millis();
            let named = table.parts(&earlier.parts).iter().map(|part| path(table, &part.key));
            removes.extend(named.map(|path| (path, next)));
        }
        let adds: Vec<_> = adds.collect();
        removes.retain(|path, _| adds.iter().all(|(standing, ..)| standing != path));
        let rows = Rows { adds, removes };
        let bytes = Bytes::from(self.checkpoint_file(table, &rows)?);
        let hint = serde_json::json!({
            "version": self.number(),
            "size": rows.len(),
            "sizeInBytes": bytes.len(),
            "numOfAddFiles": rows.adds.len(),
        });
        Ok(Checkpoint { bytes, hint: Bytes::from(hint.to_string()) })
    }

    fn checkpoint_file(&self, table: LoggedTable, rows: &Rows) -> Result<Vec<u8>, TableError> {
        let integers =
            |value: i32| -> ArrayRef { Arc::new(Int32Array::from(rows.spread(0, [value]))) };
        let protocol = rows.action(
            0,
            1,
            vec![
                ("minReaderVersion", integers(1)),
                ("minWriterVersion", integers(7)),
                ("writerFeatures", rows.lists(0, &[WRITER_FEATURE])),
            ],
        )?;
        let format = rows.action(
            1,
            1,
            vec![
                ("provider", rows.texts(1, ["parquet".to_owned()])),
                ("options", rows.maps(1, 1, &[])?),
            ],
        )?;
        let metadata = rows.action(
            1,
            1,
            vec![
                ("id", rows.texts(1, [self.table_id(table)])),
                ("name", rows.texts(1, [table.name().to_owned()])),
                ("description", rows.texts(1, [table.description().to_owned()])),
                ("format", format),
                ("schemaString", rows.texts(1, [schema_string(&table.schema())])),
                ("partitionColumns", rows.lists(1, &[])),
                ("createdTime", rows.longs(1, [self.timestamp])),
                ("configuration", rows.maps(1, 1, &CONFIGURATION)?),
            ],
        )?;
        let (count, at) = (rows.adds.len(), 2);
        let add = rows.action(
            at,
            count,
            vec![
                ("path", rows.texts(at, rows.adds.iter().map(|(path, ..)| path.clone()))),
                ("partitionValues", rows.maps(at, count, &[])?),
                ("size", rows.longs(at, rows.adds.iter().map(|(_, bytes, _)| *bytes))),
                ("modificationTime", rows.longs(at, vec![self.timestamp; count])),
                ("dataChange", rows.trues(at, count)),
                ("stats", rows.texts(at, rows.adds.iter().map(|(.., rows)| stats(*rows)))),
            ],
        )?;
        let (at, count) = (at + count, rows.removes.len());
        let remove = rows.action(
            at,
            count,
            vec![
                ("path", rows.texts(at, rows.removes.keys().cloned())),
                ("deletionTimestamp", rows.longs(at, rows.removes.values().copied())),
                ("dataChange", rows.trues(at, count)),
            ],
        )?;
        let columns =
            [("protocol", protocol), ("metaData", metadata), ("add", add), ("remove", remove)];
        let field =
            |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), true);
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        let batch = RecordBatch::try_new(
            schema.clone(),
            columns.into_iter().map(|(_, array)| array).collect(),
        )?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
            .set_created_by("akin".to_owned());
        let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties.build()))?;
        writer.write(&batch)?;
        Ok(writer.into_inner()?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use arrow::array::{Array, AsArray};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use crate::checksum::Checksum;
    use crate::key::ObjectKey;
    use crate::manifest::PartEntry;
    use crate::version::VersionName;

    const MANIFEST: &[u8] = include_bytes!(
        "../../../tests/fixtures/store-schema-1/store/manifests/00000000000000000001.json"
    );

    fn manifest(sequence: u64, names: &[u32]) -> Manifest {
        let part = |&name: &u32| PartEntry {
            key: ObjectKey::items_part(&VersionName::new(chrono::DateTime::UNIX_EPOCH, name), 0),
            bytes: 9,
            rows: 3,
            sha256: Checksum::of(b"part"),
        };
        let mut manifest = Manifest::decode(MANIFEST).unwrap();
        manifest.parts.items = names.iter().map(part).collect();
        Manifest { sequence, ..manifest }
    }

    #[test]
    fn a_checkpoint_has_what_stands_and_what_stood_each_once() {
        const ITEMS: LoggedTable = LoggedTable::Items;
        // The third goes back to what the first named, and one more.
        let published = [manifest(1, &[1]), manifest(2, &[2, 3])];
        let newest = manifest(3, &[1, 4]);
        let state = LogState::next(None, 3, Some(&newest));
        let checkpoint = state.checkpoint(ITEMS, &newest, &published).unwrap();
        let mut reader =
            ParquetRecordBatchReaderBuilder::try_new(checkpoint.bytes).unwrap().build().unwrap();
        let batch = reader.next().unwrap().unwrap();
        let paths = |action: &str| -> Vec<String> {
            let action = batch.column_by_name(action).unwrap().as_struct();
            let paths = action.column_by_name("path").unwrap().as_string::<i32>();
            (0..batch.num_rows())
                .filter(|&row| action.is_valid(row))
                .map(|row| paths.value(row).to_owned())
                .collect()
        };
        let named = |manifest: &Manifest| -> Vec<String> {
            manifest.parts.items.iter().map(|part| path(ITEMS, &part.key)).collect()
        };
        assert_eq!(paths("add"), named(&newest));
        assert_eq!(paths("remove"), named(&published[1]));
        assert_eq!(batch.num_rows(), 6);
        for action in ["protocol", "metaData"] {
            assert_eq!(batch.column_by_name(action).unwrap().null_count(), 5, "{action}");
        }
        let metadata = batch.column_by_name("metaData").unwrap().as_struct();
        let schema = metadata.column_by_name("schemaString").unwrap().as_string::<i32>().value(1);
        assert_eq!(schema, schema_string(&ITEMS.schema()));
    }
}
