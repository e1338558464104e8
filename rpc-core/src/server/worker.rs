//! What all messages of a server share, and what is said of their failures.

use std::sync::Arc;

use super::AckMode;
use super::cut_off::CutOff;
use super::dispatch::Dispatcher;
use super::inside::ServerId;
use super::slots::Slots;
use super::stats::Counters;
use crate::layer::RpcService;
use crate::message::{Failure, FailureKind, Request};
use crate::outside::Outside;
use crate::transport::ReplyError;

pub(super) struct Worker {
    pub(super) id: ServerId,
    pub(super) dispatcher: Arc<Dispatcher>,
    pub(super) rules: Rules,
    pub(super) stack: Option<RpcService>,
    pub(super) counters: Counters,
    pub(super) slots: Slots,
    pub(super) cut_off: CutOff,
}

#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) ack_mode: AckMode,
    pub(super) run_redelivered: bool,
    pub(super) expose_errors: bool,
    pub(super) quiet_unknown_methods: bool,
}

impl Worker {
    /// One without a server around it, with default rules.
    pub(super) fn alone(dispatcher: Dispatcher) -> Self {
        Self {
            id: ServerId::NONE,
            dispatcher: Arc::new(dispatcher),
            rules: Rules::default(),
            stack: None,
            counters: Counters::default(),
            slots: Slots::new(0),
            cut_off: CutOff::default(),
        }
    }

    /// Logs a failure as it deserves, and takes out of it what the caller need not know.
    #[cold]
    pub(super) fn note_outgoing(&self, request: &Request, failure: &mut Failure) {
        self.note(request, failure);
        match failure.kind() {
            FailureKind::Denied if !self.rules.expose_errors => {
                let message = failure.message().to_owned();
                failure.make_opaque(message);
            }
            FailureKind::Error | FailureKind::Panic | FailureKind::UnencodableResult
                if !self.rules.expose_errors =>
            {
                failure.make_opaque(format!(
                    "`{}` failed unexpectedly; the server's log says more under message {}",
                    request.method, request.id
                ));
            }
            _ => {}
        }
    }

    #[cold]
    pub(super) fn note(&self, request: &Request, failure: &Failure) {
        let (id, method) = (&request.id, Outside(&request.method));
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
            FailureKind::Error | FailureKind::UnencodableResult => {
                counters.errors.add_one();
                let causes = failure.causes();
                tracing::error!(target: "rpc_core::server", %id, %method, %failure, ?causes, "the method failed");
            }
            FailureKind::Expired => {
                counters.expired.add_one();
                tracing::debug!(target: "rpc_core::server", %id, %method, %failure, "not run");
            }
            FailureKind::Interrupted => {
                tracing::warn!(target: "rpc_core::server", %id, %method, %failure, "not run again");
            }
            FailureKind::UnknownMethod
                if self.rules.quiet_unknown_methods
                    || request.method.ends_with("_ignore_errors") =>
            {
                counters.rejected.add_one();
                tracing::debug!(target: "rpc_core::server", %id, %method, %failure, "refused");
            }
            _ => {
                counters.rejected.add_one();
                let causes = failure.causes();
                tracing::warn!(target: "rpc_core::server", %id, %method, %failure, ?causes, "refused");
            }
        }
    }

    #[cold]
    pub(super) fn note_failed_reply(&self, request: &Request, error: &ReplyError) {
        self.counters.failed_replies.add_one();
        let (id, method) = (&request.id, Outside(&request.method));
        tracing::error!(target: "rpc_core::server", %id, %method, %error, "cannot send the reply");
    }
}
