//! One message in a server's hands.

use std::sync::Arc;

use rpc_core::transport::{AckError, Delivery, ReplyError};
use rpc_core::{Failure, FailureKind, MaybeReady, Outcome, Request};

use crate::config::Form;
use crate::hub::Hub;
use crate::server::cancellation::InWork;
use crate::server::consumers::Ear;
use crate::server::prefetch::Held;
use crate::wire::{self, Arrived, WayBack};

pub(crate) struct AmqpDelivery {
    hub: Arc<Hub>,
    ear: Arc<Ear>,
    tag: u64,
    redelivered: bool,
    settled: bool,
    work: Work,
}

/// A cast, or a call and its way back.
enum Work {
    Cast(Arc<Request>),
    Call(Arc<InWork>),
}

impl AmqpDelivery {
    pub(crate) fn new(hub: &Arc<Hub>, held: &Held, Arrived { request, back }: Arrived) -> Self {
        let request = Arc::new(request);
        let work = match back {
            None => Work::Cast(request),
            Some(back) => Work::Call(Arc::new(InWork { request, back })),
        };
        if let Work::Call(call) = &work
            && call.back.form == Form::Native
        {
            hub.announcer.note(call);
        }
        Self {
            hub: Arc::clone(hub),
            ear: Arc::clone(&held.ear),
            tag: held.tag(),
            redelivered: held.delivery.redelivered,
            settled: false,
            work,
        }
    }

    fn way_back(&self) -> Option<&WayBack> {
        match &self.work {
            Work::Cast(_) => None,
            Work::Call(call) => Some(&call.back),
        }
    }
}

impl Delivery for AmqpDelivery {
    fn request(&self) -> &Arc<Request> {
        match &self.work {
            Work::Cast(request) => request,
            Work::Call(call) => &call.request,
        }
    }

    fn redelivered(&self) -> bool {
        self.redelivered
    }

    fn ack(&mut self) -> MaybeReady<Result<(), AckError>> {
        if std::mem::replace(&mut self.settled, true) {
            return MaybeReady::ready(Ok(()));
        }
        MaybeReady::ready(self.ear.acknowledge(self.tag))
    }

    fn still_running(&mut self) -> MaybeReady<Result<(), ReplyError>> {
        match self.way_back() {
            Some(back) => self.hub.answer(wire::heartbeat(back), None),
            None => MaybeReady::ready(Ok(())),
        }
    }

    fn reply(&mut self, outcome: Outcome) -> MaybeReady<Result<(), ReplyError>> {
        let Some(back) = self.way_back() else { return MaybeReady::ready(Ok(())) };
        let answer = wire::answer(back, Some(self.request()), outcome);
        let limit = self.hub.config.max_message;
        if answer.body.len() <= limit {
            return self.hub.answer(answer, self.request().deadline);
        }
        let message = format!(
            "the method succeeded, but its result takes {} bytes, and the transport carries at most {limit}",
            answer.body.len()
        );
        let failure = Failure::new(FailureKind::UnencodableResult, "ResultTooLarge", message);
        let answer = wire::answer(back, Some(self.request()), Err(failure));
        self.hub.answer(answer, self.request().deadline)
    }
}

impl Drop for AmqpDelivery {
    fn drop(&mut self) {
        if !self.settled {
            self.ear.requeue(self.tag);
        }
    }
}
