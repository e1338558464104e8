//! Keeps a server listening: consumes on one session after the other, and fills its window.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use rpc_core::server::Acknowledge;
use rpc_core::transport::{Listen, ListenError};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::ear::{Ear, Incoming, Source};
use crate::exact::Arrival;
use crate::hub::Hub;
use crate::inspector::Seen;
use crate::link::{Session, Unavailable};
use crate::refusal::{explained, is_refusal};
use crate::topology::Ears;
use crate::window::{Held, Window};
use crate::wire::{Outgoing, time_left};

/// A message that has waited in the window for so long is passed on, if others are free.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long the broker may take to declare and consume.
const OPEN: Duration = Duration::from_secs(10);
/// Before a server that lost its consumers listens again.
const PAUSE: Duration = Duration::from_millis(250);
/// How long the broker may take to end consumers, and to take the window back.
const STOP: Duration = Duration::from_secs(4);

/// What a listener asks of its pump.
pub(crate) enum Order {
    /// Take nothing more, and hand the window back.
    Stop(oneshot::Sender<()>),
    /// End.
    Close(oneshot::Sender<()>),
}

pub(crate) struct Pump {
    hub: Arc<Hub>,
    listen: Listen,
    queues: Ears,
    window: Arc<Window>,
    orders: mpsc::UnboundedReceiver<Order>,
}

/// Why a pump no longer pumps.
enum End {
    /// The consumers are gone, or the connection; others can be had.
    Lost,
    Stopped(oneshot::Sender<()>),
    /// The listener was closed, or dropped.
    Closed(Option<oneshot::Sender<()>>),
}

impl Pump {
    /// Begins to listen. When it is done, messages sent from then on reach this server.
    pub(crate) async fn begin(
        hub: Arc<Hub>,
        listen: Listen,
        queues: Ears,
        window: Arc<Window>,
        orders: mpsc::UnboundedReceiver<Order>,
    ) -> Result<(), ListenError> {
        let pump = Self { hub, listen, queues, window, orders };
        let (ear, incoming) = pump.first().await?;
        let tasks = pump.hub.tasks.clone();
        tasks.spawn(pump.run(ear, incoming));
        Ok(())
    }

    /// Unlike later, what the broker refuses now is an error of the server's start.
    async fn first(&self) -> Result<(Arc<Ear>, Incoming), ListenError> {
        loop {
            let session = match self.hub.consuming.session().await {
                Ok(session) => session,
                Err(Unavailable::Refused(failure)) => {
                    return Err(ListenError::new(&self.listen, failure.to_string()));
                }
                Err(Unavailable::Closed) => {
                    let reason = "the RabbitMQ transport has been closed";
                    return Err(ListenError::new(&self.listen, reason));
                }
            };
            match open(&session, &self.queues, self.prefetch()).await {
                Ok(opened) => return Ok(opened),
                Err(Some(error)) if !session.has_ended() && is_refusal(&error) => {
                    return Err(ListenError::new(&self.listen, explained(&error)));
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    /// Before methods run, a message that was delivered waits for a task: few will do. After they have replied, it is at
    /// work, and there may be as many as there are tasks.
    fn prefetch(&self) -> u16 {
        let tasks = u16::try_from(self.listen.max_tasks).unwrap_or(u16::MAX).max(1);
        match self.listen.acknowledge {
            Acknowledge::BeforeInvoke => tasks.min(self.hub.config.window),
            _ => tasks,
        }
    }

    async fn run(mut self, mut ear: Arc<Ear>, mut incoming: Incoming) {
        let closed = loop {
            match self.pump(&ear, &mut incoming).await {
                End::Lost => {
                    self.window.clear();
                    match self.again().await {
                        Ok(opened) => (ear, incoming) = opened,
                        Err(closed) => break closed,
                    }
                }
                End::Stopped(done) => {
                    let stop = self.stop(&ear, &mut incoming);
                    if timeout(STOP, stop).await.is_err() {
                        tracing::warn!(topic = %self.listen.topic, "the broker is slow to take messages back");
                    }
                    self.window.end();
                    let _ = done.send(());
                    break self.closed().await;
                }
                End::Closed(done) => break done,
            }
        };
        self.window.clear();
        self.window.end();
        let _ = timeout(STOP, self.leave(&ear)).await;
        if let Some(done) = closed {
            let _ = done.send(());
        }
    }

    /// Takes the fanout queue along; cut off just now, by the next session, if there is one in time.
    async fn leave(&self, ear: &Ear) {
        if ear.is_open() {
            ear.close().await;
        } else if let Ok(session) = self.hub.consuming.session().await {
            let _ = self.queues.fanout.delete(&session).await;
        }
    }

    /// Fills the window until something ends it.
    async fn pump(&mut self, ear: &Arc<Ear>, incoming: &mut Incoming) -> End {
        let (session, closing) = (Arc::clone(ear.session()), self.hub.closing.clone());
        let (mut ended, mut closed) = (pin!(session.ended()), pin!(closing.cancelled()));
        let mut old = interval(PATIENCE);
        old.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                order = self.orders.recv() => return match order {
                    Some(Order::Stop(done)) => End::Stopped(done),
                    Some(Order::Close(done)) => End::Closed(Some(done)),
                    None => End::Closed(None),
                },
                next = incoming.next() => match next {
                    Some((source, Some(delivery))) => {
                        self.window.push(Held::new(ear, source, delivery));
                    }
                    _ => return End::Lost,
                },
                () = &mut ended => return End::Lost,
                () = &mut closed => return End::Closed(None),
                _ = old.tick(), if !self.window.is_empty() => self.pass_on().await,
            }
        }
    }

    /// Listens again on this session, or on the next one.
    async fn again(&mut self) -> Result<(Arc<Ear>, Incoming), Option<oneshot::Sender<()>>> {
        let (hub, closing) = (Arc::clone(&self.hub), self.hub.closing.clone());
        let opened = open_again(&hub, &self.listen, &self.queues, self.prefetch());
        tokio::select! {
            opened = opened => opened.ok_or(None),
            closed = next_close(&mut self.orders, &self.window) => Err(closed),
            () = closing.cancelled() => Err(None),
        }
    }

    /// After the stop: waits for the close.
    async fn closed(&mut self) -> Option<oneshot::Sender<()>> {
        tokio::select! {
            closed = next_close(&mut self.orders, &self.window) => closed,
            () = self.hub.closing.cancelled() => None,
        }
    }

    /// Ends the consumers, and gives what nobody has taken back.
    async fn stop(&self, ear: &Arc<Ear>, incoming: &mut Incoming) {
        ear.stop_consuming().await;
        // What had been delivered by then comes before the consumers' end.
        let mut ended = 0;
        while ended < 3 {
            match incoming.next().await {
                Some((source, Some(delivery))) => {
                    self.window.push(Held::new(ear, source, delivery));
                }
                Some((_, None)) => ended += 1,
                None => break,
            }
        }
        join_all(self.window.clear().into_iter().map(|held| self.hand_back(held))).await;
    }

    async fn hand_back(&self, held: Held) {
        let fresh =
            self.listen.acknowledge == Acknowledge::BeforeInvoke && !held.delivery.redelivered;
        match held.source {
            // Nobody else has this queue.
            Source::Fanout => drop(held.ear.acknowledge(held.tag())),
            // Given back by itself, it would be marked as delivered before, and not be run.
            _ if fresh && self.send_copy(&held).await == Arrival::Queued => {
                let _ = held.ear.acknowledge(held.tag());
            }
            _ => held.ear.requeue(held.tag()),
        }
    }

    /// Lets servers that are free have what waits here for too long.
    async fn pass_on(&self) {
        // Nothing is taken out of the window that could not leave at once: a task may become free meanwhile.
        let can_leave = self.hub.outlet.now().is_some();
        if self.listen.acknowledge != Acknowledge::BeforeInvoke || !can_leave {
            return;
        }
        let old = self.window.take_old(Source::Topic, PATIENCE);
        if old.is_empty() {
            return;
        }
        // Messages that no consumer takes: the others are busy, too.
        let others_are_free = matches!(
            self.hub.inspector.look(&self.queues.topic.name).await,
            Ok(Some(Seen::Present { consumers: 2.., messages: 0 }))
        );
        if !others_are_free {
            return self.window.put_back(old);
        }
        let sent = join_all(old.into_iter().map(async |held| (self.send_copy(&held).await, held)));
        let mut kept = Vec::new();
        for (arrival, held) in sent.await {
            match arrival {
                Arrival::Queued => self.window.plug(&held),
                // There may be two of it now. The one that comes back is marked as delivered before, and is not run.
                Arrival::Unknown => held.ear.requeue(held.tag()),
                _ => kept.push(held),
            }
        }
        self.window.put_back(kept);
    }

    /// Sends a message once more to the queue that it came by. It keeps its id, and what is left of its time.
    async fn send_copy(&self, held: &Held) -> Arrival {
        let delivery = &held.delivery;
        let mut properties = delivery.properties.clone();
        if let Some(left) = time_left(&properties) {
            let left = left.saturating_sub(held.waited()).as_millis();
            properties = properties.with_expiration(left.to_string().into());
        }
        let queue = match held.source {
            Source::Topic => &self.queues.topic.name,
            Source::Server => &self.queues.server.name,
            Source::Fanout => &self.queues.fanout.name,
        };
        let (exchange, routing_key) = ("".into(), queue.as_str().into());
        let body = delivery.data.clone();
        self.hub.send_exactly(Outgoing { exchange, routing_key, properties, body }).await
    }
}

/// `Err(None)`: the broker does not answer.
async fn open(
    session: &Arc<Session>,
    queues: &Ears,
    prefetch: u16,
) -> Result<(Arc<Ear>, Incoming), Option<lapin::Error>> {
    match timeout(OPEN, Ear::open(session, queues, prefetch)).await {
        Ok(opened) => opened.map_err(Some),
        Err(_) => {
            session.end();
            Err(None)
        }
    }
}

/// Tries for as long as it takes. `None`: the transport is closed.
async fn open_again(
    hub: &Hub,
    listen: &Listen,
    queues: &Ears,
    prefetch: u16,
) -> Option<(Arc<Ear>, Incoming)> {
    loop {
        let session = hub.consuming.next_session().await?;
        match open(&session, queues, prefetch).await {
            Ok(opened) => return Some(opened),
            Err(error) => {
                let error = error.as_ref().map_or_else(String::new, explained);
                tracing::warn!(topic = %listen.topic, %error, "cannot listen, and tries again");
                sleep(PAUSE).await;
            }
        }
    }
}

async fn next_close(
    orders: &mut mpsc::UnboundedReceiver<Order>,
    window: &Window,
) -> Option<oneshot::Sender<()>> {
    loop {
        match orders.recv().await {
            Some(Order::Stop(done)) => {
                window.end();
                let _ = done.send(());
            }
            Some(Order::Close(done)) => return Some(done),
            None => return None,
        }
    }
}
