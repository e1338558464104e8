//! An acknowledgement of which nobody knows yet whether the broker has processed it.

use std::fmt;
use std::sync::Arc;

use super::{DeliveryMemory, MessageKey};

/// An acknowledgement that the broker has not been seen to process.
///
/// A transport keeps it until a later answer of the broker proves that the message is settled, and calls
/// [`confirm`](Self::confirm). Dropped before, it leaves the message in doubt: it may come back, and is recognised then.
#[must_use = "dropping it leaves the message in doubt"]
pub struct PendingAck(Option<(Arc<DeliveryMemory>, MessageKey, u64)>);

impl PendingAck {
    pub(super) fn new(watched: Option<(Arc<DeliveryMemory>, MessageKey, u64)>) -> Self {
        Self(watched)
    }

    /// Notes that the broker has processed the acknowledgement.
    pub fn confirm(mut self) {
        if let Some((memory, key, generation)) = self.0.take() {
            memory.confirm(key, generation);
        }
    }
}

impl Drop for PendingAck {
    fn drop(&mut self) {
        if let Some((memory, key, generation)) = self.0.take() {
            memory.doubt(key, generation);
        }
    }
}

impl fmt::Debug for PendingAck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.0.as_ref().map(|(_, key, _)| key);
        f.debug_tuple("PendingAck").field(&key).finish()
    }
}
