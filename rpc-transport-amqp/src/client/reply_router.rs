//! Routes what arrives in the reply queue: replies to their calls, cancellations to the server half.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rpc_amqp::Delivery;
use rpc_core::error::{Ran, SendError, TransportErrorKind};
use rpc_core::pending_calls::{CallKey, PendingCalls};
use rpc_core::{Codec, DecodeLimits, Payload};

use super::accepted::AcceptedCalls;
use super::partial_replies::PartialReplies;
use crate::wire::{self, Acceptance, CallId, Inbound, Reply, ReplyTo, Undecodable, name_limits};

/// Receives cancellations for running methods of this program's servers.
pub(crate) type OnCancel = Box<dyn Fn(&ReplyTo) + Send + Sync>;

/// What the broker is told of a message in the reply queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settle {
    Ack,
    /// It cannot be decoded: the broker drops it, or dead-letters it where a policy says so.
    Reject,
}

/// The receiver of everything that arrives in the reply queue.
pub(super) struct ReplyRouter {
    limits: DecodeLimits,
    pending: PendingCalls,
    accepted: Arc<AcceptedCalls>,
    parts: PartialReplies,
    on_cancel: OnCancel,
    /// How many replies found no call.
    unmatched: AtomicU64,
}

impl ReplyRouter {
    pub(super) fn new(
        limits: DecodeLimits,
        pending: PendingCalls,
        accepted: Arc<AcceptedCalls>,
        on_cancel: OnCancel,
    ) -> Self {
        let (parts, unmatched) = (PartialReplies::default(), AtomicU64::new(0));
        Self { limits, pending, accepted, parts, on_cancel, unmatched }
    }

    /// Returns how many replies found no call.
    pub(super) fn unmatched(&self) -> u64 {
        self.unmatched.load(Ordering::Relaxed)
    }

    /// Decodes a message and routes it to its call or to the server half.
    pub(super) fn route(&self, delivery: &Delivery) -> Settle {
        let (properties, body) = (delivery.message.properties(), delivery.message.body());
        let inbound = match delivery.oversized {
            Some(size) => wire::oversized_reply(&properties, size, self.limits.max_bytes),
            None => wire::decode_inbound(&properties, body, &self.limits),
        };
        match inbound {
            Inbound::Cancel(call) => (self.on_cancel)(&call),
            Inbound::Reply(Some(call), Ok(reply)) => self.route_reply(call, reply),
            Inbound::Reply(None, Ok(_)) => self.drop_unmatched("it names no call of ours", None),
            Inbound::Reply(call, Err(error)) => {
                self.reject(delivery, call, error);
                return Settle::Reject;
            }
        }
        Settle::Ack
    }

    /// Counts a reply that found no call: it came late, or somebody guessed.
    #[cold]
    fn drop_unmatched(&self, reason: &'static str, call: Option<CallKey>) {
        self.unmatched.fetch_add(1, Ordering::Relaxed);
        let call = call.map(|call| tracing::field::display(CallId::of(call)));
        tracing::debug!(reason, call, "dropped a reply");
    }

    /// Fails the call of a reply that cannot be decoded, if it is known.
    #[cold]
    fn reject(&self, delivery: &Delivery, call: Option<CallKey>, error: Undecodable) {
        let Undecodable { reason, ran } = error;
        let received = &delivery.message;
        tracing::warn!(
            %reason,
            exchange = %wire::shortened(received.exchange().to_string_lossy().into()),
            routing_key = %wire::shortened(received.routing_key().to_string_lossy().into()),
            call = call.map(|call| tracing::field::display(CallId::of(call))),
            "rejected a reply that cannot be decoded"
        );
        if let Some(call) = call {
            let message = format!("the reply cannot be decoded: {reason}");
            let error = SendError::new(TransportErrorKind::MalformedReply, ran, message);
            self.pending.fail(call, error);
        }
    }

    fn route_reply(&self, call: CallKey, reply: Reply) {
        match reply {
            Reply::Final(outcome) => {
                self.accepted.remove(call);
                if !self.pending.complete(call, outcome) {
                    self.drop_unmatched("its call is not pending", Some(call));
                }
            }
            Reply::FirstPart(outcome) => {
                if self.pending.is_waiting(call) && !self.parts.insert(&self.pending, call, outcome)
                {
                    let message =
                        "the reply comes in two parts, and too many first parts are kept already";
                    let error =
                        SendError::new(TransportErrorKind::MalformedReply, Ran::Yes, message);
                    self.pending.fail(call, error);
                }
            }
            Reply::End => {
                let null = || Ok(Payload::new(Codec::Json, &b"null"[..]));
                let outcome = self.parts.remove(call).unwrap_or_else(null);
                if !self.pending.complete(call, outcome) {
                    self.drop_unmatched("its call is not pending", Some(call));
                }
            }
            Reply::StillRunning => {
                self.pending.note_still_running(call);
            }
            Reply::Accepted(server) if name_limits::is_reserved(&server.queue) => {
                tracing::warn!(queue = %server.queue, "dropped the notice of an accepted call: the broker reserves its queue's name");
            }
            Reply::Accepted(server) => self.on_accepted(call, server),
        }
    }

    fn on_accepted(&self, call: CallKey, server: Acceptance) {
        if !self.pending.is_waiting(call) {
            self.accepted.cancel_at(&server, call);
            return;
        }
        self.accepted.insert(call, server);
        // The call may have been dropped in between, when its server was not known yet.
        if !self.pending.is_waiting(call) {
            self.accepted.cancel(call);
        }
    }
}
