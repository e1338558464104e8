//! Counts and logs what happens to requests, and decides which details of a failure callers are told.

use std::time::Duration;

use crate::message::{Failure, FailureKind, Request};
use crate::server::stats::{Counters, Stats};
use crate::transport::delivery_memory::MessageKey;
use crate::transport::{AckError, ReplyError};
use crate::untrusted::Untrusted;

#[derive(Default)]
pub(crate) struct RequestEvents {
    counters: Counters,
    /// Whether callers are told the text of unexpected errors.
    pub(in crate::server) expose_errors: bool,
    pub(in crate::server) quiet_unknown_methods: bool,
}

impl RequestEvents {
    /// Returns the counters.
    pub(in crate::server) fn stats(&self, in_flight: usize, already_begun: u64) -> Stats {
        self.counters.read(in_flight, already_begun)
    }

    /// Counts a message whose request was decoded in the task of its method.
    pub(in crate::server) fn decoded(&self) {
        self.counters.decoded.add_one();
    }

    /// Counts a message that the transport could not decode. The transport logs it.
    #[cold]
    pub(in crate::server) fn undecodable(&self) {
        self.counters.undecodable.add_one();
    }

    /// Counts a received message. Only the serve loop may call it.
    pub(in crate::server) fn received(&self) {
        self.counters.received.add_one_single_writer();
    }

    /// Counts a redelivered message that this server has not begun before.
    #[cold]
    pub(in crate::server) fn redelivered(&self) {
        self.counters.redelivered.add_one();
    }

    /// Logs and counts a failure, and removes from it what the caller must not see.
    #[cold]
    pub(crate) fn outgoing_failure(&self, request: &Request, failure: &mut Failure) {
        self.failure(request, failure);
        if self.expose_errors {
            return;
        }
        match failure.kind() {
            FailureKind::Denied => {
                let message = failure.message().to_owned();
                failure.make_opaque(message);
            }
            FailureKind::Error
            | FailureKind::Panic
            | FailureKind::UnencodableResult
            | FailureKind::Unrecognized => {
                failure.make_opaque(format!(
                    "`{}` failed unexpectedly; see the server's log for message {}",
                    request.method, request.id
                ));
            }
            FailureKind::Expected
            | FailureKind::UnknownNamespace
            | FailureKind::UnsupportedVersion
            | FailureKind::UnknownMethod
            | FailureKind::InvalidArguments
            | FailureKind::Malformed
            | FailureKind::Overloaded
            | FailureKind::Expired
            | FailureKind::Interrupted => {}
        }
    }

    /// Logs and counts a failure.
    #[cold]
    pub(crate) fn failure(&self, request: &Request, failure: &Failure) {
        let (id, method) = (&request.id, Untrusted(&request.method));
        tracing::Span::current().record("error.type", failure.class());
        let counters = &self.counters;
        match failure.kind() {
            FailureKind::Expected => {
                counters.expected_errors.add_one();
                tracing::debug!(target: "rpc_core::server", %id, %method, %failure, "expected error");
            }
            FailureKind::Panic => {
                counters.panics.add_one();
                tracing::error!(target: "rpc_core::server", %id, %method, %failure, "the method panicked");
            }
            FailureKind::Error | FailureKind::UnencodableResult | FailureKind::Unrecognized => {
                counters.errors.add_one();
                let causes = failure.causes();
                tracing::error!(target: "rpc_core::server", %id, %method, %failure, ?causes, "the method failed");
            }
            FailureKind::Expired => {
                counters.expired.add_one();
                tracing::debug!(target: "rpc_core::server", %id, %method, %failure, "request expired, method not run");
            }
            FailureKind::Interrupted => {
                tracing::warn!(
                    target: "rpc_core::server", %id, %method, %failure, "request interrupted"
                );
            }
            FailureKind::UnknownMethod
                if self.quiet_unknown_methods || request.method.ends_with("_ignore_errors") =>
            {
                counters.rejected.add_one();
                tracing::debug!(target: "rpc_core::server", %id, %method, %failure, "request rejected");
            }
            FailureKind::UnknownNamespace
            | FailureKind::UnsupportedVersion
            | FailureKind::UnknownMethod
            | FailureKind::InvalidArguments
            | FailureKind::Malformed
            | FailureKind::Denied
            | FailureKind::Overloaded => {
                counters.rejected.add_one();
                let causes = failure.causes();
                tracing::warn!(target: "rpc_core::server", %id, %method, %failure, ?causes, "request rejected");
            }
        }
    }

    /// Logs and counts a reply that the transport did not send.
    #[cold]
    pub(in crate::server) fn failed_reply(&self, request: &Request, error: &ReplyError) {
        self.counters.failed_replies.add_one();
        let (id, method) = (&request.id, Untrusted(&request.method));
        tracing::error!(target: "rpc_core::server", %id, %method, %error, "cannot publish the reply, dropped");
    }

    /// Logs and counts a failed acknowledgement.
    #[cold]
    pub(in crate::server) fn failed_ack(&self, request: &Request, error: &AckError) {
        self.counters.failed_acks.add_one();
        let (id, method) = (&request.id, Untrusted(&request.method));
        tracing::error!(
            target: "rpc_core::server", %id, %method, %error, "cannot acknowledge the message, skipping it"
        );
    }

    /// Logs and counts a message whose connection ended before the broker confirmed its acknowledgement.
    #[cold]
    pub(in crate::server) fn in_doubt(&self, request: &Request, begins: bool, error: &AckError) {
        self.counters.in_doubt.add_one();
        let (id, method) = (&request.id, Untrusted(&request.method));
        if begins {
            tracing::warn!(
                target: "rpc_core::server", %id, %method, %error,
                "acknowledgement in doubt, running the message; another server may run it, too"
            );
        } else {
            tracing::warn!(
                target: "rpc_core::server", %id, %method, %error,
                "acknowledgement in doubt, message not run; it may be lost"
            );
        }
    }

    /// Logs a method that has run for a good part of the time that its message may stay unacknowledged.
    #[cold]
    pub(super) fn unacked_for_long(&self, request: &Request, running: Duration, limit: Duration) {
        let (id, method) = (&request.id, Untrusted(&request.method));
        tracing::warn!(
            target: "rpc_core::server", %id, %method, ?running, ?limit,
            "the method runs long while its message is unacknowledged; at the limit (RabbitMQ: consumer_timeout) the broker \
             delivers the message again, perhaps to another server: raise the limit, or acknowledge before the method"
        );
    }

    /// Logs and counts a message that was sent twice.
    #[cold]
    pub(in crate::server) fn duplicate(&self, key: Option<MessageKey>) {
        self.counters.duplicates.add_one();
        let id = key.map(|key| tracing::field::display(key.id));
        tracing::warn!(target: "rpc_core::server", id, "dropped a duplicate message");
    }

    /// Logs and counts a call that is aborted.
    #[cold]
    pub(in crate::server) fn interrupted(&self, request: &Request) {
        self.counters.interrupted.add_one();
        let (id, method) = (&request.id, Untrusted(&request.method));
        tracing::warn!(
            target: "rpc_core::server", %id, %method, "request aborted, telling the caller that it may have run"
        );
    }
}
