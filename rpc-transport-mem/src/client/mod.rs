//! From the caller into a queue.

mod faulty;

use std::sync::Arc;

use rpc_core::error::SendError;
use rpc_core::transport::{Destination, Route, Sent};
use rpc_core::{MaybeReady, Request};

use crate::broker::Broker;
use crate::queue::Spot;
use crate::queue::blocked_sender::HandOver;
use crate::queue::message::Message;
use crate::topic::address::{Address, exchange_of};
use crate::topic::{Hint, Placed, Refused, Topic};

/// What a route remembers.
pub(crate) struct Place {
    pub(crate) topic: Arc<Topic>,
    pub(crate) queue: Hint,
}

#[inline]
pub(crate) fn send(
    broker: &Broker,
    place: &Place,
    route: &Route,
    request: Arc<Request>,
) -> Result<Sent, SendError> {
    // Dropped with an error below, the handle closes the entry again.
    let (caller, replies) = if request.wants_reply {
        let (caller, replies) = broker.pending_calls.register(&request);
        (Some(caller), Some(replies))
    } else {
        (None, None)
    };
    let message = Message::new(request, caller);
    let hand_over = match &broker.faults {
        None => {
            let exchange = exchange_of(route.exchange.as_deref());
            put(&place.topic, message, Spot::End, exchange, &route.destination, &place.queue)?
        }
        Some(faults) => faulty::send(broker, faults, &place.topic, route, message)?,
    };
    Ok(Sent { reply: replies, publish: hand_over })
}

/// Puts a message into its queue, or in line for it.
#[inline]
pub(crate) fn put(
    topic: &Arc<Topic>,
    message: Message,
    spot: Spot,
    exchange: &str,
    destination: &Destination,
    hint: &Hint,
) -> Result<MaybeReady<Result<(), SendError>>, SendError> {
    let address = || Address {
        exchange: exchange.into(),
        topic: topic.name.clone(),
        destination: destination.clone(),
    };
    match topic.send(message, spot, exchange, destination, hint) {
        Ok(Placed::Queued) => Ok(MaybeReady::ready(Ok(()))),
        Ok(Placed::Parked(parked)) => {
            let (topic, address) = (Arc::clone(topic), address());
            Ok(MaybeReady::pending(HandOver { parked, topic, address }))
        }
        Err(Refused::NobodyListens) => Err(address().nobody_listens()),
        Err(Refused::Closed) => Err(address().closed()),
    }
}
