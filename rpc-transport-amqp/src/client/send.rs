//! Sends requests: calls and casts.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use rpc_amqp::Error;
use rpc_core::error::{Ran, SendError, TransportErrorKind};
use rpc_core::pending_calls::CallKey;
use rpc_core::transport::{Route, Sent};
use rpc_core::{MaybeReady, Request};
use tokio::time::sleep;

use super::caller::Caller;
use super::destination::{Consumers, Destination};
use crate::publish::{PublishOutcome, PublishPermit};
use crate::topology::QueueStatus;
use crate::wire::{self, Outgoing, ReplyAddress};

/// Delay before a step is repeated that a lost connection has undone.
const RETRY_DELAY: Duration = Duration::from_millis(20);

impl Caller {
    /// Publishes a request: at once if everything is known and open, otherwise as soon as it is.
    ///
    /// # Errors
    ///
    /// Fails if the transport is closed, a name is too long for AMQP, or this thread has no tokio runtime.
    pub(crate) fn send(
        self: &Arc<Self>,
        route: &Route,
        request: Arc<Request>,
    ) -> Result<Sent, SendError> {
        let destination = self.destinations.of(route);
        if self.is_closed() {
            return Err(destination.address.closed());
        }
        if !destination.has_valid_names() {
            return Err(destination.address.name_too_long());
        }
        if tokio::runtime::Handle::try_current().is_err() {
            let message =
                "the RabbitMQ transport needs a tokio runtime, and there is none on this thread";
            return Err(SendError::new(TransportErrorKind::Unavailable, Ran::No, message));
        }
        if request.wants_reply {
            return self.call(destination, request);
        }
        let caller = Arc::clone(self);
        let publish = MaybeReady::pending(async move { caller.cast(&destination, request).await });
        Ok(Sent { reply: None, publish })
    }

    fn call(
        self: &Arc<Self>,
        destination: Arc<Destination>,
        request: Arc<Request>,
    ) -> Result<Sent, SendError> {
        let (call, reply) = self.pending.register(&request);
        // The transport may have been closed in between, after it failed all pending calls.
        if self.is_closed() {
            return Err(destination.address.closed());
        }
        // A check is run below, where it can be waited for.
        if self.replies.is_open()
            && let Some(permit) = self.publisher.try_permit()
            && destination.is_checked()
            && self.publish(&destination, &request, call, &permit)?
        {
            return Ok(Sent { reply: Some(reply), publish: MaybeReady::ready(Ok(())) });
        }
        let caller = Arc::clone(self);
        let publish = MaybeReady::pending(async move {
            caller.until_replies_can_come(&destination).await?;
            caller.check_consumers(&destination).await?;
            loop {
                caller.until_replies_can_come(&destination).await?;
                let permit = caller.publisher.permit().await;
                let permit = permit.map_err(|why| destination.address.unavailable(&why))?;
                if caller.publish(&destination, &request, call, &permit)? {
                    return Ok(());
                }
            }
        });
        Ok(Sent { reply: Some(reply), publish })
    }

    /// Waits until the reply queue is consumed.
    async fn until_replies_can_come(&self, destination: &Destination) -> Result<(), SendError> {
        let opened = self.replies.opened().await;
        opened.map_err(|why| destination.address.no_reply_queue(&why))
    }

    /// Makes sure that the destination has a consumer, unless that was seen a moment ago.
    async fn check_consumers(&self, destination: &Destination) -> Result<(), SendError> {
        let (queue, checks) = (&destination.routing_key, destination.checks());
        loop {
            let mut ended = pin!(destination.check_ended());
            // Registered before the look, so that no end in between is missed.
            ended.as_mut().enable();
            let check = match destination.consumers(checks) {
                Consumers::Known => return Ok(()),
                Consumers::None => return Err(destination.address.no_consumer(queue, Ran::No)),
                Consumers::Unknown(check) => check,
                Consumers::Checked => {
                    ended.await;
                    continue;
                }
            };
            let status = self.queue_status.read(queue).await;
            match status.map_err(|why| destination.address.unavailable(&why))? {
                Some(QueueStatus::Exists { consumers: 1.., .. }) => {
                    destination.note_consumers(true);
                }
                Some(QueueStatus::Exists { .. }) => {
                    check.found_none();
                    return Err(destination.address.no_consumer(queue, Ran::No));
                }
                Some(QueueStatus::Missing) => {
                    destination.note_missing_queue();
                    return Err(destination.address.missing_queue());
                }
                None => sleep(RETRY_DELAY).await,
            }
        }
    }

    /// Publishes a call. Returns false if the channel has just been closed or the reply queue was given up, and nothing was
    /// published.
    fn publish(
        &self,
        destination: &Arc<Destination>,
        request: &Request,
        call: CallKey,
        permit: &PublishPermit,
    ) -> Result<bool, SendError> {
        let queue = self.replies.queue.name();
        let reply = ReplyAddress { key: call, queue: &queue };
        let message = self.encode(destination, request, Some(reply))?;
        request.mark_sent();
        destination.note_call(call);
        // Whoever gives the queue up changes its name first and then fails the calls that were noted: this one is among them, or
        // sees the change here.
        if !self.replies.queue.is_named(&queue) {
            return Ok(false);
        }
        let handler = Arc::<Destination>::clone(destination);
        match permit.publish(&message, handler, call.to_bits()) {
            Ok(()) => Ok(true),
            Err(Error::InvalidArgument(error)) => {
                Err(destination.address.unencodable(&error.to_string()))
            }
            Err(_) => Ok(false),
        }
    }

    fn encode(
        &self,
        destination: &Destination,
        request: &Request,
        reply: Option<ReplyAddress<'_>>,
    ) -> Result<Outgoing, SendError> {
        let routing = (&*destination.exchange, &*destination.routing_key);
        let message = wire::encode_request(self.config.dialect, request, routing, reply)
            .map_err(|reason| destination.address.unencodable(&reason))?;
        let (bytes, limit) = (message.body.len(), self.config.max_message);
        if bytes > limit {
            return Err(destination.address.too_large(bytes, limit));
        }
        Ok(message)
    }

    /// Publishes a cast and waits for its confirm.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the cast is published, it is not published.
    async fn cast(
        &self,
        destination: &Destination,
        request: Arc<Request>,
    ) -> Result<(), SendError> {
        loop {
            let permit = self.publisher.permit().await;
            let permit = permit.map_err(|why| destination.address.unavailable(&why))?;
            // Encoded for each attempt, as the message says how much time is left.
            let message = self.encode(destination, &request, None)?;
            match self.confirmed.publish_now(permit, &message, || request.mark_sent()).await {
                PublishOutcome::Confirmed => return Ok(()),
                PublishOutcome::Unroutable => return Err(destination.address.missing_queue()),
                PublishOutcome::Nacked => return Err(destination.address.nacked()),
                PublishOutcome::Rejected(why) => return Err(destination.address.rejected(&why)),
                PublishOutcome::ChannelClosed(why) => {
                    return Err(destination.address.channel_closed(&why));
                }
                PublishOutcome::Unknown => return Err(destination.address.lost()),
                PublishOutcome::NotSent => sleep(RETRY_DELAY).await,
            }
        }
    }
}
