//! Hands on what frames carry: methods to their channels, messages to their consumers.

use std::sync::Arc;

use super::shared::{Phase, Shared, State};
use crate::Error;
use crate::channel::confirms::fingerprint;
use crate::channel::content::{Content, Received, Recipient};
use crate::channel::message::Returned;
use crate::channel::request::Expected;
use crate::channel::state::{Effect, Next};
use crate::wire::client_method::ClientMethod;
use crate::wire::frame::{Frame, Kind};
use crate::wire::server_method::{self, Deliver, ServerMethod};

/// Hands on what frames carry.
pub(super) struct Dispatcher {
    shared: Arc<Shared>,
    /// The messages that are not complete, by channel. Mostly there is one.
    contents: Vec<(u16, Content)>,
    effects: Vec<Effect>,
    max_body: usize,
}

/// What the connection's task has to do after a frame.
pub(super) enum Signal {
    None,
    /// Write what waits, and end.
    End(Error),
}

impl Dispatcher {
    pub(super) fn new(shared: Arc<Shared>, max_body: usize) -> Self {
        Self { shared, contents: Vec::new(), effects: Vec::new(), max_body }
    }

    /// Handles a frame.
    ///
    /// # Errors
    ///
    /// Fails if the broker breaks the protocol.
    pub(super) fn on_frame(&mut self, frame: &Frame<'_>) -> Result<Signal, Error> {
        let signal = match frame.kind {
            Kind::Heartbeat => Signal::None,
            Kind::Method => {
                let method = server_method::read(frame.payload);
                let method = method.map_err(|error| {
                    let id = frame.payload.get(..4).unwrap_or_default();
                    Error::protocol(format_args!(
                        "a method cannot be read: {} (id {id:?})",
                        error.0
                    ))
                })?;
                match frame.channel {
                    0 => self.on_connection_method(&method)?,
                    channel => {
                        self.on_channel_method(channel, &method)?;
                        Signal::None
                    }
                }
            }
            Kind::Header => {
                self.on_content(frame.channel, |content| content.add_header(frame.payload))?;
                Signal::None
            }
            Kind::Body => {
                self.on_content(frame.channel, |content| content.add_body(frame.payload))?;
                Signal::None
            }
        };
        self.shared.run(&mut self.effects);
        Ok(signal)
    }

    fn on_connection_method(&mut self, method: &ServerMethod<'_>) -> Result<Signal, Error> {
        match *method {
            ServerMethod::ConnectionClose(close) => {
                self.shared
                    .change_as_driver(|state| state.send(0, &ClientMethod::ConnectionCloseOk));
                Ok(Signal::End(close.to_error(true)))
            }
            ServerMethod::ConnectionCloseOk => match self.shared.phase() {
                Phase::Open => Err(unexpected(method)),
                Phase::Closing | Phase::Aborted | Phase::Closed => Ok(Signal::End(Error::Closed)),
            },
            ServerMethod::Blocked { reason } => {
                self.shared.set_blocked(Some(reason.to_string_lossy().into()));
                Ok(Signal::None)
            }
            ServerMethod::Unblocked => {
                self.shared.set_blocked(None);
                Ok(Signal::None)
            }
            _ => {
                let (expected, answer) = Expected::of(method).ok_or_else(|| unexpected(method))?;
                let request = self.shared.change_as_driver(|state| {
                    let first = state.requests.first().is_some_and(|it| it.expects(expected, None));
                    first.then(|| state.requests.remove(0))
                });
                let request = request.ok_or_else(|| unexpected(method))?;
                self.effects.push(Effect::Answer(request, Ok(answer)));
                Ok(Signal::None)
            }
        }
    }

    fn on_channel_method(&mut self, id: u16, method: &ServerMethod<'_>) -> Result<(), Error> {
        let closes = matches!(method, ServerMethod::ChannelClose(_) | ServerMethod::ChannelCloseOk);
        if closes {
            // The broker may close a channel while a message is half-way.
            self.contents.retain(|(channel, _)| *channel != id);
        } else if self.contents.iter().any(|(channel, _)| *channel == id) {
            return Err(Error::protocol(format_args!("{method:?} comes within a message")));
        }
        let (effects, max_body) = (&mut self.effects, self.max_body);
        let content = self.shared.change_as_driver(|state| {
            let Some(channel) = state.channel(id) else {
                if state.expects_late(id) {
                    return Ok(late_content(method));
                }
                // Once this program has closed the connection, the broker need not have seen it.
                return if state.phase == Phase::Open { Err(unexpected(method)) } else { Ok(None) };
            };
            let next = channel.on_method(method, max_body, effects)?;
            Ok(follow(state, id, next))
        })?;
        self.contents.extend(content.map(|content| (id, content)));
        Ok(())
    }

    /// Adds a frame to the message that is under way on a channel, and hands the message on if it is complete.
    fn on_content(
        &mut self,
        id: u16,
        add: impl FnOnce(&mut Content) -> Result<bool, crate::wire::Malformed>,
    ) -> Result<(), Error> {
        let at = self.contents.iter().position(|(channel, _)| *channel == id);
        let content = at.and_then(|at| self.contents.get_mut(at).map(|(_, content)| (at, content)));
        let Some((at, content)) = content else {
            return Err(Error::protocol(format_args!(
                "content comes on channel {id} without a method in front"
            )));
        };
        if !add(content).map_err(|error| Error::protocol(error.0))? {
            return Ok(());
        }
        let (_, content) = self.contents.swap_remove(at);
        match content.finish() {
            Received::Delivery(consumer, delivery) => consumer.on_delivery(delivery),
            Received::Returned(returned) => self.on_return(id, returned),
            Received::Discarded => {}
        }
        Ok(())
    }

    fn on_return(&self, id: u16, returned: Returned) {
        let message = &returned.message;
        let (properties, body) = (message.properties(), message.body());
        let fingerprint = fingerprint(
            message.exchange().as_bytes(),
            message.routing_key().as_bytes(),
            properties.correlation_id(),
            body.chunks(self.shared.tuning.max_payload),
        );
        self.shared.change_as_driver(|state| {
            if let Some(channel) = state.channel(id) {
                channel.note_return(fingerprint, returned);
            }
        });
    }
}

/// Does what a channel's method asks of the connection. Returns the message that follows.
fn follow(state: &mut State, id: u16, next: Next) -> Option<Content> {
    match next {
        Next::Nothing => {}
        Next::Content(content) => return Some(content),
        Next::ConfirmClose { free } => {
            state.send(id, &ClientMethod::ChannelCloseOk);
            if free {
                state.free_channel(id, true);
            }
        }
        Next::Free { late } => state.free_channel(id, late),
        Next::ConfirmFlow(active) => state.send(id, &ClientMethod::FlowOk { active }),
    }
    None
}

/// Returns the message that follows a method on a channel that is closed. It is for nobody.
fn late_content(method: &ServerMethod<'_>) -> Option<Content> {
    match *method {
        ServerMethod::Deliver(Deliver { exchange, routing_key, .. })
        | ServerMethod::Return { exchange, routing_key, .. } => {
            Some(Content::new(Recipient::Nobody, exchange, routing_key, 0))
        }
        _ => None,
    }
}

fn unexpected(method: &ServerMethod<'_>) -> Error {
    Error::protocol(format_args!("a method comes that nobody asked for: {method:?}"))
}
