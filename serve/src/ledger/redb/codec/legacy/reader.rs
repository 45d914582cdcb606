//! Fields of older records out of bytes.

use crate::ledger::LedgerError;

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
