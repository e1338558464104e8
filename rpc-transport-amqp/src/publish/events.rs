//! What becomes of messages whose publisher does not wait for their confirm.

use std::sync::Arc;

use lapin::message::BasicReturnMessage;
use lapin::types::ShortString;

use crate::connection::broker_error::describe;
use crate::wire::Outgoing;

/// Receives the publish outcomes of messages.
pub(crate) trait PublishListener: Send + Sync {
    /// Runs when the broker acked the message: it is in a queue, unless it is returned as well.
    fn on_ack(&self);

    /// Runs when the broker nacked the message, or its queue is full.
    fn on_nack(&self, message: u128);

    /// Runs when there will be no confirm of the message: the connection broke before it came, or the broker closed the channel
    /// over this message or another one, with this error.
    fn on_lost(&self, message: u128, channel_error: Option<String>);
}

/// Receives the messages that no queue took. They are known by their bytes and properties alone.
pub(crate) trait ReturnListener: Send + Sync {
    /// Runs when the broker returned the message.
    fn on_return(&self, message: BasicReturnMessage);
}

/// Receives the publish outcome of one message.
pub(crate) enum ReportTo {
    /// A listener, and the number by which it knows the message.
    Listener(Arc<dyn PublishListener>, u128),
    /// The log alone. The message itself is gone when its outcome is known.
    Log { message: LoggedMessage, queue: ShortString, call: Option<ShortString> },
}

/// What the log calls a message.
#[derive(Clone, Copy)]
pub(crate) enum LoggedMessage {
    Reply,
    Notice,
}

impl ReportTo {
    /// Reports the outcome of a reply to the log.
    pub(crate) fn log_reply(reply: &Outgoing) -> Self {
        Self::log(LoggedMessage::Reply, reply)
    }

    /// Reports the outcome of an accepted or cancellation notice to the log.
    pub(crate) fn log_notice(notice: &Outgoing) -> Self {
        Self::log(LoggedMessage::Notice, notice)
    }

    fn log(message: LoggedMessage, outgoing: &Outgoing) -> Self {
        let queue = outgoing.routing_key.clone();
        Self::Log { message, queue, call: outgoing.properties.correlation_id().clone() }
    }

    pub(super) fn ack(self) {
        if let Self::Listener(listener, _) = self {
            listener.on_ack();
        }
    }

    pub(super) fn nack(self) {
        match self {
            Self::Listener(listener, message) => listener.on_nack(message),
            Self::Log { message, queue, call } => {
                let call = call.as_ref().map(ShortString::as_str);
                match message {
                    LoggedMessage::Reply => tracing::warn!(%queue, call, "broker nacked a reply"),
                    LoggedMessage::Notice => tracing::warn!(%queue, call, "broker nacked a notice"),
                }
            }
        }
    }

    pub(super) fn lost(self, error: Option<&lapin::Error>) {
        let error = error.filter(|error| error.is_amqp_soft_error()).map(describe);
        match (self, error) {
            (Self::Listener(listener, message), error) => listener.on_lost(message, error),
            (Self::Log { message, queue, call }, Some(error)) => {
                let call = call.as_ref().map(ShortString::as_str);
                match message {
                    LoggedMessage::Reply => {
                        tracing::warn!(%error, %queue, call, "broker closed the channel before it confirmed a reply");
                    }
                    LoggedMessage::Notice => {
                        tracing::warn!(%error, %queue, call, "broker closed the channel before it confirmed a notice");
                    }
                }
            }
            (Self::Log { .. }, None) => {}
        }
    }
}
