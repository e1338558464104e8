//! One message in a server's hands.

use std::sync::Arc;

use rpc_core::transport::{AckError, Delivery, ReplyError};
use rpc_core::{MaybeReady, Outcome, Request};

use crate::faults::Fault;
use crate::queue::message::{Letter, Message};
use crate::server::listener::Subscription;

/// What a delivery is more than a message. Unless it was settled, the message goes back to its queue in the end.
pub(crate) struct Holding {
    subscription: Arc<Subscription>,
    queue: usize,
    epoch: u64,
    settled: bool,
}

impl Message {
    /// Puts the message, which stood in this queue, into the hands of a server.
    pub(crate) fn deliver(mut self, subscription: &Arc<Subscription>, queue: usize) -> Box<Letter> {
        let (subscription, epoch) = (Arc::clone(subscription), subscription.topic.epoch());
        self.holding = Some(Holding { subscription, queue, epoch, settled: false });
        self.0
    }
}

impl Holding {
    /// Why it cannot be acknowledged any more.
    fn is_lost(&self) -> Option<&'static str> {
        if !self.subscription.topic.is_current(self.epoch) {
            Some("the broker was restarted or closed after it had delivered the message")
        } else if self.subscription.has_crashed() {
            Some("the listener crashed after the message had been delivered to it")
        } else {
            None
        }
    }

    fn is_struck_by(&self, fault: Fault, request: &Request) -> bool {
        let faults = self.subscription.topic.faults.as_ref();
        faults.is_some_and(|faults| faults.strikes(fault, request.id).is_some())
    }
}

impl Delivery for Letter {
    fn request(&self) -> &Arc<Request> {
        &self.request
    }

    fn redelivered(&self) -> bool {
        self.redelivered
    }

    fn ack(&mut self) -> MaybeReady<Result<(), AckError>> {
        let Some(holding) = self.holding.as_mut().filter(|holding| !holding.settled) else {
            return MaybeReady::ready(Ok(()));
        };
        if let Some(reason) = holding.is_lost() {
            return MaybeReady::ready(Err(AckError::new(reason)));
        }
        if holding.is_struck_by(Fault::FailAcknowledge, &self.request) {
            let reason = "the broker did not take it, as a test had asked";
            return MaybeReady::ready(Err(AckError::new(reason)));
        }
        holding.settled = true;
        holding.subscription.topic.settle();
        MaybeReady::ready(Ok(()))
    }

    fn still_running(&mut self) -> MaybeReady<Result<(), ReplyError>> {
        if let (Some(caller), Some(holding)) = (self.caller, &self.holding) {
            holding.subscription.topic.pending_calls.note_still_running(caller);
        }
        MaybeReady::ready(Ok(()))
    }

    fn reply(&mut self, outcome: Outcome) -> MaybeReady<Result<(), ReplyError>> {
        let (Some(caller), Some(holding)) = (self.caller, &self.holding) else {
            return MaybeReady::ready(Ok(()));
        };
        if holding.is_struck_by(Fault::FailReply, &self.request) {
            let reason = "the broker did not take it, as a test had asked";
            return MaybeReady::ready(Err(ReplyError::new(reason)));
        }
        if holding.is_struck_by(Fault::DropReply, &self.request) {
            return MaybeReady::ready(Ok(()));
        }
        if !holding.subscription.topic.pending_calls.complete(caller, outcome) {
            tracing::debug!(id = %self.request.id, method = %self.request.method,
                "an answer found nobody: its caller has gone");
        }
        MaybeReady::ready(Ok(()))
    }
}

impl Drop for Letter {
    fn drop(&mut self) {
        if let Some(Holding { subscription, queue, settled: false, .. }) = self.holding.take() {
            subscription.topic.give_back(queue, Message(Box::new(self.clone())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_for_every_message_is_a_pointer() {
        assert_eq!(size_of::<Message>(), size_of::<usize>());
        assert!(size_of::<Letter>() <= 80, "{}", size_of::<Letter>());
    }
}
