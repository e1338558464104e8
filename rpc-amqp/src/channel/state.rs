//! The state of one channel, which its handle and the connection's task share under the connection's lock.

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::confirms::{Confirm, Confirms, Outcome};
use super::consumer::{Consumer, ConsumerEnd};
use super::content::{Content, Recipient};
use super::message::Returned;
use super::request::{Answer, Expected, Request};
use crate::Error;
use crate::wire::server_method::{Deliver, ServerMethod};
use crate::wire::text::Text;

/// How long the confirm of a close may take when the broker has closed the channel as well. If an id were used again before, the
/// confirm would be taken for that of the next channel.
const CONFIRM_LOST_AFTER: Duration = Duration::from_secs(5);

/// What the handle of a channel can see without the lock.
#[derive(Debug)]
pub(crate) struct Status {
    open: AtomicBool,
    /// Whether the channel takes messages: it is open, and not too many are without confirm.
    ready: AtomicBool,
    /// Why the channel is closed; set before it is no longer open.
    error: OnceLock<Error>,
    closed: watch::Sender<bool>,
}

impl Status {
    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    pub(crate) fn closed(&self) -> watch::Receiver<bool> {
        self.closed.subscribe()
    }

    /// Returns why the channel is closed.
    pub(crate) fn error(&self) -> Error {
        self.error.get().cloned().unwrap_or(Error::Closed)
    }

    fn close(&self, error: &Error) {
        let _ = self.error.set(error.clone());
        self.ready.store(false, Ordering::Release);
        self.open.store(false, Ordering::Release);
    }
}

/// What is to be done when the lock has been released, as it runs code of others.
#[derive(Debug)]
pub(crate) enum Effect {
    Answer(Request, Result<Answer, Error>),
    Outcome(Confirm, Outcome),
    ConsumerEnd(ConsumerHandle, ConsumerEnd),
    /// The channel of this status is closed.
    Closed(Arc<Status>),
    /// Whoever waits to publish looks again.
    Ready,
}

/// A consumer's receiver.
#[derive(Clone)]
pub(crate) struct ConsumerHandle(pub(crate) Arc<dyn Consumer>);

impl std::fmt::Debug for ConsumerHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Consumer")
    }
}

/// The state of one channel.
#[derive(Debug)]
pub(crate) struct ChannelState {
    pub(crate) status: Arc<Status>,
    requests: VecDeque<Request>,
    confirms: Option<Confirms>,
    consumers: Vec<(Box<[u8]>, ConsumerHandle)>,
    /// Whether the broker takes messages on this channel.
    flow: bool,
    closing: Option<Closing>,
}

/// A close by this program, until the broker has confirmed it.
#[derive(Debug)]
struct Closing {
    confirmed: Option<oneshot::Sender<()>>,
    /// When the broker has closed the channel as well.
    crossed: Option<Instant>,
}

impl Closing {
    /// Tells whoever closes the channel that the broker knows.
    fn confirm(&mut self) {
        if let Some(confirmed) = self.confirmed.take() {
            let _ = confirmed.send(());
        }
    }
}

/// What the connection has to do after a method.
pub(crate) enum Next {
    Nothing,
    /// A message follows.
    Content(Content),
    /// The broker closed the channel: confirm it. The id is free if the channel is not being closed by this program as well.
    ConfirmClose {
        free: bool,
    },
    /// The broker confirmed the close: the id is free. `late`: the broker had closed the channel as well.
    Free {
        late: bool,
    },
    ConfirmFlow(bool),
}

impl ChannelState {
    pub(crate) fn new() -> Self {
        let (open, ready) = (AtomicBool::new(true), AtomicBool::new(true));
        let (error, closed) = (OnceLock::new(), watch::Sender::new(false));
        Self {
            status: Arc::new(Status { open, ready, error, closed }),
            requests: VecDeque::new(),
            confirms: None,
            consumers: Vec::new(),
            flow: true,
            closing: None,
        }
    }

    /// Returns whether both sides have closed it and the broker will not confirm that any more.
    ///
    /// Of closes that cross, RabbitMQ may lose its confirm: it ends its channel when it reads this side's confirm, together with
    /// what that channel has not written yet.
    pub(crate) fn is_over(&self) -> bool {
        let crossed = self.closing.as_ref().and_then(|closing| closing.crossed);
        crossed.is_some_and(|crossed| crossed.elapsed() >= CONFIRM_LOST_AFTER)
    }

    /// Returns whether it still can be used: neither side has closed it.
    pub(crate) fn is_open(&self) -> bool {
        self.closing.is_none()
    }

    /// Adds a request whose method is sent now.
    pub(crate) fn push_request(&mut self, request: Request) {
        self.requests.push_back(request);
    }

    /// Adds a consumer. Returns false if there is one of this tag.
    pub(crate) fn add_consumer(&mut self, tag: &str, consumer: Arc<dyn Consumer>) -> bool {
        let fresh = self.consumers.iter().all(|(known, _)| **known != *tag.as_bytes());
        if fresh {
            self.consumers.push((tag.as_bytes().into(), ConsumerHandle(consumer)));
        }
        fresh
    }

    /// Counts messages from now on, and expects confirms for them.
    pub(crate) fn start_confirms(&mut self, limit: usize) {
        self.confirms.get_or_insert_with(|| Confirms::new(limit));
    }

    /// Adds a message that is published now. Gives `confirm` back if the channel has no confirms.
    pub(crate) fn push_message(&mut self, fingerprint: u64, confirm: Confirm) -> Option<Confirm> {
        let Some(confirms) = &mut self.confirms else { return Some(confirm) };
        confirms.push(fingerprint, confirm);
        self.update_ready();
        None
    }

    /// Updates whether the channel takes messages. Returns whether it does so again.
    fn update_ready(&self) -> bool {
        let room = self.confirms.as_ref().is_none_or(Confirms::has_room);
        let ready = self.flow && room && self.is_open();
        !self.status.ready.swap(ready, Ordering::AcqRel) && ready
    }

    /// Notes a returned message.
    pub(crate) fn note_return(&mut self, fingerprint: u64, returned: Returned) {
        let unknown = match &mut self.confirms {
            Some(confirms) => confirms.note_return(fingerprint, returned),
            None => Some(returned),
        };
        if let Some(Returned { code, message }) = unknown {
            let (exchange, routing_key) = (message.exchange(), message.routing_key());
            tracing::warn!(code, %exchange, %routing_key, "the broker returned a message that waits for no confirm");
        }
    }

    /// Begins to close the channel on behalf of this program. Everybody who waits is told.
    pub(crate) fn close(
        &mut self,
        confirmed: Option<oneshot::Sender<()>>,
        effects: &mut Vec<Effect>,
    ) {
        self.end(&Error::Closed, false, effects);
        self.closing = Some(Closing { confirmed, crossed: None });
    }

    /// Ends the channel: there will be no answers, confirms or deliveries. `report_consumers`: it was not this program's doing.
    pub(crate) fn end(&mut self, error: &Error, report_consumers: bool, effects: &mut Vec<Effect>) {
        self.status.close(error);
        effects.push(Effect::Closed(Arc::clone(&self.status)));
        for request in self.requests.drain(..) {
            effects.push(Effect::Answer(request, Err(error.clone())));
        }
        if let Some(confirms) = self.confirms.take() {
            let lost = confirms.lose(error);
            effects.extend(lost.map(|(confirm, outcome)| Effect::Outcome(confirm, outcome)));
        }
        let consumers = mem::take(&mut self.consumers).into_iter();
        if report_consumers {
            let end = |it| Effect::ConsumerEnd(it, ConsumerEnd::Closed(error.clone()));
            effects.extend(consumers.map(|(_, consumer)| end(consumer)));
        }
    }

    /// Handles a method of the broker.
    ///
    /// # Errors
    ///
    /// Fails if the method is not expected here.
    pub(crate) fn on_method(
        &mut self,
        method: &ServerMethod<'_>,
        max_body: usize,
        effects: &mut Vec<Effect>,
    ) -> Result<Next, Error> {
        match *method {
            ServerMethod::Deliver(deliver) => Ok(Next::Content(self.deliver(&deliver, max_body))),
            ServerMethod::Return { code, exchange, routing_key, .. } => {
                // As large as this program has published it.
                let recipient = Recipient::Publisher { code };
                Ok(Next::Content(Content::new(recipient, exchange, routing_key, usize::MAX)))
            }
            ServerMethod::Ack { tag, multiple } => Ok(self.settle(tag, multiple, true, effects)),
            ServerMethod::Nack { tag, multiple } => Ok(self.settle(tag, multiple, false, effects)),
            ServerMethod::ChannelClose(close) => {
                let free = self.is_open();
                match &mut self.closing {
                    Some(closing) => {
                        closing.crossed = Some(Instant::now());
                        closing.confirm();
                    }
                    None => self.end(&close.to_error(false), true, effects),
                }
                Ok(Next::ConfirmClose { free })
            }
            ServerMethod::ChannelCloseOk => {
                let Some(mut closing) = self.closing.take() else { return Err(unexpected(method)) };
                closing.confirm();
                Ok(Next::Free { late: closing.crossed.is_some() })
            }
            // The broker has not seen yet that the channel is closed.
            _ if !self.is_open() => Ok(Next::Nothing),
            ServerMethod::Cancel { tag } => {
                if let Some(consumer) = self.remove_consumer(tag) {
                    effects.push(Effect::ConsumerEnd(consumer, ConsumerEnd::Cancelled));
                }
                Ok(Next::Nothing)
            }
            ServerMethod::Flow { active } => {
                self.flow = active;
                if self.update_ready() {
                    effects.push(Effect::Ready);
                }
                Ok(Next::ConfirmFlow(active))
            }
            _ => self.answer(method, effects),
        }
    }

    fn answer(
        &mut self,
        method: &ServerMethod<'_>,
        effects: &mut Vec<Effect>,
    ) -> Result<Next, Error> {
        let (kind, answer) = Expected::of(method).ok_or_else(|| unexpected(method))?;
        let consumer = match *method {
            ServerMethod::ConsumeOk { tag } | ServerMethod::CancelOk { tag } => Some(tag),
            _ => None,
        };
        let mut requests = self.requests.iter();
        let at = match consumer {
            Some(_) => requests.position(|request| request.expects(kind, consumer)),
            // The others are answered in order.
            None => requests.position(|request| !request.is_about_consumer()),
        };
        let right = |at: &usize| {
            self.requests.get(*at).is_some_and(|request| request.expects(kind, consumer))
        };
        // A request that is answered wrongly stays, and is told why the connection ends.
        let at = at.filter(right).ok_or_else(|| unexpected(method))?;
        if let ServerMethod::CancelOk { tag } = method {
            let _ = self.remove_consumer(*tag);
        }
        if let Some(request) = self.requests.remove(at) {
            effects.push(Effect::Answer(request, Ok(answer)));
        }
        Ok(Next::Nothing)
    }

    fn deliver(&self, deliver: &Deliver<'_>, max_body: usize) -> Content {
        let Deliver { consumer, tag, redelivered, exchange, routing_key } = *deliver;
        let known = self.consumers.iter().find(|(known, _)| **known == *consumer.as_bytes());
        let recipient = match known {
            Some((_, ConsumerHandle(consumer))) => {
                Recipient::Consumer { consumer: Arc::clone(consumer), tag, redelivered }
            }
            None => Recipient::Nobody,
        };
        Content::new(recipient, exchange, routing_key, max_body)
    }

    fn settle(&mut self, tag: u64, multiple: bool, acked: bool, effects: &mut Vec<Effect>) -> Next {
        if let Some(confirms) = &mut self.confirms {
            confirms.settle(tag, multiple, acked, &mut |(confirm, outcome)| {
                effects.push(Effect::Outcome(confirm, outcome));
            });
            if self.update_ready() {
                effects.push(Effect::Ready);
            }
        }
        Next::Nothing
    }

    fn remove_consumer(&mut self, tag: Text<'_>) -> Option<ConsumerHandle> {
        let at = self.consumers.iter().position(|(known, _)| **known == *tag.as_bytes())?;
        Some(self.consumers.swap_remove(at).1)
    }
}

impl Effect {
    /// Does it. Called without the lock.
    pub(crate) fn run(self, notify_ready: impl FnOnce()) {
        match self {
            Self::Answer(request, answer) => request.answer(answer),
            Self::Outcome(confirm, outcome) => confirm.report(outcome),
            Self::ConsumerEnd(ConsumerHandle(consumer), end) => consumer.on_end(end),
            Self::Closed(status) => {
                status.closed.send_replace(true);
                notify_ready();
            }
            Self::Ready => notify_ready(),
        }
    }
}

fn unexpected(method: &ServerMethod<'_>) -> Error {
    Error::protocol(format_args!("a method comes that nobody asked for: {method:?}"))
}
