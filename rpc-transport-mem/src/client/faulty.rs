//! Sending where things go wrong.

use std::sync::Arc;
use std::time::Duration;

use rpc_core::MaybeReady;
use rpc_core::error::SendError;
use rpc_core::transport::Route;

use crate::broker::Broker;
use crate::client::put;
use crate::faults::Fault;
use crate::faults::FaultLog;
use crate::queue::Spot;
use crate::queue::message::Message;
use crate::topic::address::Address;
use crate::topic::{Hint, Topic};

/// What is decided for a message before anything happens to it.
struct Fate {
    delay: Option<Duration>,
    spot: Spot,
    twice: bool,
}

pub(crate) fn send(
    broker: &Broker,
    faults: &FaultLog,
    topic: &Arc<Topic>,
    route: &Route,
    message: Message,
) -> Result<MaybeReady<Result<(), SendError>>, SendError> {
    let id = message.request.id;
    if faults.strikes(Fault::Restart, id).is_some() {
        broker.restart();
    }
    if faults.strikes(Fault::DropRequest, id).is_some() {
        message.request.mark_sent();
        return Ok(MaybeReady::ready(Ok(())));
    }
    let delay = faults.strikes(Fault::Delay, id).map(|random| faults.faults().delay(random));
    let spot = faults.strikes(Fault::Reorder, id).map_or(Spot::End, Spot::Random);
    let twice = faults.strikes(Fault::Duplicate, id).is_some();
    let fate = Fate { delay, spot, twice };
    let (topic, address) = (Arc::clone(topic), Address::of(route));
    match fate.delay {
        None => meet(&topic, &address, message, &fate),
        Some(delay) => Ok(MaybeReady::pending(async move {
            tokio::time::sleep(delay).await;
            meet(&topic, &address, message, &fate)?.await
        })),
    }
}

fn meet(
    topic: &Arc<Topic>,
    address: &Address,
    message: Message,
    fate: &Fate,
) -> Result<MaybeReady<Result<(), SendError>>, SendError> {
    let put = |message: Message| {
        put(topic, message, fate.spot, &address.exchange, &address.destination, &Hint::none())
    };
    let copy = fate.twice.then(|| message.clone());
    let hand_over = put(message)?;
    if let Some(copy) = copy {
        // A second copy that finds no room, or nobody any more, is given up: there is no second sender to tell.
        drop(put(copy));
    }
    Ok(hand_over)
}
