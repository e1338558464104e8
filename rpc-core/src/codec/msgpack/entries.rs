//! Writes the entries of a map, with their names as bytes.

use serde::Serialize;

use crate::codec::buffer::Buffer;
use crate::codec::entries::EncodeEntries;
use crate::codec::error::EncodeError;

/// The entries of a map that is being written.
pub(crate) struct Entries<'a> {
    buffer: &'a mut Buffer,
}

impl<'a> Entries<'a> {
    /// The number of entries that a map has at most whose header is one byte.
    pub(in crate::codec) const MAX: usize = 15;

    /// Begins a map of `length` entries, at most [`MAX`](Self::MAX).
    #[inline]
    pub(in crate::codec) fn new(buffer: &'a mut Buffer, length: usize) -> Self {
        debug_assert!(length <= Self::MAX);
        buffer.append(&[0x80 | length as u8]);
        Self { buffer }
    }
}

impl EncodeEntries for Entries<'_> {
    type Error = EncodeError;

    #[inline]
    fn encode<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), EncodeError> {
        if name.len() < 32 {
            self.buffer.append(&[0xa0 | name.len() as u8]);
            self.buffer.append(name.as_bytes());
        } else {
            super::encode(name, self.buffer)?;
        }
        super::encode(value, self.buffer)
    }
}
