//! What becomes of messages whose publisher does not wait for their confirm.

use std::sync::Arc;

use lapin::message::BasicReturnMessage;

use crate::connection::broker_error::describe;

/// Is told what became of messages.
pub(crate) trait PublishListener: Send + Sync {
    /// The broker acked the message: it is in a queue, unless it is returned as well.
    fn on_ack(&self);

    /// The broker nacked the message, or its queue is full.
    fn on_nack(&self, message: u128);

    /// The connection broke before the broker had confirmed the message; or the broker closed the channel over this message or
    /// another one, with this error.
    fn on_lost(&self, message: u128, channel_error: Option<String>);
}

/// Is told of messages that no queue took. They are known by their properties alone.
pub(crate) trait ReturnListener: Send + Sync {
    fn on_return(&self, message: BasicReturnMessage);
}

/// Who learns what became of a message.
pub(crate) enum ReportTo {
    /// A listener, and the number by which it knows the message.
    Listener(Arc<dyn PublishListener>, u128),
    /// The log alone, which calls the message this.
    Log(&'static str),
}

impl ReportTo {
    pub(super) fn ack(self) {
        if let Self::Listener(listener, _) = self {
            listener.on_ack();
        }
    }

    pub(super) fn nack(self) {
        match self {
            Self::Listener(listener, message) => listener.on_nack(message),
            Self::Log(what) => tracing::warn!("the broker nacked {what}"),
        }
    }

    pub(super) fn lost(self, error: Option<&lapin::Error>) {
        let error = error.filter(|error| error.is_amqp_soft_error()).map(describe);
        match (self, error) {
            (Self::Listener(listener, message), error) => listener.on_lost(message, error),
            (Self::Log(what), Some(error)) => {
                tracing::warn!(%error, "the broker closed the channel before it confirmed {what}");
            }
            (Self::Log(_), None) => {}
        }
    }
}
