//! Where rejected records stand, without what is in them: that may name somebody.

use akin_schemas::{ObjectKey, VersionName};
use akin_store::{ErrorKind, Store, StoreError};

/// A rejected record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedAt {
    /// The file.
    pub file: String,
    /// The line of a text, or the row of a table, from 1.
    pub line: String,
    /// Why it was rejected.
    pub reason: String,
}

/// The records that a run rejected and kept to look at: the first thousand. Those of which it cannot be read where they
/// stand are left out.
///
/// # Errors
/// When the store fails.
pub fn rejected(store: &dyn Store, version: &VersionName) -> Result<Vec<RejectedAt>, StoreError> {
    match store.get(&ObjectKey::rejects(version)) {
        Ok(bytes) => Ok(places(&bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn places(csv: &[u8]) -> Vec<RejectedAt> {
    let records = csv::Reader::from_reader(csv).into_records();
    let field = |record: &csv::StringRecord, at| record.get(at).map(str::to_owned);
    let place = |record: csv::StringRecord| {
        let [file, line, reason] = [0, 1, 2].map(|at| field(&record, at));
        Some(RejectedAt { file: file?, line: line?, reason: reason? })
    };
    records.filter_map(Result::ok).filter_map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_reasons_are_read_and_nothing_else() {
        let csv =
            b"file,line,reason,text\n\"a,b.csv\",\"3\",\"not a number\",\"ann,1,\"\"x\n\"\n\"b\"\n";
        let place = RejectedAt {
            file: "a,b.csv".to_owned(),
            line: "3".to_owned(),
            reason: "not a number".to_owned(),
        };
        assert_eq!(places(csv), [place]);
        assert_eq!(places(b""), []);
    }
}
