//! A caller's handle to its pending call.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::deadline_timer::DeadlineWatch;
use super::{CallKey, PendingCalls};
use crate::error::SendError;
use crate::message::{Outcome, Request, SendState};

/// What ended the wait for a reply.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReplyEvent {
    /// The server replied with its final outcome.
    Outcome(Outcome),
    /// The transport failed.
    Failed(SendError),
    /// The deadline passed.
    Expired,
    /// The call is monitored, and the server did not report in time.
    MonitorMissed,
}

/// Waits for the reply of one call.
///
/// Dropping it before the reply arrived cancels the call: its entry is removed at once, the request is
/// [cancelled](Request::cancel), and the transport is told.
pub struct PendingReply {
    pending_calls: PendingCalls,
    key: CallKey,
    request: Arc<Request>,
    watch: DeadlineWatch,
    done: bool,
}

impl PendingReply {
    #[inline]
    pub(super) fn new(
        pending_calls: PendingCalls,
        key: CallKey,
        request: Arc<Request>,
        watch: DeadlineWatch,
    ) -> Self {
        Self { pending_calls, key, request, watch, done: false }
    }

    /// Returns the request of the call.
    #[must_use]
    pub fn request(&self) -> &Arc<Request> {
        &self.request
    }

    /// Polls for the event that ends the call. Do not poll again after it was ready.
    #[inline]
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ReplyEvent> {
        let shard = self.pending_calls.shard(self.key);
        let event = shard.poll(self.key, cx);
        if event.is_ready() {
            self.done = true;
        } else if !self.watch.is_active(&self.pending_calls)
            && let Some(deadline) = shard.first_deadline(self.key)
        {
            self.watch = self.pending_calls.watch(self.key, deadline);
        }
        event
    }

    /// Cancels the call. Returns the state of the request before.
    pub(crate) fn cancel(&self) -> SendState {
        let state = self.request.state.cancel();
        if let Some(on_drop) = &self.pending_calls.0.on_drop {
            on_drop(self.key, &self.request);
        }
        state
    }
}

impl Drop for PendingReply {
    fn drop(&mut self) {
        self.watch.end();
        if !self.done && self.pending_calls.shard(self.key).remove(self.key) {
            self.cancel();
        }
    }
}

impl fmt::Debug for PendingReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingReply").field("request", &self.request.id).finish_non_exhaustive()
    }
}
