//! The body of an outgoing message.

use rpc_core::Bytes;

/// A body in two segments, so that arguments and results are not copied to be put behind a header.
#[derive(Debug, Clone, Default)]
pub(crate) struct Body {
    head: Vec<u8>,
    payload: Bytes,
}

impl Body {
    pub(super) fn new(head: Vec<u8>, payload: Bytes) -> Self {
        Self { head, payload }
    }

    /// Returns the number of bytes of both segments.
    pub(crate) fn len(&self) -> usize {
        self.head.len() + self.payload.len()
    }

    /// Returns both segments, which are sent one behind the other.
    pub(crate) fn segments(&self) -> [&[u8]; 2] {
        [&self.head, &self.payload]
    }

    /// Joins both segments, as they arrive.
    #[cfg(test)]
    pub(crate) fn join(&self) -> Bytes {
        self.segments().concat().into()
    }
}

/// A body that is not ours to take apart.
impl From<Bytes> for Body {
    fn from(payload: Bytes) -> Self {
        Self { head: Vec::new(), payload }
    }
}

impl From<Vec<u8>> for Body {
    fn from(whole: Vec<u8>) -> Self {
        Self { head: whole, payload: Bytes::new() }
    }
}
