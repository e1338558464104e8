//! Sending with injected faults.

use std::sync::Arc;
use std::time::Duration;

use rpc_core::MaybeReady;
use rpc_core::error::SendError;
use rpc_core::transport::Route;

use super::enqueue;
use crate::broker::Broker;
use crate::faults::{Fault, FaultLog};
use crate::queue::{InsertAt, QueuedMessage};
use crate::topic::{Address, QueueHint, Topic};

/// The faults of one message, decided before the message is sent.
struct SendFaults {
    delay: Option<Duration>,
    insert_at: InsertAt,
    duplicate: bool,
}

pub(super) fn send(
    broker: &Broker,
    faults: &FaultLog,
    topic: &Arc<Topic>,
    route: &Route,
    message: QueuedMessage,
) -> Result<MaybeReady<Result<(), SendError>>, SendError> {
    let id = message.request.id;
    if faults.inject(Fault::Restart, id).is_some() {
        broker.restart();
    }
    if faults.inject(Fault::DropRequest, id).is_some() {
        message.request.mark_sent();
        return Ok(MaybeReady::ready(Ok(())));
    }
    let faults = SendFaults {
        delay: faults.inject(Fault::Delay, id).map(|random| faults.plan().delay(random)),
        insert_at: faults.inject(Fault::Reorder, id).map_or(InsertAt::Tail, InsertAt::Random),
        duplicate: faults.inject(Fault::Duplicate, id).is_some(),
    };
    let (topic, address) = (Arc::clone(topic), Address::of(route));
    match faults.delay {
        None => enqueue_with(&faults, &topic, &address, message),
        Some(delay) => Ok(MaybeReady::pending(async move {
            tokio::time::sleep(delay).await;
            enqueue_with(&faults, &topic, &address, message)?.await
        })),
    }
}

fn enqueue_with(
    faults: &SendFaults,
    topic: &Arc<Topic>,
    address: &Address,
    message: QueuedMessage,
) -> Result<MaybeReady<Result<(), SendError>>, SendError> {
    let Address { exchange, destination, .. } = address;
    let enqueue = |message| {
        enqueue(topic, message, faults.insert_at, exchange, destination, &QueueHint::none())
    };
    let copy = faults.duplicate.then(|| message.clone());
    let publish = enqueue(message)?;
    if let Some(copy) = copy {
        // The copy of a cast is dropped if the queue is full: it has no sender to wait. Nobody gets its error.
        drop(enqueue(copy));
    }
    Ok(publish)
}
