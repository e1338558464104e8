//! The consume loop of a server: consumes on one session after the other, and fills the prefetch buffer.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use rpc_amqp::Error;
use rpc_core::transport::{Listen, ListenError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::consumers::{Consumers, DeliverySink};
use super::failover::{RestoredConsumers, Retry, UnreachableQueues, unbind};
use super::redistribution::{REDISTRIBUTE_AFTER, Redistributor};
use super::start_log::StartLog;
use crate::connection::broker_error::{describe, is_permanent};
use crate::connection::{ConnectionSupervisor, Session, Unavailable};
use crate::topology::{DECLARE_GRACE, ServerQueues, is_taken, is_unreachable};

/// How long the broker may take to declare the queues and start the consumers.
const CONSUME_TIMEOUT: Duration = Duration::from_secs(10);
/// Delay before another attempt to consume for the first time.
const RETRY_DELAY: Duration = Duration::from_millis(250);
/// How long the broker may take to cancel the consumers and to take messages back.
const STOP_TIMEOUT: Duration = Duration::from_secs(4);

/// What a listener asks of its consume loop.
pub(super) enum Command {
    /// Cancel the consumers, and return the messages that wait.
    StopConsuming(oneshot::Sender<()>),
    /// End the loop.
    Close(oneshot::Sender<()>),
}

/// The consume loop of one server.
pub(super) struct ConsumeLoop {
    pub(super) consuming: Arc<ConnectionSupervisor>,
    /// The largest prefetch of servers that acknowledge before they invoke the method.
    pub(super) max_prefetch: u16,
    pub(super) listen: Listen,
    pub(super) queues: ServerQueues,
    /// The name of the fanout queue, and the address over which it was first declared.
    pub(super) declared_at: (String, String),
    pub(super) sink: Arc<DeliverySink>,
    pub(super) redistributor: Arc<Redistributor>,
    pub(super) closing: CancellationToken,
    pub(super) commands: mpsc::UnboundedReceiver<Command>,
    /// Whether the fanout queue may exist.
    pub(super) queues_declared: bool,
}

/// Why the loop no longer consumes.
enum Exit {
    /// The consumers or the connection are gone; new ones can be had.
    Lost,
    Stopped(oneshot::Sender<()>),
    /// The listener was closed, or dropped.
    Closed(Option<oneshot::Sender<()>>),
}

impl From<Option<Command>> for Exit {
    fn from(command: Option<Command>) -> Self {
        match command {
            Some(Command::StopConsuming(done)) => Self::Stopped(done),
            Some(Command::Close(done)) => Self::Closed(Some(done)),
            None => Self::Closed(None),
        }
    }
}

impl ConsumeLoop {
    /// Starts to consume. Once it returns, messages that are sent reach this server.
    ///
    /// # Errors
    ///
    /// Fails if there is no connection, or if the broker rejects a queue or an exchange.
    ///
    /// # Cancel safety
    ///
    /// Dropped together with the listener, it leaves nothing on the broker: the loop finishes an attempt that is under way, returns
    /// what it has received and deletes the fanout queue, in a task of its own.
    pub(super) async fn start(self, tasks: &TaskTracker) -> Result<(), ListenError> {
        let no_runtime =
            ListenError::new(&self.listen, "the runtime on which it was started has ended");
        let (started, when_started) = oneshot::channel();
        tasks.spawn(self.begin(started));
        when_started.await.unwrap_or(Err(no_runtime))
    }

    async fn begin(mut self, started: oneshot::Sender<Result<(), ListenError>>) {
        let log = StartLog::new(&self.listen, &self.consuming);
        let first = tokio::select! {
            first = self.first(&log) => first,
            never = log.run() => match never {},
        };
        match first {
            Ok(consumers) => {
                self.note_fanout_queue(consumers.session());
                let _ = started.send(Ok(()));
                self.run(consumers).await;
            }
            Err(error) => {
                let _ = started.send(Err(error));
                self.end(None, None).await;
            }
        }
    }

    /// Starts to consume for the first time. Unlike later, errors that do not pass fail the start of the server.
    async fn first(&mut self, log: &StartLog) -> Result<Arc<Consumers>, ListenError> {
        loop {
            let session = tokio::select! {
                session = self.consuming.session() => session,
                _ = interruption(&mut self.commands, &self.closing) => return Err(self.given_up()),
            };
            let session = match session {
                Ok(session) => session,
                Err(Unavailable::Failed(error)) => {
                    return Err(ListenError::new(&self.listen, error.to_string()));
                }
                Err(Unavailable::Closed) => return Err(self.given_up()),
            };
            self.queues_declared = true;
            // Not interrupted: what it has declared and received is then known, and can be deleted and returned.
            match open(&session, &self.queues, self.prefetch(), &self.sink).await {
                Ok(consumers) => return Ok(consumers),
                Err(Some(error)) if self.queues.fanout_may_be_taken() && is_taken(&error) => {
                    let other = self.queues.other_fanout();
                    let taken = std::mem::replace(&mut self.queues.fanout, other).name;
                    tracing::debug!(queue = %taken, new = %self.queues.fanout.name, "another process has the fanout queue of this name");
                }
                Err(Some(error)) if is_permanent(&error) => {
                    return Err(ListenError::new(&self.listen, describe(&error)));
                }
                Err(error) => {
                    log.note(describe_failure(error.as_ref()));
                    sleep(RETRY_DELAY).await;
                }
            }
        }
    }

    /// Returns the error of a start that ends because the transport is closed, or because nobody waits for it any more.
    fn given_up(&self) -> ListenError {
        ListenError::new(&self.listen, "the RabbitMQ transport has been closed")
    }

    /// Returns the prefetch. A message that is acknowledged before its method runs waits unacknowledged only for a permit: few
    /// are enough. One that is acknowledged after the reply is unacknowledged while its method runs, so there may be as many as
    /// permits.
    fn prefetch(&self) -> u16 {
        let tasks = u16::try_from(self.listen.concurrency).unwrap_or(u16::MAX).max(1);
        match self.listen.ack_mode.is_before_invoke() {
            true => tasks.min(self.max_prefetch),
            false => tasks,
        }
    }

    async fn run(mut self, consumers: Arc<Consumers>) {
        let mut consuming = Some(consumers);
        let done = loop {
            let exit = match &consuming {
                Some(consumers) => self.consume(&Arc::clone(consumers)).await,
                None => match self.reconsume().await {
                    Ok(opened) => {
                        consuming = Some(opened);
                        continue;
                    }
                    Err((exit, late)) => {
                        consuming = late;
                        exit
                    }
                },
            };
            if let Some(consumers) = &consuming
                && timeout(STOP_TIMEOUT, self.stop(consumers, &exit)).await.is_err()
            {
                tracing::warn!(topic = %self.listen.topic, "timed out returning prefetched messages to the broker");
            }
            match exit {
                // Running methods keep the channel to settle their messages. The consumers are cancelled, so new ones can be started.
                Exit::Lost => consuming = None,
                Exit::Stopped(done) => {
                    self.sink.buffer.close();
                    let _ = done.send(());
                    break self.closed().await;
                }
                Exit::Closed(done) => break done,
            }
        };
        self.end(consuming, done).await;
    }

    /// Forgets the messages that wait, and deletes the fanout queue.
    async fn end(&self, consumers: Option<Arc<Consumers>>, done: Option<oneshot::Sender<()>>) {
        // Closed before it is cleared, so that nothing is added in between.
        self.sink.buffer.close();
        self.sink.buffer.clear();
        if self.queues_declared {
            let _ = timeout(STOP_TIMEOUT, self.delete_fanout_queue(consumers)).await;
        }
        if let Some(done) = done {
            let _ = done.send(());
        }
    }

    /// Deletes the fanout queue, on the next session if this one is gone and there is another one in time.
    async fn delete_fanout_queue(&self, consumers: Option<Arc<Consumers>>) {
        match consumers.filter(|consumers| consumers.is_open()) {
            Some(consumers) => consumers.close().await,
            None if self.queues.fanout_is_kept() => {}
            None => {
                self.consuming.retry_now();
                if let Ok(session) = self.consuming.session().await {
                    let _ = self.queues.fanout.delete(&session).await;
                }
            }
        }
    }

    /// Has old messages of the buffer redistributed, until the consumers end or a command comes.
    async fn consume(&mut self, consumers: &Arc<Consumers>) -> Exit {
        // Dropped before the consumers are cancelled, so that none is started after that.
        let mut restored = RestoredConsumers::begin(&self.queues, consumers);
        let closing = self.closing.clone();
        // Made once: each of them registers under a lock.
        let (mut ended, mut closed) = (pin!(consumers.ended()), pin!(closing.cancelled()));
        let mut old = interval(REDISTRIBUTE_AFTER);
        old.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut redistributing: Option<JoinHandle<()>> = None;
        let exit = loop {
            tokio::select! {
                biased;
                command = self.commands.recv() => break command.into(),
                () = &mut ended => break Exit::Lost,
                () = &mut closed => break Exit::Closed(None),
                kind = consumers.cancelled() => {
                    restored.restore(kind, &self.queues, &self.declared_at.1);
                }
                (kind, queue) = restored.next() => {
                    self.queues.set(kind, queue);
                    self.note_fanout_queue(consumers.session());
                }
                _ = old.tick() => {
                    // In a task of its own, as it waits for the broker; one at a time.
                    let done = redistributing.as_ref().is_none_or(JoinHandle::is_finished);
                    if done && self.redistributor.is_due(consumers) {
                        let redistributor = Arc::clone(&self.redistributor);
                        let consumers = Arc::clone(consumers);
                        redistributing = Some(tokio::spawn(async move {
                            redistributor.redistribute(&consumers).await;
                        }));
                    }
                }
            }
        };
        // It may be about to start a consumer, which is to be cancelled with the others.
        if let Some(redistributing) = redistributing {
            let _ = timeout(STOP_TIMEOUT, redistributing).await;
        }
        exit
    }

    /// Consumes again on this session or a later one, for as long as it takes.
    ///
    /// # Errors
    ///
    /// Fails if the loop is to exit, with the consumers that an attempt under way has started all the same.
    async fn reconsume(&mut self) -> Result<Arc<Consumers>, (Exit, Option<Arc<Consumers>>)> {
        let (prefetch, closing) = (self.prefetch(), self.closing.clone());
        let mut retry = Retry::default();
        let mut given_up = Vec::new();
        // What was out of reach on the last session may be within reach of this one.
        self.queues.try_all();
        loop {
            let session = tokio::select! {
                session = self.consuming.next_session() => session,
                exit = interruption(&mut self.commands, &closing) => return Err((exit, None)),
            };
            let Some(session) = session else { return Err((Exit::Closed(None), None)) };
            let (opened, unreachable) = {
                let mut attempt =
                    pin!(open_reachable(&session, &self.queues, prefetch, &self.sink));
                tokio::select! {
                    opened = &mut attempt => opened,
                    exit = interruption(&mut self.commands, &closing) => {
                        // Not dropped half-way: it could still declare the queue that is about to be deleted.
                        let late = timeout(STOP_TIMEOUT, attempt).await;
                        return Err((exit, late.ok().and_then(|(opened, _)| opened.ok())));
                    }
                }
            };
            if !unreachable.is_empty() {
                given_up.extend(unreachable.leave_out(&mut self.queues, &self.declared_at.1));
                continue;
            }
            match opened {
                Ok(consumers) => {
                    self.note_fanout_queue(&session);
                    // Not before: without any binding the broker would delete the exchange.
                    tokio::spawn(async move {
                        for queue in given_up {
                            unbind(&queue, &session).await;
                        }
                    });
                    return Ok(consumers);
                }
                Err(error) => retry.log(&self.listen.topic, describe_failure(error.as_ref())),
            }
            tokio::select! {
                () = sleep(retry.next_delay()) => {}
                exit = interruption(&mut self.commands, &closing) => return Err((exit, None)),
            }
        }
    }

    /// Notes over which connection the fanout queue was first declared. It is on that node, unless the broker places queues in
    /// another way.
    fn note_fanout_queue(&mut self, session: &Session) {
        let name = &self.queues.fanout.name;
        if self.declared_at.0 != *name {
            self.declared_at = (name.clone(), session.address.to_string());
        }
    }

    /// Waits for the close, after consuming was stopped.
    async fn closed(&mut self) -> Option<oneshot::Sender<()>> {
        tokio::select! {
            closed = next_close(&mut self.commands) => closed,
            () = self.closing.cancelled() => None,
        }
    }

    /// Cancels the consumers and returns the messages that wait. If the connection is gone, the broker does both by itself.
    async fn stop(&self, consumers: &Consumers, exit: &Exit) {
        if consumers.is_open() {
            consumers.stop_consuming().await;
        }
        match exit {
            Exit::Lost => self.redistributor.return_redelivered(),
            Exit::Stopped(_) | Exit::Closed(_) => self.redistributor.return_all(),
        }
    }
}

/// Starts to consume on one session.
///
/// # Errors
///
/// Fails if the broker rejects it, with `None` if the broker did not answer in time.
async fn open(
    session: &Arc<Session>,
    queues: &ServerQueues,
    prefetch: u16,
    sink: &Arc<DeliverySink>,
) -> Result<Arc<Consumers>, Option<Error>> {
    let opened = timeout(CONSUME_TIMEOUT, Consumers::open(session, queues, prefetch, sink)).await;
    match opened {
        Ok(opened) => opened.map_err(Some),
        Err(_) => {
            session.end();
            Err(None)
        }
    }
}

/// Starts to consume on one session, and finds out meanwhile which queues cannot be reached. If there are any, the attempt is given
/// up.
async fn open_reachable(
    session: &Arc<Session>,
    queues: &ServerQueues,
    prefetch: u16,
    sink: &Arc<DeliverySink>,
) -> (Result<Arc<Consumers>, Option<Error>>, UnreachableQueues) {
    let mut attempt = pin!(open(session, queues, prefetch, sink));
    match timeout(DECLARE_GRACE, &mut attempt).await {
        Ok(Err(Some(error))) if is_unreachable(&error) => {
            let unreachable = UnreachableQueues::find(queues, session).await;
            (Err(Some(error)), unreachable)
        }
        Ok(opened) => (opened, UnreachableQueues::default()),
        Err(_) => {
            match select(&mut attempt, pin!(UnreachableQueues::find(queues, session))).await {
                Either::Left((opened, _)) => (opened, UnreachableQueues::default()),
                Either::Right((found, _)) if !found.is_empty() => (Err(None), found),
                Either::Right((_, attempt)) => (attempt.await, UnreachableQueues::default()),
            }
        }
    }
}

/// Returns the text of an error of [`open`].
fn describe_failure(error: Option<&Error>) -> String {
    let no_answer = || format!("the broker did not answer within {} s", CONSUME_TIMEOUT.as_secs());
    error.map_or_else(no_answer, describe)
}

/// Waits for a command, or for the transport to be closed.
///
/// Cancel safe: a command that was not returned is still queued.
async fn interruption(
    commands: &mut mpsc::UnboundedReceiver<Command>,
    closing: &CancellationToken,
) -> Exit {
    tokio::select! {
        command = commands.recv() => command.into(),
        () = closing.cancelled() => Exit::Closed(None),
    }
}

/// Waits for the command to close. Consuming was stopped before, so a command to stop is already carried out.
async fn next_close(
    commands: &mut mpsc::UnboundedReceiver<Command>,
) -> Option<oneshot::Sender<()>> {
    loop {
        match commands.recv().await {
            Some(Command::StopConsuming(done)) => drop(done.send(())),
            Some(Command::Close(done)) => return Some(done),
            None => return None,
        }
    }
}
