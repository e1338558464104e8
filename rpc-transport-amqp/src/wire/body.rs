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

    /// Joins both segments, for an AMQP library that takes nothing else. Copies the payload, unless it is the whole body.
    pub(crate) fn join(self) -> Bytes {
        let Self { mut head, payload } = self;
        if head.is_empty() {
            return payload;
        }
        head.reserve_exact(payload.len());
        head.extend_from_slice(&payload);
        head.into()
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
