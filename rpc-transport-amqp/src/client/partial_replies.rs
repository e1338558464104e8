//! First parts of replies that come in two parts.

use std::collections::HashMap;

use parking_lot::Mutex;
use rpc_core::Outcome;
use rpc_core::pending_calls::{CallKey, PendingCalls};

/// How many calls may wait for the second part of their reply.
const MAX_PARTS: usize = 1024;

/// The outcomes in first parts, as servers before oslo.messaging 4.0 send them, until the second part ends the reply.
#[derive(Default)]
pub(super) struct PartialReplies(Mutex<HashMap<CallKey, Outcome>>);

impl PartialReplies {
    /// Keeps the first part of a reply. Returns false if there are too many of them.
    pub(super) fn insert(&self, pending: &PendingCalls, call: CallKey, part: Outcome) -> bool {
        let mut parts = self.0.lock();
        if parts.len() >= MAX_PARTS {
            parts.retain(|call, _| pending.is_waiting(*call));
        }
        let fits = parts.len() < MAX_PARTS;
        if fits {
            parts.insert(call, part);
        }
        fits
    }

    /// Removes and returns the first part of a reply, if there was one.
    pub(super) fn remove(&self, call: CallKey) -> Option<Outcome> {
        self.0.lock().remove(&call)
    }
}
