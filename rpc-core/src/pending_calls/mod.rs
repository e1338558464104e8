//! The calls that wait for their replies.
//!
//! One table per transport holds the state, the waker and the deadline of every pending call. So matching replies,
//! timeouts, cancellation and the check for leaked calls use one structure. Most calls never reach their deadline, so
//! there is no timer per call: one task (`deadline_timer`) knows the earliest deadline of all.
//!
//! Entries are reused, keys are not: a key carries the generation of its call, so a late reply does not reach the next call
//! in the same entry. Generations cannot be guessed, so neither does the reply of a peer that was not sent the key.
//!
//! A transport registers each call before it sends the request, and completes it when the reply arrives:
//!
//! ```
//! use std::sync::Arc;
//!
//! use rpc_core::pending_calls::{PendingCalls, PendingReply};
//! use rpc_core::{Codec, MessageId, Payload, Request};
//!
//! fn send(pending_calls: &PendingCalls, request: &Arc<Request>) -> PendingReply {
//!     let (key, reply) = pending_calls.register(request);
//!     // Publish the request with `key.to_bits()`. When a reply with these bits arrives:
//!     pending_calls.complete(key, Ok(Payload::new(Codec::Json, b"1".to_vec())));
//!     reply
//! }
//! # let args = Payload::new(Codec::Json, b"{}".to_vec());
//! # drop(send(&PendingCalls::new(), &Arc::new(Request::new(MessageId::from_bits(1), "count", args))));
//! ```

mod deadline_timer;
mod next_wakeup;
mod reply;
mod table;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

use self::deadline_timer::{DeadlineTimer, DeadlineWatch};
pub use self::reply::{PendingReply, ReplyEvent};
pub use self::table::CallKey;
use self::table::Shard;
use crate::error::SendError;
use crate::message::{Outcome, Request};

/// Pending calls spread over this many locks.
const SHARDS: usize = 8;

/// Called when a caller drops its call before the reply arrived.
type OnDrop = Box<dyn Fn(CallKey, &Arc<Request>) + Send + Sync>;

/// The pending calls of one transport. A clone is another handle to the same table.
#[derive(Clone)]
pub struct PendingCalls(Arc<Table>);

struct Table {
    shards: [Shard; SHARDS],
    timer: DeadlineTimer,
    on_drop: Option<OnDrop>,
}

impl PendingCalls {
    /// Creates an empty table.
    #[must_use]
    pub fn new() -> Self {
        Self::build(None)
    }

    /// Creates an empty table that reports cancelled calls, so that the transport can tell the server.
    ///
    /// `cancelled` is called when a caller drops a pending call, or when the call times out.
    pub fn on_drop(cancelled: impl Fn(CallKey, &Arc<Request>) + Send + Sync + 'static) -> Self {
        Self::build(Some(Box::new(cancelled)))
    }

    fn build(on_drop: Option<OnDrop>) -> Self {
        let (shards, timer) = (Default::default(), DeadlineTimer::default());
        Self(Arc::new(Table { shards, timer, on_drop }))
    }

    /// Registers a request that is about to be sent. The key finds the call again.
    ///
    /// Without a tokio runtime on this thread, nothing watches the deadline until the call is polled on one.
    #[inline]
    #[must_use]
    pub fn register(&self, request: &Arc<Request>) -> (CallKey, PendingReply) {
        let table = &self.0;
        // The lowest bits of ids are counted or random.
        let shard = request.id.to_bits() as usize % SHARDS;
        let key = table.shards[shard].insert(shard, request.deadline, request.monitor);
        let monitor = request.monitor.and_then(|period| Instant::now().checked_add(period));
        let first = [request.deadline, monitor].into_iter().flatten().min();
        let watch = first.map_or(DeadlineWatch::Timer, |first| self.watch(key, first));
        (key, PendingReply::new(self.clone(), key, Arc::clone(request), watch))
    }

    /// Completes a call with its outcome. Returns false when nobody waits for it any more.
    #[inline]
    pub fn complete(&self, key: CallKey, outcome: Outcome) -> bool {
        self.shard(key).complete(key, ReplyEvent::Outcome(outcome))
    }

    /// Completes a call with an error of the transport. Returns false when nobody waits for it any more.
    pub fn fail(&self, key: CallKey, error: SendError) -> bool {
        self.shard(key).complete(key, ReplyEvent::Failed(error))
    }

    /// Completes all calls with an error of the transport.
    pub fn fail_all(&self, error: &SendError) {
        for shard in &self.0.shards {
            shard.fail_all(error);
        }
    }

    /// Restarts the monitor of a call whose server reports that its method is still running. Returns false when nobody
    /// waits for the call any more.
    pub fn note_still_running(&self, key: CallKey) -> bool {
        self.shard(key).still_running(key)
    }

    /// Returns whether the call still waits for its reply.
    #[must_use]
    pub fn is_waiting(&self, key: CallKey) -> bool {
        self.shard(key).is_waiting(key)
    }

    /// Returns how many calls are in the table. The number returns to zero when all calls have ended.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.shards.iter().map(Shard::len).sum()
    }

    /// Returns whether no call is in the table.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    fn shard(&self, key: CallKey) -> &Shard {
        &self.0.shards[key.shard() % SHARDS]
    }
}

impl Default for PendingCalls {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for PendingCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingCalls").field("len", &self.len()).finish_non_exhaustive()
    }
}
