//! Keeps a server listening: consumes on one session after the other, and fills its window.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use rpc_core::server::AckMode;
use rpc_core::transport::{Listen, ListenError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::connection::broker_error::{explained, is_lasting};
use crate::connection::supervisor::{Session, Unavailable};
use crate::hub::Hub;
use crate::server::consumers::{Ear, Incoming};
use crate::server::prefetch::{Held, Window};
use crate::server::redistribution::{PATIENCE, Relay};
use crate::topology::queues::Ears;

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
    relay: Arc<Relay>,
    orders: mpsc::UnboundedReceiver<Order>,
}

/// A server's consumers, and what comes by them.
type Listening = (Arc<Ear>, Incoming);

/// Why a pump no longer pumps.
enum End {
    /// The consumers are gone, or the connection; others can be had.
    Lost,
    Stopped(oneshot::Sender<()>),
    /// The listener was closed, or dropped.
    Closed(Option<oneshot::Sender<()>>),
}

impl From<Option<Order>> for End {
    fn from(order: Option<Order>) -> Self {
        match order {
            Some(Order::Stop(done)) => Self::Stopped(done),
            Some(Order::Close(done)) => Self::Closed(Some(done)),
            None => Self::Closed(None),
        }
    }
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
        let relay = Arc::new(Relay {
            hub: Arc::clone(&hub),
            window: Arc::clone(&window),
            queues: queues.clone(),
            acknowledge: listen.ack_mode,
        });
        let pump = Self { hub, listen, queues, window, relay, orders };
        let (ear, incoming) = pump.first().await?;
        let tasks = pump.hub.tasks.clone();
        tasks.spawn(pump.run(ear, incoming));
        Ok(())
    }

    /// Unlike later, what the broker refuses now is an error of the server's start.
    async fn first(&self) -> Result<Listening, ListenError> {
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
                Err(Some(error)) if !session.has_ended() && is_lasting(&error) => {
                    return Err(ListenError::new(&self.listen, explained(&error)));
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    /// Before methods run, a message that was delivered waits for a task: few will do. After they have replied, it is at
    /// work, and there may be as many as there are tasks.
    fn prefetch(&self) -> u16 {
        let tasks = u16::try_from(self.listen.concurrency).unwrap_or(u16::MAX).max(1);
        match self.listen.ack_mode {
            AckMode::BeforeInvoke => tasks.min(self.hub.config.window),
            _ => tasks,
        }
    }

    async fn run(mut self, ear: Arc<Ear>, incoming: Incoming) {
        let mut listening = Some((ear, incoming));
        let done = loop {
            let end = match &mut listening {
                Some((ear, incoming)) => self.pump(ear, incoming).await,
                None => match self.again().await {
                    Ok(opened) => {
                        listening = Some(opened);
                        continue;
                    }
                    Err((end, late)) => {
                        listening = late;
                        end
                    }
                },
            };
            if let Some((ear, incoming)) = &mut listening
                && timeout(STOP, self.stop(ear, incoming)).await.is_err()
            {
                tracing::warn!(topic = %self.listen.topic, "the broker is slow to take messages back");
            }
            match end {
                // What is at work keeps its channel; with the consumers gone, nobody is in the way of the next ones.
                End::Lost => listening = None,
                End::Stopped(done) => {
                    self.window.end();
                    let _ = done.send(());
                    break self.closed().await;
                }
                End::Closed(done) => break done,
            }
        };
        self.window.clear();
        self.window.end();
        let ear = listening.map(|(ear, _)| ear);
        let _ = timeout(STOP, self.leave(ear)).await;
        if let Some(done) = done {
            let _ = done.send(());
        }
    }

    /// Takes the fanout queue along; cut off just now, by the next session, if there is one in time.
    async fn leave(&self, ear: Option<Arc<Ear>>) {
        match ear.filter(|ear| ear.is_open()) {
            Some(ear) => ear.close().await,
            None => {
                self.hub.consuming.hurry();
                if let Ok(session) = self.hub.consuming.session().await {
                    let _ = self.queues.fanout.delete(&session).await;
                }
            }
        }
    }

    /// Fills the window until something ends it.
    async fn pump(&mut self, ear: &Arc<Ear>, incoming: &mut Incoming) -> End {
        let (session, closing) = (Arc::clone(ear.session()), self.hub.closing.clone());
        // Made once: each of them enlists under a lock.
        let (mut ended, mut closed) = (pin!(session.ended()), pin!(closing.cancelled()));
        let mut old = interval(PATIENCE);
        old.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut passing: Option<JoinHandle<()>> = None;
        loop {
            tokio::select! {
                biased;
                order = self.orders.recv() => return order.into(),
                next = incoming.next() => match next {
                    Some((source, Some(delivery))) => {
                        self.window.push(Held::new(ear, source, delivery));
                    }
                    _ => return End::Lost,
                },
                () = &mut ended => return End::Lost,
                () = &mut closed => return End::Closed(None),
                _ = old.tick(), if self.relay.passes_on() => {
                    // Beside the loop, as it waits for the broker, and one after the other.
                    let passed = passing.as_ref().is_none_or(JoinHandle::is_finished);
                    if passed && self.window.has_old(PATIENCE) {
                        let relay = Arc::clone(&self.relay);
                        passing = Some(tokio::spawn(async move { relay.pass_on().await }));
                    }
                }
            }
        }
    }

    /// Listens again on this session, or on the next one, for as long as it takes; or why not any more, and the consumers that
    /// came about all the same.
    async fn again(&mut self) -> Result<Listening, (End, Option<Listening>)> {
        let (prefetch, closing) = (self.prefetch(), self.hub.closing.clone());
        loop {
            let session = tokio::select! {
                session = self.hub.consuming.next_session() => session,
                end = interruption(&mut self.orders, &closing) => return Err((end, None)),
            };
            let Some(session) = session else { return Err((End::Closed(None), None)) };
            let mut attempt = pin!(open(&session, &self.queues, prefetch));
            let opened = tokio::select! {
                opened = &mut attempt => opened,
                end = interruption(&mut self.orders, &closing) => {
                    // Dropped half-way, it could still make the queue that is about to be deleted.
                    let late = timeout(STOP, attempt).await;
                    return Err((end, late.ok().and_then(Result::ok)));
                }
            };
            match opened {
                Ok(opened) => return Ok(opened),
                Err(error) => {
                    let error = error.as_ref().map_or_else(String::new, explained);
                    tracing::warn!(topic = %self.listen.topic, %error, "cannot listen, and tries again");
                }
            }
            tokio::select! {
                () = sleep(PAUSE) => {}
                end = interruption(&mut self.orders, &closing) => return Err((end, None)),
            }
        }
    }

    /// After the stop: waits for the close.
    async fn closed(&mut self) -> Option<oneshot::Sender<()>> {
        tokio::select! {
            closed = next_close(&mut self.orders) => closed,
            () = self.hub.closing.cancelled() => None,
        }
    }

    /// Ends the consumers, and gives what nobody has taken back. Of a connection that is gone the broker knows both.
    async fn stop(&self, ear: &Arc<Ear>, incoming: &mut Incoming) {
        if !ear.is_open() {
            self.window.clear();
            return;
        }
        ear.stop_consuming().await;
        // What had been delivered by then comes before the consumers' end; one of them may have ended before.
        while let Some((source, delivery)) = incoming.next().await {
            if let Some(delivery) = delivery {
                self.window.push(Held::new(ear, source, delivery));
            }
        }
        self.relay.hand_back_all().await;
    }
}

/// `Err(None)`: the broker does not answer.
async fn open(
    session: &Arc<Session>,
    queues: &Ears,
    prefetch: u16,
) -> Result<Listening, Option<lapin::Error>> {
    match timeout(OPEN, Ear::open(session, queues, prefetch)).await {
        Ok(opened) => opened.map_err(|error| {
            session.note(&error);
            Some(error)
        }),
        Err(_) => {
            session.end();
            Err(None)
        }
    }
}

/// What ends a pump from outside.
///
/// Cancel safe: an order that was not returned is still there.
async fn interruption(
    orders: &mut mpsc::UnboundedReceiver<Order>,
    closing: &CancellationToken,
) -> End {
    tokio::select! {
        order = orders.recv() => order.into(),
        () = closing.cancelled() => End::Closed(None),
    }
}

/// A stop that is asked for once more has been done.
async fn next_close(orders: &mut mpsc::UnboundedReceiver<Order>) -> Option<oneshot::Sender<()>> {
    loop {
        match orders.recv().await {
            Some(Order::Stop(done)) => drop(done.send(())),
            Some(Order::Close(done)) => return Some(done),
            None => return None,
        }
    }
}
