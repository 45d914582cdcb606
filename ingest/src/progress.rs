//! How reading tells a person how far it is.

/// Is told of bytes read, by several threads. Bytes are counted as they lie on disk, compressed where the file is.
pub trait Progress: Sync {
    /// Work begins. No total where an input is a pipe.
    fn begin(&self, total_bytes: Option<u64>, what: &str);
    /// So many more bytes are read.
    fn advance(&self, bytes: u64);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn begin(&self, _total_bytes: Option<u64>, _what: &str) {}
    fn advance(&self, _bytes: u64) {}
}
