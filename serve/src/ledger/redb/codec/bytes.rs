//! Fields to bytes and back.

use crate::ledger::LedgerError;

/// Most records are shorter, in bytes.
const USUAL_RECORD: usize = 192;

/// Puts a record together.
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn new(format: u8) -> Self {
        let mut bytes = Vec::with_capacity(USUAL_RECORD);
        bytes.push(format);
        Self(bytes)
    }

    /// Goes on after these bytes.
    pub(super) fn after(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.0.extend(value.to_le_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.0.extend(value.to_le_bytes());
    }

    pub(super) fn i64(&mut self, value: i64) {
        self.0.extend(value.to_le_bytes());
    }

    pub(super) fn f32(&mut self, value: f32) {
        self.0.extend(value.to_le_bytes());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
    }

    /// Bytes after their number.
    pub(super) fn counted(&mut self, bytes: &[u8]) {
        self.u64(bytes.len() as u64);
        self.bytes(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.counted(text.as_bytes());
    }

    pub(super) fn option<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Self, T)) {
        self.u8(value.is_some().into());
        if let Some(value) = value {
            put(self, value);
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Takes a record apart; whatever the bytes are, it answers with values or an error.
pub(super) struct Reader<'a> {
    what: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        what: &'static str,
        format: u8,
        bytes: &'a [u8],
    ) -> Result<Self, LedgerError> {
        let mut reader = Self::of(what, bytes);
        match reader.u8()? {
            found if found == format => Ok(reader),
            found => Err(reader.error(&format!("format {found} where {format} was expected"))),
        }
    }

    /// Of what does not begin with a format.
    pub(super) fn of(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { what, rest: bytes }
    }

    pub(super) fn error(&self, detail: &str) -> LedgerError {
        LedgerError::Record(format!("{} with {detail}", self.what))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], LedgerError> {
        let (field, rest) =
            self.rest.split_at_checked(count).ok_or_else(|| self.error("its end missing"))?;
        self.rest = rest;
        Ok(field)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], LedgerError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(super) fn u8(&mut self) -> Result<u8, LedgerError> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u32(&mut self) -> Result<u32, LedgerError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, LedgerError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, LedgerError> {
        self.array().map(i64::from_le_bytes)
    }

    pub(super) fn f32(&mut self) -> Result<f32, LedgerError> {
        self.array().map(f32::from_le_bytes)
    }

    /// Bytes after their number.
    pub(super) fn counted(&mut self) -> Result<&'a [u8], LedgerError> {
        // A length beyond the address space is beyond the record too.
        let length = usize::try_from(self.u64()?).unwrap_or(usize::MAX);
        self.take(length)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, LedgerError> {
        let bytes = self.counted()?;
        std::str::from_utf8(bytes).map_err(|_| self.error("a text that is not UTF-8"))
    }

    pub(super) fn id<T: TryFrom<&'a str>>(&mut self) -> Result<T, LedgerError> {
        let text = self.text()?;
        T::try_from(text).map_err(|_| self.error("a text that is not an id"))
    }

    pub(super) fn option<T>(
        &mut self,
        take: impl FnOnce(&mut Self) -> Result<T, LedgerError>,
    ) -> Result<Option<T>, LedgerError> {
        match self.u8()? {
            0 => Ok(None),
            1 => take(self).map(Some),
            other => Err(self.error(&format!("the mark {other}"))),
        }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// All that is left.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    pub(super) fn finish(self) -> Result<(), LedgerError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.error("bytes after its end")) }
    }
}
