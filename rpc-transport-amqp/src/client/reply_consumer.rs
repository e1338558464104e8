//! Where answers come in: one queue for all calls of a transport, which outlives its connection.
//!
//! Its name is kept from session to session, so that a caller whose connection broke gets the answers that came meanwhile.
//! Servers that said to callers where to cancel hear of it here, too.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions};
use lapin::{Channel, Consumer};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::connection::broker_error;
use crate::connection::supervisor::{Link, Session, Unavailable};
use crate::topology::queues::Queue;

/// So many answers may be on their way to us unacknowledged.
const PREFETCH: u16 = 2048;
/// After so long, or so many, answers are acknowledged, all at once. One that comes again, as it was not acknowledged in
/// time, finds nobody.
const LAG: Duration = Duration::from_millis(2);
const BATCH: usize = 256;
/// Before the queue is consumed again: another connection of ours may not be quite dead yet, and the consumer is exclusive.
const PAUSE: Duration = Duration::from_millis(250);
/// Before it is asked again for what it has refused.
const LONG_PAUSE: Duration = Duration::from_secs(2);
/// How long the broker may take for each step.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct Inbox {
    queue: Queue,
    link: Arc<Link>,
    state: watch::Sender<State>,
}

#[derive(Clone)]
enum State {
    Shut,
    Open,
    /// The broker will not have the queue, and why.
    Refused(Arc<str>),
}

/// Why answers cannot come in.
pub(crate) enum NoInbox {
    Unavailable(Unavailable),
    Refused(Arc<str>),
}

impl Inbox {
    pub(crate) fn new(queue: Queue, link: Arc<Link>) -> Self {
        Self { queue, link, state: watch::Sender::new(State::Shut) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.queue.name
    }

    /// Whether answers can come in now.
    pub(crate) fn is_open(&self) -> bool {
        matches!(*self.state.borrow(), State::Open)
    }

    /// Resolves when answers can come in.
    ///
    /// Cancel safe: nothing is consumed by waiting.
    pub(crate) async fn opened(&self) -> Result<(), NoInbox> {
        let mut state = self.state.subscribe();
        loop {
            match &*state.borrow_and_update() {
                State::Open => return Ok(()),
                State::Refused(why) => return Err(NoInbox::Refused(Arc::clone(why))),
                State::Shut => {}
            }
            let session = self.link.session().await.map_err(NoInbox::Unavailable)?;
            tokio::select! {
                // The sender is ours.
                _ = state.changed() => {}
                () = session.ended() => {}
            }
        }
    }

    /// Takes in what comes, on one session after the other, until the transport is closed; then deletes the queue.
    pub(crate) async fn run(&self, mut take: impl FnMut(Delivery), stop: CancellationToken) {
        while !stop.is_cancelled() {
            let session = tokio::select! {
                session = self.link.next_session() => session,
                () = stop.cancelled() => break,
            };
            let Some(session) = session else { return };
            self.serve(&session, &mut take, &stop).await;
            self.enter(State::Shut);
        }
        let _ = timeout(PATIENCE, self.delete()).await;
    }

    /// The session that was served may just have ended: takes the next one, then.
    async fn delete(&self) {
        self.link.hurry();
        if let Ok(session) = self.link.session().await {
            let _ = self.queue.delete(&session).await;
        }
    }

    fn enter(&self, state: State) {
        self.state.send_replace(state);
    }

    /// An attempt to consume is not dropped half-way: it could still make the queue that is about to be deleted.
    async fn serve(
        &self,
        session: &Arc<Session>,
        take: &mut impl FnMut(Delivery),
        stop: &CancellationToken,
    ) {
        while !session.has_ended() && !stop.is_cancelled() {
            match timeout(PATIENCE, self.consume(session)).await {
                Ok(Ok((channel, consumer))) => {
                    self.enter(State::Open);
                    tokio::select! {
                        () = empty(&channel, consumer, take) => {}
                        () = session.ended() => {}
                        () = stop.cancelled() => {}
                    }
                    // The queue may have been deleted by somebody; it is made again.
                    self.enter(State::Shut);
                }
                Ok(Err(error)) if broker_error::is_lasting(&error) => {
                    session.note(&error);
                    let why = broker_error::explained(&error);
                    tracing::warn!(
                        queue = self.name(),
                        error = why,
                        "the broker refuses the reply queue"
                    );
                    self.enter(State::Refused(why.into()));
                    pause(session, stop, LONG_PAUSE).await;
                }
                Ok(Err(error)) => {
                    session.note(&error);
                    tracing::debug!(%error, "the reply queue cannot be consumed yet");
                    pause(session, stop, PAUSE).await;
                }
                Err(_) => session.end(),
            }
        }
    }

    async fn consume(&self, session: &Arc<Session>) -> lapin::Result<(Channel, Consumer)> {
        let channel = session.connection.create_channel().await?;
        channel.basic_qos(PREFETCH, <_>::default()).await?;
        self.queue.declare(&channel).await?;
        let options = BasicConsumeOptions { exclusive: true, ..BasicConsumeOptions::default() };
        let name = self.queue.name.as_str();
        let consumer =
            channel.basic_consume(name.into(), "replies".into(), options, <_>::default()).await?;
        Ok((channel, consumer))
    }
}

async fn pause(session: &Session, stop: &CancellationToken, time: Duration) {
    tokio::select! {
        () = session.pause(time) => {}
        () = stop.cancelled() => {}
    }
}

/// Takes in what comes until the consumer ends.
async fn empty(channel: &Channel, mut consumer: Consumer, take: &mut impl FnMut(Delivery)) {
    let (mut last, mut taken) = (0, 0);
    let mut due = pin!(sleep(LAG));
    loop {
        tokio::select! {
            biased;
            next = consumer.next() => {
                let Some(Ok(delivery)) = next else { return };
                if taken == 0 {
                    due.as_mut().reset(Instant::now() + LAG);
                }
                (last, taken) = (delivery.delivery_tag, taken + 1);
                take(delivery);
                if taken < BATCH {
                    continue;
                }
            }
            () = &mut due, if taken > 0 => {}
        }
        let acknowledged = channel.basic_ack(last, BasicAckOptions { multiple: true });
        if acknowledged.await.is_err() {
            return;
        }
        taken = 0;
    }
}
