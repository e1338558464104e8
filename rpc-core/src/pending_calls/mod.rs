//! Calls that wait for an outcome.
//!
//! One table per transport holds, for every open call, its state, its waker and its deadline. Matching replies, timing
//! out, cancelling and counting leaks are then one structure. Most calls never meet their deadline, so there is no timer
//! per call: one sleeping task (`sleeper`) knows the earliest deadline of all.
//!
//! Slots are reused, keys are not: a key carries the slot's generation, so that a late reply finds nobody instead of the
//! slot's next tenant.

mod armed;
mod reply;
mod sleeper;
mod table;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

pub use self::reply::{PendingReply, ReplyEvent};
use self::sleeper::{Alarm, Watch};
pub use self::table::CallKey;
use self::table::Shard;
use crate::error::SendError;
use crate::message::{Outcome, Request};

/// Calls in flight spread over this many locks.
const SHARDS: usize = 8;

/// Called when a caller drops its call before the outcome came.
type OnAbandon = Box<dyn Fn(CallKey, &Arc<Request>) + Send + Sync>;

/// The open calls of one transport. Cloning gives another handle on the same table.
#[derive(Clone)]
pub struct PendingCalls(Arc<Table>);

struct Table {
    shards: [Shard; SHARDS],
    alarm: Alarm,
    on_drop: Option<OnAbandon>,
}

impl PendingCalls {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self::build(None)
    }

    /// An empty table that reports calls which their callers gave up, so that a transport can tell the server.
    pub fn on_drop(tell: impl Fn(CallKey, &Arc<Request>) + Send + Sync + 'static) -> Self {
        Self::build(Some(Box::new(tell)))
    }

    fn build(on_drop: Option<OnAbandon>) -> Self {
        Self(Arc::new(Table { shards: Default::default(), alarm: Alarm::default(), on_drop }))
    }

    /// Opens an entry for a request that is about to be sent; the key finds it again.
    ///
    /// Without a tokio runtime on this thread the entry's deadline is not watched until the call is polled on one.
    #[inline]
    #[must_use]
    pub fn register(&self, request: &Arc<Request>) -> (CallKey, PendingReply) {
        let table = &self.0;
        // The lowest bits of ids are counted or random.
        let shard = request.id.to_bits() as usize % SHARDS;
        let key = table.shards[shard].open(shard, request.deadline, request.monitor);
        let silence = request.monitor.and_then(|period| Instant::now().checked_add(period));
        let first = [request.deadline, silence].into_iter().flatten().min();
        let watch = first.map_or(Watch::Sleeper, |first| self.watch(key, first));
        (key, PendingReply::new(self.clone(), key, Arc::clone(request), watch))
    }

    /// Gives a waiting call its outcome. False: nobody waits for it any more.
    #[inline]
    pub fn complete(&self, key: CallKey, outcome: Outcome) -> bool {
        self.shard(key).settle(key, ReplyEvent::Outcome(outcome))
    }

    /// Ends a waiting call with an error of the transport. False: nobody waits for it any more.
    pub fn fail(&self, key: CallKey, error: SendError) -> bool {
        self.shard(key).settle(key, ReplyEvent::Failed(error))
    }

    /// Ends all waiting calls with an error of the transport.
    pub fn fail_all(&self, error: &SendError) {
        for shard in &self.0.shards {
            shard.settle_all(error);
        }
    }

    /// Notes a sign of life. False: nobody waits any more.
    pub fn note_still_running(&self, key: CallKey) -> bool {
        self.shard(key).note_still_running(key)
    }

    /// Whether the call still waits.
    #[must_use]
    pub fn is_waiting(&self, key: CallKey) -> bool {
        self.shard(key).is_waiting(key)
    }

    /// How many calls are open: a gauge that returns to zero.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.shards.iter().map(Shard::len).sum()
    }

    /// Whether no call is open.
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
        f.debug_struct("PendingCalls").field("open", &self.len()).finish_non_exhaustive()
    }
}
