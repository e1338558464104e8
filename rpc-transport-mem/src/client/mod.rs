//! The client's side: a request's way into its queue.

mod send_future;
mod send_with_faults;

use std::sync::Arc;

use rpc_core::error::SendError;
use rpc_core::transport::{Destination, Route, Sent};
use rpc_core::{MaybeReady, Request};

use self::send_future::SendFuture;
use crate::broker::Broker;
use crate::queue::{InsertAt, QueuedMessage};
use crate::topic::{Address, EnqueueError, Enqueued, QueueHint, Topic, exchange_name};

/// What a route remembers, so that the topic and its queue are not looked up by name for every message.
pub(crate) struct CachedRoute {
    pub(crate) topic: Arc<Topic>,
    queue: QueueHint,
}

impl CachedRoute {
    pub(crate) const fn new(topic: Arc<Topic>) -> Self {
        Self { topic, queue: QueueHint::none() }
    }
}

/// Sends a request. A call is pending from here on.
#[inline]
pub(crate) fn send(
    broker: &Broker,
    cached: &CachedRoute,
    route: &Route,
    request: Arc<Request>,
) -> Result<Sent, SendError> {
    // An error below drops the reply, which removes the pending call again.
    let (caller, reply) = if request.wants_reply {
        let (caller, reply) = broker.handle.pending_calls.register(&request);
        (Some(caller), Some(reply))
    } else {
        (None, None)
    };
    let message = QueuedMessage::new(request, caller);
    let publish = match &broker.handle.fault_log {
        None => {
            let exchange = exchange_name(route.exchange.as_deref());
            let (destination, hint) = (&route.destination, &cached.queue);
            enqueue(&cached.topic, message, InsertAt::Tail, exchange, destination, hint)?
        }
        Some(faults) => send_with_faults::send(broker, faults, &cached.topic, route, message)?,
    };
    Ok(Sent { reply, publish })
}

/// Enqueues a message. The result is pending while the queue is full.
#[inline]
fn enqueue(
    topic: &Arc<Topic>,
    message: QueuedMessage,
    at: InsertAt,
    exchange: &str,
    destination: &Destination,
    hint: &QueueHint,
) -> Result<MaybeReady<Result<(), SendError>>, SendError> {
    let address = || Address {
        exchange: exchange.into(),
        topic: topic.name.clone(),
        destination: destination.clone(),
    };
    match topic.enqueue(message, at, exchange, destination, hint) {
        Ok(Enqueued::Done) => Ok(MaybeReady::ready(Ok(()))),
        Ok(Enqueued::Blocked(sender)) => {
            Ok(MaybeReady::pending(SendFuture::new(sender, Arc::clone(topic), address())))
        }
        Err(EnqueueError::NoListeners) => Err(address().no_listeners()),
        Err(EnqueueError::Closed) => Err(address().closed()),
    }
}
