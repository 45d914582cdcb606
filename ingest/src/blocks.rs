//! Reads here and there in a remote file, in blocks of which the latest are kept.
//!
//! A reader of Parquet goes through the columns it wants at once, each from page to page; every page alone would be a
//! request or two. Columns that nobody wants are not fetched, but for what shares a block.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use super::remote::{RemoteError, RemoteObject};

/// The size of a block, in bytes.
const BLOCK: u64 = 4 << 20;
/// Blocks that are kept for each row group that is read at once: two for each of four columns. A row group is gone through
/// twice, for its pages' headers and for the pages: what it has beyond these blocks is fetched twice.
const KEPT: usize = 8;

type Fetch = dyn Fn(Range<u64>) -> Result<Bytes, RemoteError> + Send + Sync;

/// A remote file.
#[derive(Clone)]
pub(super) struct Blocks {
    bytes: u64,
    block: u64,
    fetch: Arc<Fetch>,
    /// How many are kept.
    most: usize,
    /// Number and content, the one used last at the end.
    kept: Arc<Mutex<VecDeque<(u64, Block)>>>,
}

/// What was fetched, or nothing yet: who holds it fetches it, and others wait for no block but that.
type Block = Arc<Mutex<Option<Bytes>>>;

impl Blocks {
    /// An object in S3, of which so many row groups are read at once.
    pub(super) fn of(input: Arc<dyn RemoteObject>, at_once: usize) -> Self {
        let blocks = Self::new(input.bytes(), BLOCK, move |range| input.read_range(range));
        Self { most: KEPT * at_once.max(1), ..blocks }
    }

    pub(super) fn new(
        bytes: u64,
        block: u64,
        fetch: impl Fn(Range<u64>) -> Result<Bytes, RemoteError> + Send + Sync + 'static,
    ) -> Self {
        Self { bytes, block, fetch: Arc::new(fetch), most: KEPT, kept: Arc::default() }
    }

    /// What the file holds from `at` to the end of the block in which that lies; nothing behind its end.
    fn rest_of_block(&self, at: u64) -> Result<Bytes, RemoteError> {
        if at >= self.bytes {
            return Ok(Bytes::new());
        }
        let number = at / self.block;
        let start = number * self.block;
        let block = self.kept(number);
        let mut fetched = block.lock().unwrap_or_else(PoisonError::into_inner);
        let block = match &*fetched {
            Some(block) => block.clone(),
            None => {
                let block = (self.fetch)(start..self.bytes.min(start + self.block))?;
                fetched.insert(block).clone()
            }
        };
        Ok(block.slice((at - start) as usize..))
    }

    /// A block that is kept from now on.
    fn kept(&self, number: u64) -> Block {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().position(|(kept, _)| *kept == number);
        let found = found.and_then(|place| kept.remove(place));
        let block = found.map_or_else(Block::default, |(_, block)| block);
        if kept.len() == self.most {
            kept.pop_front();
        }
        kept.push_back((number, block.clone()));
        block
    }
}

impl fmt::Debug for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocks").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Length for Blocks {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for Blocks {
    type T = BlockReader;

    fn get_read(&self, start: u64) -> Result<BlockReader, ParquetError> {
        Ok(BlockReader { blocks: self.clone(), at: start })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let mut read = self.rest_of_block(start).map_err(told)?;
        if read.len() >= length {
            read.truncate(length);
            return Ok(read);
        }
        // Not by what a damaged file claims, but by what there is.
        let mut whole = BytesMut::from(&read[..]);
        while whole.len() < length {
            read = self.rest_of_block(start + whole.len() as u64).map_err(told)?;
            if read.is_empty() {
                let (found, end) = (whole.len(), self.bytes);
                let text = format!("{length} bytes at {start} of {end}: only {found} are there");
                return Err(ParquetError::EOF(text));
            }
            whole.extend_from_slice(&read[..read.len().min(length - whole.len())]);
        }
        Ok(whole.freeze())
    }
}

/// Reads from some place on.
#[derive(Debug)]
pub(super) struct BlockReader {
    blocks: Blocks,
    at: u64,
}

impl Read for BlockReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let rest = self.blocks.rest_of_block(self.at).map_err(|e| io::Error::other(told(e)))?;
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        self.at += length as u64;
        Ok(length)
    }
}

/// With its cause, which the Parquet library would not tell.
fn told(error: RemoteError) -> ParquetError {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    ParquetError::General(format!("{error}{cause}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn alphabet(fetched: &Arc<Mutex<Vec<Range<u64>>>>) -> Blocks {
        let (bytes, fetched) = (Bytes::from_static(b"abcdefghijklmnopqrstuvwxyz"), fetched.clone());
        Blocks::new(26, 5, move |range| {
            fetched.lock().unwrap().push(range.clone());
            Ok(bytes.slice(range.start as usize..range.end as usize))
        })
    }

    #[test]
    fn any_range_reads_as_it_stands_in_the_file() {
        let whole = b"abcdefghijklmnopqrstuvwxyz";
        let blocks = alphabet(&Arc::default());
        for start in 0..=26 {
            for length in 0..=26 - start {
                let read = blocks.get_bytes(start as u64, length).unwrap();
                assert_eq!(read, whole[start..start + length]);
            }
            assert!(blocks.get_bytes(start as u64, 27 - start).is_err());
            let mut read = Vec::new();
            blocks.get_read(start as u64).unwrap().read_to_end(&mut read).unwrap();
            assert_eq!(read, whole[start..]);
        }
        assert!(blocks.get_bytes(u64::MAX, 1).is_err());
    }

    #[test]
    fn blocks_are_fetched_once_while_they_are_kept() {
        let fetched = Arc::default();
        let blocks = alphabet(&fetched);
        for start in [7, 22, 8, 23, 5, 24] {
            blocks.get_bytes(start, 2).unwrap();
        }
        assert_eq!(*fetched.lock().unwrap(), [5..10, 20..25, 25..26]);
    }
}
