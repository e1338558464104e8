//! From the caller to the broker.

use std::sync::Arc;
use std::time::Duration;

use rpc_core::error::{Ran, SendError, TransportErrorKind};
use rpc_core::pending_calls::CallKey;
use rpc_core::transport::Sent;
use rpc_core::{MaybeReady, Request};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::client::destination::Target;
use crate::hub::Hub;
use crate::publish::confirmed_publish::Arrival;
use crate::publish::publisher;
use crate::publish::supervisor::Ready;
use crate::topology::queue_status::Seen;
use crate::wire::{self, Calling, Outgoing};

/// Before a step is tried again that a lost connection undid.
const PAUSE: Duration = Duration::from_millis(20);

/// Hands a request over: at once where everything is known and open, otherwise as soon as it is.
pub(crate) fn send(
    hub: &Arc<Hub>,
    target: Arc<Target>,
    request: Arc<Request>,
) -> Result<Sent, SendError> {
    if hub.is_closed() {
        return Err(target.address.closed());
    }
    if !target.fits() {
        return Err(target.address.too_long());
    }
    if tokio::runtime::Handle::try_current().is_err() {
        let message =
            "the RabbitMQ transport needs a tokio runtime, and there is none on this thread";
        return Err(SendError::new(TransportErrorKind::Unavailable, Ran::No, message));
    }
    hub.begin();
    if request.wants_reply {
        call(hub, target, request)
    } else {
        let hub = Arc::clone(hub);
        let hand_over = MaybeReady::pending(async move { cast(&hub, &target, request).await });
        Ok(Sent { reply: None, publish: hand_over })
    }
}

fn call(hub: &Arc<Hub>, target: Arc<Target>, request: Arc<Request>) -> Result<Sent, SendError> {
    let (key, replies) = hub.pending_calls.register(&request);
    // Closed in between, nobody would tell this one.
    if hub.is_closed() {
        return Err(target.address.closed());
    }
    if hub.inbox.is_open()
        && let Some(ready) = hub.outlet.now()
    {
        match target.look_first() {
            None => {
                publish(hub, &target, &request, key, ready)?;
                return Ok(Sent { reply: Some(replies), publish: MaybeReady::ready(Ok(())) });
            }
            // Another look is taken below, where there is time for it.
            Some(looking) => drop(looking),
        }
    }
    let hub = Arc::clone(hub);
    let hand_over = MaybeReady::pending(async move {
        hub.inbox.opened().await.map_err(|why| target.address.no_way_back(&why))?;
        look(&hub, &target).await?;
        let ready = hub.outlet.when_ready().await;
        let ready = ready.map_err(|why| target.address.unavailable(&why))?;
        publish(&hub, &target, &request, key, ready)
    });
    Ok(Sent { reply: Some(replies), publish: hand_over })
}

/// Makes sure that somebody listens, unless that was seen a moment ago.
async fn look(hub: &Hub, target: &Target) -> Result<(), SendError> {
    let queue = &target.routing_key;
    while let Some(_looking) = target.look_first() {
        let seen = hub.inspector.look(queue).await;
        match seen.map_err(|why| target.address.unavailable(&why))? {
            Some(Seen::Present { consumers: 1.., .. }) => target.note_consumers(true),
            Some(Seen::Present { .. }) => {
                target.note_consumers(false);
                return Err(target.address.no_consumer(queue, Ran::No));
            }
            Some(Seen::Absent) => {
                target.note_absent();
                return Err(target.address.no_queue());
            }
            None => sleep(PAUSE).await,
        }
    }
    Ok(())
}

fn publish(
    hub: &Hub,
    target: &Arc<Target>,
    request: &Request,
    key: CallKey,
    ready: Ready,
) -> Result<(), SendError> {
    let calling = Calling { key, inbox: hub.inbox.name() };
    let message = outgoing(hub, target, request, Some(calling))?;
    request.mark_sent();
    target.note_call(key);
    ready.publisher.publish(
        message,
        publisher::Sender::Caller(key, Arc::clone(target)),
        ready.room,
    );
    Ok(())
}

fn outgoing(
    hub: &Hub,
    target: &Target,
    request: &Request,
    calling: Option<Calling<'_>>,
) -> Result<Outgoing, SendError> {
    let way = (&*target.exchange, &*target.routing_key);
    let message = wire::outgoing(hub.config.form, request, way, calling)
        .map_err(|reason| target.address.unencodable(&reason))?;
    let (bytes, limit) = (message.body.len(), hub.config.max_message);
    if bytes > limit {
        return Err(target.address.too_large(bytes, limit));
    }
    Ok(message)
}

/// A cast ends with its confirmation, so it waits for its own. Dropped before that, it is given up.
async fn cast(hub: &Hub, target: &Target, request: Arc<Request>) -> Result<(), SendError> {
    let given_up = CancellationToken::new();
    let _give_up = given_up.clone().drop_guard();
    loop {
        let session = hub.outlet.session_when_ready().await;
        let session = session.map_err(|why| target.address.unavailable(&why))?;
        // Made now, as it says how much time is left.
        let message = outgoing(hub, target, &request, None)?;
        let (leaving, given_up) = (Arc::clone(&request), given_up.clone());
        let leaving = move || {
            leaving.mark_sent();
            !given_up.is_cancelled()
        };
        match hub.send_exactly_on(session, message, leaving).await {
            Arrival::Queued => return Ok(()),
            Arrival::NoQueue => return Err(target.address.no_queue()),
            Arrival::Refused => return Err(target.address.refused()),
            Arrival::NotAllowed(why) => return Err(target.address.not_allowed(&why)),
            Arrival::Unknown => return Err(target.address.lost()),
            Arrival::NotSent => sleep(PAUSE).await,
        }
    }
}
