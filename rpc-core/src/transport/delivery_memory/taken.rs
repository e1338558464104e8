//! A message on its way through the server.

use super::{DeliveryMemory, MessageKey};
use crate::transport::Incoming;

/// A message that the server has taken to run it.
///
/// Dropped before its method began, the message is forgotten, as it goes back to the broker. Dropped while its method runs,
/// it is remembered as begun.
pub(crate) struct TakenMessage<'a> {
    memory: &'a DeliveryMemory,
    /// `None` without an id, and once the message has ended.
    key: Option<MessageKey>,
    begun: bool,
}

impl<'a> TakenMessage<'a> {
    pub(crate) fn new(memory: &'a DeliveryMemory, key: Option<MessageKey>) -> Self {
        Self { memory, key, begun: false }
    }

    /// Returns what the message is recognised by, until it has ended.
    pub(crate) fn key(&self) -> Option<MessageKey> {
        self.key
    }

    /// Notes that the method begins.
    pub(crate) fn begin(&mut self) {
        self.begun = true;
        let Some(key) = self.key else { return };
        let second = self.memory.state.lock().begin(key, self.memory.ack_mode);
        self.ack(key, second);
    }

    /// Notes that the method has ended. Returns whether a second delivery was acknowledged in place of the first, whose
    /// channel is gone.
    pub(crate) fn finish(&mut self) -> bool {
        let Some(key) = self.key.take() else { return false };
        let second = self.memory.state.lock().finish(key);
        self.ack(key, second)
    }

    /// Notes that the message was refused and its method has not run, so that it can be sent again. Returns the same as
    /// [`finish`](Self::finish).
    pub(crate) fn refuse(&mut self) -> bool {
        let Some(key) = self.key.take() else { return false };
        let second = self.memory.state.lock().refuse(key);
        self.ack(key, second)
    }

    /// Acknowledges a second delivery. Returns whether there is one.
    fn ack(&self, key: MessageKey, second: Option<Incoming>) -> bool {
        second.map(|second| self.memory.ack_already_begun(key, second)).is_some()
    }
}

impl Drop for TakenMessage<'_> {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let second = {
            let mut state = self.memory.state.lock();
            match self.begun {
                false => state.forget(key),
                true => state.abandon(key),
            }
        };
        // It goes back to the broker.
        drop(second);
    }
}
