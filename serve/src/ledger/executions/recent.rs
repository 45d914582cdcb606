//! Executions that ended lately, kept in memory for those who poll.

use std::collections::{HashMap, HashSet, VecDeque};
use std::mem::size_of;
use std::sync::Arc;

use akin_schemas::http::Output;

use crate::ledger::{ExecutionId, ExecutionRecord};

/// The longest-kept go first when there are too many bytes.
pub(super) struct Recent {
    records: HashMap<ExecutionId, Arc<ExecutionRecord>>,
    order: VecDeque<ExecutionId>,
    bytes: usize,
    most_bytes: usize,
}

impl Recent {
    /// Keeps about so many bytes.
    pub fn new(most_bytes: usize) -> Self {
        Self { records: HashMap::new(), order: VecDeque::new(), bytes: 0, most_bytes }
    }

    /// Keeps an execution that has ended, whose end is in the ledger.
    pub fn keep(&mut self, id: ExecutionId, record: Arc<ExecutionRecord>) {
        let bytes = size(&record);
        if bytes > self.most_bytes || self.records.contains_key(&id) {
            return;
        }
        self.bytes += bytes;
        self.order.push_back(id);
        self.records.insert(id, record);
        while self.bytes > self.most_bytes {
            let Some(oldest) = self.order.pop_front() else { return };
            self.bytes -= self.records.remove(&oldest).map_or(0, |record| size(&record));
        }
    }

    /// An execution, if it is still kept.
    pub fn get(&self, id: &ExecutionId) -> Option<&Arc<ExecutionRecord>> {
        self.records.get(id)
    }

    /// Those that are kept, oldest first.
    pub fn ids(&self) -> Vec<ExecutionId> {
        self.order.iter().copied().collect()
    }

    /// Keeps these no longer.
    pub fn forget(&mut self, gone: &HashSet<ExecutionId>) {
        for record in gone.iter().filter_map(|id| self.records.remove(id)) {
            self.bytes -= size(&record);
        }
        self.order.retain(|id| !gone.contains(id));
    }
}

/// What a record takes, with what surrounds it.
fn size(record: &ExecutionRecord) -> usize {
    let output = record.output().map_or(0, Output::bytes);
    let (error, cause) = record.failure();
    let failure = error.map_or(0, str::len) + cause.map_or(0, str::len);
    2 * size_of::<ExecutionRecord>() + record.input.len() + output + failure
}

#[cfg(test)]
mod tests {
    use akin_schemas::http::JsonText;
    use akin_schemas::{ItemId, UserId};

    use super::*;
    use crate::ledger::{Outcome, Submission};

    fn record(output: &str) -> Result<Arc<ExecutionRecord>, Box<dyn std::error::Error>> {
        let (user, item) = (UserId::try_from("abby")?, ItemId::try_from("1")?);
        let submission = Submission { user, item, rating: None, input: "{}".to_owned() };
        let end = Some((Outcome::Succeeded(JsonText::parse(output)?.into()), 9));
        Ok(Arc::new(ExecutionRecord { end, ..ExecutionRecord::running(&submission, None, 5) }))
    }

    #[test]
    fn the_oldest_make_room_and_what_never_fits_is_not_kept()
    -> Result<(), Box<dyn std::error::Error>> {
        let each = size(&*record("1000")?);
        let mut recent = Recent::new(3 * each);
        let ids: Vec<ExecutionId> = (0..5).map(ExecutionId::fresh).collect();
        for id in &ids {
            recent.keep(*id, record("1000")?);
        }
        let kept: Vec<bool> = ids.iter().map(|id| recent.get(id).is_some()).collect();
        assert_eq!(kept, [false, false, true, true, true]);
        let huge = ExecutionId::fresh(9);
        recent.keep(huge, record(&"1".repeat(4 * each))?);
        assert!(recent.get(&huge).is_none() && recent.get(&ids[2]).is_some());
        assert_eq!(recent.ids(), ids[2..]);
        recent.forget(&HashSet::from([ids[0], ids[3]]));
        assert_eq!((recent.ids(), recent.bytes), (vec![ids[2], ids[4]], 2 * each));
        Ok(())
    }
}
