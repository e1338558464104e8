//! The handle of a channel.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::AnswerReceiver;
use super::shared::{Phase, Shared, State};
use crate::channel::consumer::Consumer;
use crate::channel::request::{Answer, DeclaredQueue, Expected, Request};
use crate::channel::state::Status;
use crate::wire::MAX_NAME;
use crate::wire::client_method::{ClientMethod, ConsumeOptions, ExchangeDeclare, QueueDeclare};
use crate::wire::table::FieldTable;
use crate::{Error, InvalidArgument};

/// A channel of a connection. Dropping it closes it.
///
/// The broker carries out the requests of a channel in order. It closes the channel over an error of one of them, and every other
/// request and message without confirm fails with the same error.
///
/// # Cancel safety
///
/// A request is sent with the first poll of its future. Dropped later, it is carried out all the same, and its answer is ignored.
pub struct Channel {
    pub(super) shared: Arc<Shared>,
    pub(super) id: u16,
    status: Arc<Status>,
}

impl Channel {
    pub(super) async fn open(shared: &Arc<Shared>) -> Result<Self, Error> {
        let (channel, answer) = shared.change(|state| {
            if state.phase != Phase::Open {
                return Err(shared.error());
            }
            let max = shared.tuning.channel_max;
            let (id, channel) = state.add_channel(max).ok_or(Error::TooManyChannels(max))?;
            let (request, answer) = Request::new(Expected::ChannelOpen);
            channel.push_request(request);
            let status = Arc::clone(&channel.status);
            state.send(id, &ClientMethod::ChannelOpen);
            Ok((Self { shared: Arc::clone(shared), id, status }, answer))
        })?;
        channel.answer(answer).await?;
        Ok(channel)
    }

    /// Returns whether the channel is open: neither side has begun to close it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.status.is_open()
    }

    /// Waits until the channel is closed, and returns why.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is consumed by waiting.
    pub async fn closed(&self) -> Error {
        // The sender is as old as the channel.
        let _ = self.status.closed().wait_for(|closed| *closed).await;
        self.status.error()
    }

    /// Returns whether a message can be published now: the channel is open, the broker has not blocked the connection, and neither too
    /// many bytes nor too many unconfirmed messages wait.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.shared.is_ready() && self.status.is_ready()
    }

    /// Waits until a message can be published.
    ///
    /// # Errors
    ///
    /// Fails if the channel is closed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is consumed by waiting.
    pub async fn ready(&self) -> Result<(), Error> {
        loop {
            let mut again = pin!(self.shared.ready_again().notified());
            // Registered before the look, so that no change in between is missed.
            again.as_mut().enable();
            if !self.is_open() {
                return Err(self.status.error());
            }
            if self.is_ready() {
                return Ok(());
            }
            again.await;
        }
    }

    /// Declares an exchange.
    ///
    /// # Errors
    ///
    /// Fails if the exchange exists with other properties (406), the user may not declare it (403), it is passive and does not exist
    /// (404), or the channel is closed.
    pub async fn exchange_declare(&self, exchange: &ExchangeDeclare<'_>) -> Result<(), Error> {
        Self::check_names([("the exchange", exchange.name), ("the type", exchange.kind)])?;
        self.request(&ClientMethod::ExchangeDeclare(exchange), Expected::ExchangeDeclare).await
    }

    /// Deletes an exchange. One that does not exist counts as deleted.
    ///
    /// # Errors
    ///
    /// Fails if it is in use and `if_unused` is set (406), the user may not delete it (403), or the channel is closed.
    pub async fn exchange_delete(&self, name: &str, if_unused: bool) -> Result<(), Error> {
        Self::check_names([("the exchange", name)])?;
        self.request(&ClientMethod::ExchangeDelete { name, if_unused }, Expected::ExchangeDelete)
            .await
    }

    /// Declares a queue.
    ///
    /// # Errors
    ///
    /// Fails if the queue exists with other properties (406), another connection uses it exclusively (405), the user may not declare it
    /// (403), it is passive and does not exist (404), or the channel is closed.
    pub async fn queue_declare(&self, queue: &QueueDeclare<'_>) -> Result<DeclaredQueue, Error> {
        Self::check_names([("the queue", queue.name)])?;
        let method = ClientMethod::QueueDeclare(queue);
        match self.answer(self.start(&method, Expected::QueueDeclare)?).await? {
            Answer::Declared(declared) => Ok(declared),
            _ => Err(Error::protocol("a declaration is answered without the queue")),
        }
    }

    /// Binds a queue to an exchange.
    ///
    /// # Errors
    ///
    /// Fails if either does not exist (404), the user may not bind them (403), or the channel is closed.
    pub async fn queue_bind(
        &self,
        queue: &str,
        exchange: &str,
        routing_key: &str,
        arguments: &FieldTable,
    ) -> Result<(), Error> {
        Self::check_binding(queue, exchange, routing_key)?;
        let method = ClientMethod::QueueBind { queue, exchange, routing_key, arguments };
        self.request(&method, Expected::QueueBind).await
    }

    /// Removes a binding. One that does not exist counts as removed.
    ///
    /// # Errors
    ///
    /// Fails if the queue or the exchange does not exist (404), the user may not unbind them (403), or the channel is closed.
    pub async fn queue_unbind(
        &self,
        queue: &str,
        exchange: &str,
        routing_key: &str,
        arguments: &FieldTable,
    ) -> Result<(), Error> {
        Self::check_binding(queue, exchange, routing_key)?;
        let method = ClientMethod::QueueUnbind { queue, exchange, routing_key, arguments };
        self.request(&method, Expected::QueueUnbind).await
    }

    /// Deletes a queue, and returns how many messages were in it. One that does not exist counts as deleted.
    ///
    /// # Errors
    ///
    /// Fails if it is in use or not empty although that is asked for (406), another connection uses it exclusively (405), the user may
    /// not delete it (403), or the channel is closed.
    pub async fn queue_delete(
        &self,
        name: &str,
        if_unused: bool,
        if_empty: bool,
    ) -> Result<u32, Error> {
        Self::check_names([("the queue", name)])?;
        let method = ClientMethod::QueueDelete { name, if_unused, if_empty };
        match self.answer(self.start(&method, Expected::QueueDelete)?).await? {
            Answer::Deleted { messages } => Ok(messages),
            _ => Err(Error::protocol("a deletion is answered without the number of messages")),
        }
    }

    /// Limits how many messages each later consumer of the channel may have unacknowledged; zero: any number.
    ///
    /// # Errors
    ///
    /// Fails if the channel is closed.
    pub async fn qos(&self, prefetch: u16) -> Result<(), Error> {
        self.request(&ClientMethod::Qos { prefetch }, Expected::Qos).await
    }

    /// Has the broker confirm each message that is published from now on. [`ready`](Self::ready) waits while `max_unconfirmed` messages
    /// have no confirm.
    ///
    /// # Errors
    ///
    /// Fails if `max_unconfirmed` is zero, as no message could be published, or if the channel is closed.
    pub async fn confirm_select(&self, max_unconfirmed: usize) -> Result<(), Error> {
        if max_unconfirmed == 0 {
            return Err(Error::from(InvalidArgument::NoMessages));
        }
        let (request, answer) = Request::new(Expected::Select);
        self.change_open(|state| {
            state.send(self.id, &ClientMethod::ConfirmSelect);
            if let Some(channel) = state.channel(self.id) {
                channel.push_request(request);
                // Counted from here, as the broker counts from the method.
                channel.start_confirms(max_unconfirmed);
            }
        })?;
        self.answer(answer).await.map(drop)
    }

    /// Consumes a queue. `consumer` receives its messages, the first of them perhaps before this returns.
    ///
    /// Choose a tag that no other consumer of the connection has had. The broker may still send deliveries of a channel that it has
    /// closed when the id of that channel is used again, and only their tag tells them from those of the new channel.
    ///
    /// # Errors
    ///
    /// Fails if the tag is empty or in use, the queue does not exist (404), another consumer has it exclusively (403), the user may not
    /// read it (403), or the channel is closed.
    pub async fn consume(
        &self,
        queue: &str,
        tag: &str,
        options: &ConsumeOptions<'_>,
        consumer: Arc<dyn Consumer>,
    ) -> Result<(), Error> {
        Self::check_names([("the queue", queue), ("the consumer tag", tag)])?;
        let (request, answer) = Request::new(Expected::Consume);
        self.change_open(|state| {
            let channel = state.channel(self.id).ok_or(Error::Closed)?;
            if tag.is_empty() || !channel.add_consumer(tag, consumer) {
                return Err(Error::from(InvalidArgument::ConsumerTag));
            }
            channel.push_request(request.about(tag));
            state.send(self.id, &ClientMethod::Consume { queue, tag, options });
            Ok(())
        })??;
        self.answer(answer).await.map(drop)
    }

    /// Cancels a consumer. When it returns, the consumer has received its last message. Messages that it has received can still be
    /// settled.
    ///
    /// # Errors
    ///
    /// Fails if the channel is closed.
    pub async fn cancel(&self, tag: &str) -> Result<(), Error> {
        Self::check_names([("the consumer tag", tag)])?;
        let (request, answer) = Request::new(Expected::Cancel);
        self.send_request(&ClientMethod::Cancel { tag }, request.about(tag))?;
        self.answer(answer).await.map(drop)
    }

    /// Acknowledges a message, or all up to it. The broker does not confirm that.
    ///
    /// # Errors
    ///
    /// Fails if the channel is closed. The broker delivers the message again then.
    pub fn ack(&self, tag: u64, multiple: bool) -> Result<(), Error> {
        self.settle(&ClientMethod::Ack { tag, multiple })
    }

    /// Returns a message, or all up to it, to the queue or to its dead-letter exchange.
    ///
    /// # Errors
    ///
    /// Fails if the channel is closed. The broker delivers the message again then.
    pub fn nack(&self, tag: u64, multiple: bool, requeue: bool) -> Result<(), Error> {
        self.settle(&ClientMethod::Nack { tag, multiple, requeue })
    }

    /// Returns a message to the queue or to its dead-letter exchange.
    ///
    /// # Errors
    ///
    /// Fails if the channel is closed. The broker delivers the message again then.
    pub fn reject(&self, tag: u64, requeue: bool) -> Result<(), Error> {
        self.settle(&ClientMethod::Reject { tag, requeue })
    }

    /// Closes the channel and waits until the broker has confirmed it, or has closed it as well.
    ///
    /// # Cancel safety
    ///
    /// Dropped after its first poll, the channel is closed all the same.
    pub async fn close(self, code: u16, text: &str) {
        let (confirmed, closed) = oneshot::channel();
        self.close_with(code, text, Some(confirmed));
        // Dropped if the channel or the connection is closed already.
        let _ = closed.await;
    }

    /// Closes the channel without waiting for the broker, like a drop. From now on it cannot be used.
    pub fn begin_close(&self, code: u16, text: &str) {
        self.close_with(code, text, None);
    }

    fn close_with(&self, code: u16, text: &str, confirmed: Option<oneshot::Sender<()>>) {
        let mut effects = Vec::new();
        let _ = self.change_open(|state| {
            if let Some(channel) = state.channel(self.id) {
                channel.close(confirmed, &mut effects);
                state.send(self.id, &ClientMethod::ChannelClose { code, text });
            }
        });
        self.shared.run(&mut effects);
    }

    fn settle(&self, method: &ClientMethod<'_>) -> Result<(), Error> {
        self.change_open(|state| state.send(self.id, method))
    }

    async fn request(&self, method: &ClientMethod<'_>, expected: Expected) -> Result<(), Error> {
        self.answer(self.start(method, expected)?).await.map(drop)
    }

    /// Sends a method, and returns what receives its answer.
    fn start(
        &self,
        method: &ClientMethod<'_>,
        expected: Expected,
    ) -> Result<AnswerReceiver, Error> {
        let (request, answer) = Request::new(expected);
        self.send_request(method, request)?;
        Ok(answer)
    }

    fn send_request(&self, method: &ClientMethod<'_>, request: Request) -> Result<(), Error> {
        self.change_open(|state| {
            state.send(self.id, method);
            if let Some(channel) = state.channel(self.id) {
                channel.push_request(request);
            }
        })
    }

    async fn answer(&self, answer: AnswerReceiver) -> Result<Answer, Error> {
        answer.await.unwrap_or_else(|_| Err(self.status.error()))
    }

    /// Changes the state of the connection while the channel is open.
    pub(super) fn change_open<R>(&self, change: impl FnOnce(&mut State) -> R) -> Result<R, Error> {
        self.shared.change(|state| {
            // Decided under the lock: a closed channel's id may belong to another one.
            if !self.status.is_open() {
                return Err(self.status.error());
            }
            match state.phase {
                Phase::Open => Ok(change(state)),
                Phase::Closing | Phase::Aborted | Phase::Closed => Err(Error::Closed),
            }
        })
    }

    fn check_binding(queue: &str, exchange: &str, key: &str) -> Result<(), InvalidArgument> {
        Self::check_names([
            ("the queue", queue),
            ("the exchange", exchange),
            ("the binding key", key),
        ])
    }

    pub(super) fn check_names<const N: usize>(
        names: [(&'static str, &str); N],
    ) -> Result<(), InvalidArgument> {
        match names.into_iter().find(|(_, name)| name.len() > MAX_NAME) {
            Some((what, name)) => Err(InvalidArgument::NameTooLong { what, bytes: name.len() }),
            None => Ok(()),
        }
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.begin_close(200, "no longer used");
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("id", &self.id)
            .field("is_open", &self.is_open())
            .finish_non_exhaustive()
    }
}
