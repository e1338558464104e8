//! One delivered request, and how the server settles it.

use std::sync::Arc;

use rpc_core::transport::delivery_memory::MessageKey;
use rpc_core::transport::{AckError, Delivery, QueueKind, ReplyError};
use rpc_core::{Failure, FailureKind, MaybeReady, Outcome, Request};

use super::acks::Settlement;
use super::cancellation::{CancelRegistry, RunningCall};
use super::prefetch::Prefetched;
use super::reply_sender::ReplySender;
use crate::wire::{self, Decoded, ReplyTo};

/// A delivered request.
pub(super) struct AmqpDelivery {
    replies: Arc<ReplySender>,
    settlement: Settlement,
    queue: QueueKind,
    key: Option<MessageKey>,
    redelivered: bool,
    delivery_count: Option<u32>,
    settled: bool,
    request: Delivered,
}

/// A cast, or a call with its reply queue.
enum Delivered {
    Cast(Arc<Request>),
    Call(Arc<RunningCall>),
}

impl AmqpDelivery {
    pub(super) fn new(
        replies: &Arc<ReplySender>,
        running: &CancelRegistry,
        message: &Prefetched,
        Decoded { request, reply_to }: Decoded,
    ) -> Self {
        let request = Arc::new(request);
        let request = match reply_to {
            None => Delivered::Cast(request),
            Some(reply_to) => Delivered::Call(Arc::new(RunningCall { request, reply_to })),
        };
        if let Delivered::Call(call) = &request
            && call.reply_to.dialect.can_cancel()
        {
            running.insert(call);
        }
        Self {
            replies: Arc::clone(replies),
            settlement: message.settlement.clone(),
            queue: message.queue,
            key: message.key(),
            redelivered: message.delivery.redelivered,
            delivery_count: match message.delivery.redelivered {
                true => message.delivery_count(),
                false => None,
            },
            settled: false,
            request,
        }
    }

    fn reply_to(&self) -> Option<&ReplyTo> {
        match &self.request {
            Delivered::Cast(_) => None,
            Delivered::Call(call) => Some(&call.reply_to),
        }
    }
}

impl Delivery for AmqpDelivery {
    fn request(&self) -> &Arc<Request> {
        match &self.request {
            Delivered::Cast(request) => request,
            Delivered::Call(call) => &call.request,
        }
    }

    fn queue(&self) -> QueueKind {
        self.queue
    }

    fn redelivered(&self) -> bool {
        self.redelivered
    }

    fn delivery_count(&self) -> Option<u32> {
        self.delivery_count
    }

    fn ack(&mut self) -> MaybeReady<Result<(), AckError>> {
        if std::mem::replace(&mut self.settled, true) {
            return MaybeReady::ready(Ok(()));
        }
        self.settlement.ack(self.key)
    }

    fn still_running(&mut self) -> MaybeReady<Result<(), ReplyError>> {
        if let Some(reply_to) = self.reply_to() {
            self.replies.send_still_running(&wire::encode_still_running(reply_to));
        }
        MaybeReady::ready(Ok(()))
    }

    fn reply(&mut self, outcome: Outcome) -> MaybeReady<Result<(), ReplyError>> {
        let Some(reply_to) = self.reply_to() else { return MaybeReady::ready(Ok(())) };
        let reply = wire::encode_reply(reply_to, Some(self.request()), outcome);
        let limit = self.replies.max_message;
        if reply.body.len() <= limit {
            return self.replies.send(reply, self.request().deadline);
        }
        let message = format!(
            "the method succeeded, but its result takes {} bytes, and the transport carries at most {limit}",
            reply.body.len()
        );
        let failure = Failure::new(FailureKind::UnencodableResult, "ResultTooLarge", message);
        let reply = wire::encode_reply(reply_to, Some(self.request()), Err(failure));
        self.replies.send(reply, self.request().deadline)
    }
}

impl Drop for AmqpDelivery {
    fn drop(&mut self) {
        if !self.settled {
            self.settlement.requeue();
        }
    }
}
