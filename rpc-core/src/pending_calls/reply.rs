//! A caller's handle on its entry in the table.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::sleeper::Watch;
use super::{CallKey, PendingCalls};
use crate::error::SendError;
use crate::message::{Outcome, Reached, Request};

/// What ended the waiting.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReplyEvent {
    /// The server's final outcome.
    Outcome(Outcome),
    /// The transport gave up.
    Failed(SendError),
    /// The deadline passed.
    Expired,
    /// A sign of life was asked for and did not come.
    MonitorMissed,
}

/// Waits for the outcome of one call.
///
/// Dropping it before the outcome came gives the call up: the entry is gone at once, the request is
/// [cancelled](Request::cancel), and the transport is told.
pub struct PendingReply {
    pending_calls: PendingCalls,
    key: CallKey,
    request: Arc<Request>,
    watch: Watch,
    done: bool,
}

impl PendingReply {
    #[inline]
    pub(super) fn new(
        pending_calls: PendingCalls,
        key: CallKey,
        request: Arc<Request>,
        watch: Watch,
    ) -> Self {
        Self { pending_calls, key, request, watch, done: false }
    }

    /// The request that is waited for.
    #[must_use]
    pub fn request(&self) -> &Arc<Request> {
        &self.request
    }

    /// The event that ends the call. Not to be polled again after that.
    #[inline]
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ReplyEvent> {
        let shard = self.pending_calls.shard(self.key);
        let event = shard.poll(self.key, cx);
        if event.is_ready() {
            self.done = true;
        } else if !self.watch.stands(&self.pending_calls)
            && let Some(deadline) = shard.first_deadline(self.key)
        {
            self.watch = self.pending_calls.watch(self.key, deadline);
        }
        event
    }
}

impl PendingReply {
    /// Gives the call up, and says how far it had come.
    pub(crate) fn give_up(&self) -> Reached {
        let reached = self.request.progress.cancel();
        if let Some(tell) = &self.pending_calls.0.on_drop {
            tell(self.key, &self.request);
        }
        reached
    }
}

impl Drop for PendingReply {
    fn drop(&mut self) {
        self.watch.end();
        if !self.done && self.pending_calls.shard(self.key).close(self.key) {
            self.give_up();
        }
    }
}

impl fmt::Debug for PendingReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingReply").field("request", &self.request.id).finish_non_exhaustive()
    }
}
