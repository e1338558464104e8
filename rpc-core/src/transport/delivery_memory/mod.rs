//! What a server remembers of the messages that it received, so that none of them runs twice or is lost.
//!
//! A broker marks a message as redelivered without knowing whether somebody has begun it. Only the listener that began it
//! knows. So each listener has a [`DeliveryMemory`], which survives its connections:
//!
//! - A message that this listener has not begun is run, marked or not.
//! - A message that it has begun is never begun again. While its method runs, a second delivery is acknowledged at once, or,
//!   where the server acknowledges after the reply, kept for the final acknowledgement.
//! - A message that was refused before its method ran can be sent again.
//!
//! A begun message is forgotten when the broker is known to have processed its acknowledgement. The window of the last
//! ids, as oslo.messaging has it, also recognises messages that were sent twice.
//!
//! The server uses the memory itself. A transport whose messages may come back although their [`Delivery`] still exists
//! does two things more: it asks [`DeliveryMemory::admit`] about marked messages before they wait for a permit, and keeps a
//! [`PendingAck`] from each acknowledgement until the broker is known to have processed it.
//!
//! [`Delivery`]: crate::transport::Delivery

mod begun;
mod pending_ack;
mod taken;
#[cfg(test)]
mod tests;
mod window;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use self::begun::{BegunMessages, Verdict};
pub use self::pending_ack::PendingAck;
pub(crate) use self::taken::TakenMessage;
use crate::message::MessageId;
use crate::sync::Mutex;
use crate::transport::{AckMode, EncodedDelivery, Incoming, QueueKind};

/// Identifies a message within one listener. A fanout has the same id in all queues.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash)]
pub struct MessageKey {
    /// The queue that it was delivered from.
    pub queue: QueueKind,
    /// Its id.
    pub id: MessageId,
}

/// Remembers which messages a listener has begun. See the [module](self).
pub struct DeliveryMemory {
    ack_mode: AckMode,
    state: Mutex<BegunMessages>,
    /// Messages that came back and were not begun again.
    already_begun: AtomicU64,
}

/// What the server does with a message.
pub(crate) enum Admission<M> {
    Run(M),
    /// It was sent twice.
    Duplicate(M),
    /// It came back and was begun before. It is taken care of.
    AlreadyBegun,
}

impl DeliveryMemory {
    /// Creates the memory of a server with this mode and duplicate window.
    #[must_use]
    pub fn new(ack_mode: AckMode, duplicate_window: usize) -> Self {
        Self {
            ack_mode,
            state: Mutex::new(BegunMessages::new(duplicate_window)),
            already_begun: AtomicU64::new(0),
        }
    }

    /// Takes care of a redelivered message that this listener has begun before. Returns it if it has not.
    ///
    /// For transports whose messages wait for a permit. The server asks again before it runs the message.
    #[must_use]
    pub fn admit<M: EncodedDelivery + 'static>(&self, message: Box<M>) -> Option<Box<M>> {
        let id = message.message_id();
        let key = id.map(|id| MessageKey { queue: message.queue(), id });
        let redelivered = message.redelivered();
        match self.decide(message, |message| Incoming::Encoded(message), key, redelivered, false) {
            Admission::Run(message) | Admission::Duplicate(message) => Some(message),
            Admission::AlreadyBegun => None,
        }
    }

    /// Decides what the server does with a message. A [`TakenMessage`] has to follow for one to be run: if the message comes
    /// back, it is kept until that has been begun or dropped.
    pub(crate) fn take(&self, message: Incoming, key: Option<MessageKey>) -> Admission<Incoming> {
        let redelivered = message.redelivered();
        self.decide(message, |message| message, key, redelivered, true)
    }

    fn decide<M>(
        &self,
        message: M,
        into_incoming: impl FnOnce(M) -> Incoming,
        key: Option<MessageKey>,
        redelivered: bool,
        take: bool,
    ) -> Admission<M> {
        let Some(key) = key else { return Admission::Run(message) };
        let mut state = self.state.lock();
        match state.judge(key, redelivered, self.ack_mode) {
            Verdict::New => {
                if take {
                    state.take(key);
                }
                return Admission::Run(message);
            }
            Verdict::Duplicate => return Admission::Duplicate(message),
            // Counted when it is acknowledged: it goes back if the first delivery does not begin.
            Verdict::Keep => {
                let earlier = state.keep(key, into_incoming(message));
                drop(state);
                // It came over a channel that is gone, most likely.
                drop(earlier);
            }
            Verdict::AlreadyBegun => {
                drop(state);
                self.ack_already_begun(key, into_incoming(message));
            }
        }
        Admission::AlreadyBegun
    }

    /// Acknowledges a message that was begun before. If that fails, the message comes back and is recognised.
    fn ack_already_begun(&self, key: MessageKey, message: Incoming) {
        drop(message.ack());
        self.note_already_begun(key);
    }

    #[cold]
    fn note_already_begun(&self, key: MessageKey) {
        self.already_begun.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(
            target: "rpc_core::server", id = %key.id, queue = ?key.queue,
            "redelivered message was begun by this server before, not run again"
        );
    }

    /// Notes that a message whose method has ended may come back, as its acknowledgement failed.
    pub(crate) fn expect_again(&self, key: MessageKey) {
        self.state.lock().expect_again(key);
    }

    /// Tells that messages never come back while their [`Delivery`](crate::transport::Delivery) exists, and never after an
    /// acknowledgement that succeeded. So the memory need not watch messages that are being processed.
    pub(crate) fn trust_acks(&self) {
        self.state.lock().trust_acks();
    }

    /// Returns the record of an acknowledgement that is about to be sent.
    ///
    /// The transport keeps it until the broker is known to have processed the acknowledgement, and
    /// [confirms](PendingAck::confirm) it then.
    pub fn pending_ack(self: &Arc<Self>, key: Option<MessageKey>) -> PendingAck {
        let watched = key.and_then(|key| Some((key, self.state.lock().generation(key)?)));
        PendingAck::new(watched.map(|(key, generation)| (Arc::clone(self), key, generation)))
    }

    /// Returns how many messages came back and were not begun again.
    pub(crate) fn already_begun(&self) -> u64 {
        self.already_begun.load(Ordering::Relaxed)
    }

    fn confirm(&self, key: MessageKey, generation: u64) {
        self.state.lock().confirm(key, generation);
    }

    fn doubt(&self, key: MessageKey, generation: u64) {
        self.state.lock().doubt(key, generation);
    }
}

impl fmt::Debug for DeliveryMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveryMemory")
            .field("ack_mode", &self.ack_mode)
            .field("begun", &self.state.lock().len())
            .finish_non_exhaustive()
    }
}
