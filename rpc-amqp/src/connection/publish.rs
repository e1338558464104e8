//! Publishing.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::channel::Channel;
use super::shared::State;
use crate::channel::confirms::{Confirm, ConfirmHandler, Outcome, fingerprint};
use crate::wire::client_method::{self, ClientMethod};
use crate::wire::frame::{self, Kind};
use crate::wire::properties::Properties;
use crate::{Error, InvalidArgument};

/// Messages of so many bytes are encoded outside of the lock, into a buffer that is not copied again.
const LARGE: usize = 64 * 1024;
/// The bytes of a content header in front of the properties.
const HEADER: usize = 12;

/// A message to publish.
#[derive(Debug, Clone, Copy)]
pub struct Publish<'a> {
    /// The exchange; empty for the default exchange, which routes to the queue named by the routing key.
    pub exchange: &'a str,
    /// The routing key.
    pub routing_key: &'a str,
    /// Whether the broker returns the message if there is no queue for it.
    pub mandatory: bool,
    /// The properties.
    pub properties: &'a Properties,
    /// The body, in pieces that are sent one behind the other.
    pub body: &'a [&'a [u8]],
}

/// Resolves to the outcome of a message. Dropping it changes nothing for the message.
pub struct ConfirmFuture(oneshot::Receiver<Outcome>);

impl Future for ConfirmFuture {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let outcome = Pin::new(&mut self.0).poll(cx);
        // The sender is dropped on a channel without confirms, and when a runtime is shut down.
        outcome.map(|outcome| outcome.unwrap_or(Outcome::Lost(Error::Closed)))
    }
}

impl fmt::Debug for ConfirmFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConfirmFuture").finish()
    }
}

impl Channel {
    /// Publishes a message without waiting for anything. On a channel with confirms its outcome is not reported to anybody.
    ///
    /// The bytes wait in memory until the stream takes them, so wait for [`ready`](Self::ready) first.
    ///
    /// # Errors
    ///
    /// Fails if the channel is closed, or AMQP cannot carry a name or the properties. Nothing is published then.
    pub fn publish(&self, message: &Publish<'_>) -> Result<(), Error> {
        let (ignored, _) = oneshot::channel();
        self.send(message, Confirm::Waiter(ignored))
    }

    /// Publishes a message like [`publish`](Self::publish). `handler` is told its outcome once, with this number. On a channel
    /// without confirms it is told nothing.
    ///
    /// # Errors
    ///
    /// Fails like [`publish`](Self::publish). The handler is told nothing then.
    pub fn publish_with_handler(
        &self,
        message: &Publish<'_>,
        handler: Arc<dyn ConfirmHandler>,
        number: u128,
    ) -> Result<(), Error> {
        self.send(message, Confirm::Handler(handler, number))
    }

    /// Publishes a message like [`publish`](Self::publish), and returns what resolves to its outcome.
    ///
    /// # Errors
    ///
    /// Fails like [`publish`](Self::publish).
    pub fn publish_confirmed(&self, message: &Publish<'_>) -> Result<ConfirmFuture, Error> {
        let (sender, receiver) = oneshot::channel();
        self.send(message, Confirm::Waiter(sender))?;
        Ok(ConfirmFuture(receiver))
    }

    fn send(&self, message: &Publish<'_>, confirm: Confirm) -> Result<(), Error> {
        let Publish { exchange, routing_key, mandatory, properties, body } = *message;
        Self::check_names([("the exchange", exchange), ("the routing key", routing_key)])?;
        let max = self.shared.tuning.max_payload;
        let properties_len = properties.as_bytes().len();
        if properties_len + HEADER > max {
            let limit = max.saturating_sub(HEADER);
            return Err(InvalidArgument::PropertiesTooLarge { bytes: properties_len, limit }.into());
        }
        let write = |out: &mut Vec<u8>| {
            let method = ClientMethod::Publish { exchange, routing_key, mandatory };
            client_method::put(out, self.id, &method);
            let content = out.len();
            frame::put_content(out, self.id, properties.as_bytes(), body, max);
            if !mandatory {
                return 0;
            }
            let pieces = frame::payloads(out.get(content..).unwrap_or_default(), Kind::Body);
            let id = properties.correlation_id();
            fingerprint(exchange.as_bytes(), routing_key.as_bytes(), id, pieces)
        };
        let size: usize = body.iter().map(|piece| piece.len()).sum();
        let length = frame::content_len(properties_len, size, max);
        if length < LARGE {
            return self.commit(confirm, |state| state.outgoing.append(write));
        }
        let mut chunk = Vec::with_capacity(length + exchange.len() + routing_key.len() + 64);
        let fingerprint = write(&mut chunk);
        self.commit(confirm, move |state| {
            state.outgoing.push(chunk);
            fingerprint
        })
    }

    /// Adds a message to the outgoing bytes, and to those that wait for a confirm, in one step.
    fn commit(&self, confirm: Confirm, add: impl FnOnce(&mut State) -> u64) -> Result<(), Error> {
        let unreported = self.change_open(|state| {
            let fingerprint = add(state);
            state.channel(self.id).and_then(|channel| channel.push_message(fingerprint, confirm))
        })?;
        // Dropped here, not under the lock.
        drop(unreported);
        Ok(())
    }
}
