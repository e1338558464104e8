//! What becomes of replies and notices: nobody waits for their confirms, so what is lost is logged.

use std::sync::Arc;

use rpc_amqp::{ConfirmHandler, Outcome, Properties, Returned};

use crate::connection::broker_error::describe;
use crate::wire::Outgoing;

/// Receives the replies that no queue took.
pub(crate) trait ReturnListener: Send + Sync {
    /// Runs when the broker returned the reply.
    fn on_return(&self, reply: Returned);
}

/// Logs what becomes of a reply or a notice. The message itself is gone by then.
pub(crate) struct LoggedPublish {
    queue: Box<str>,
    properties: Properties,
    /// `None` for a notice: it is of no use later.
    returns: Option<Arc<dyn ReturnListener>>,
}

impl LoggedPublish {
    /// Logs the outcome of a reply. `returns` receives it if it is returned.
    pub(crate) fn reply(reply: &Outgoing, returns: &Arc<dyn ReturnListener>) -> Arc<Self> {
        Self::new(reply, Some(Arc::clone(returns)))
    }

    /// Logs the outcome of a message that is of no use later: an accepted notice, a cancellation, or a still-running message.
    pub(crate) fn notice(notice: &Outgoing) -> Arc<Self> {
        Self::new(notice, None)
    }

    fn new(message: &Outgoing, returns: Option<Arc<dyn ReturnListener>>) -> Arc<Self> {
        let (queue, properties) = (message.routing_key.clone(), message.properties.clone());
        Arc::new(Self { queue, properties, returns })
    }

    fn log_nacked(&self) {
        let queue = &self.queue;
        let call = self.properties.correlation_id().map(tracing::field::display);
        match self.returns {
            Some(_) => tracing::warn!(%queue, call, "broker nacked a reply"),
            None => tracing::warn!(%queue, call, "broker nacked a notice"),
        }
    }

    fn log_lost(&self, error: &rpc_amqp::Error) {
        let (queue, error) = (&self.queue, describe(error));
        let call = self.properties.correlation_id().map(tracing::field::display);
        match self.returns {
            Some(_) => {
                tracing::warn!(%error, %queue, call, "broker closed the channel before it confirmed a reply");
            }
            None => {
                tracing::warn!(%error, %queue, call, "broker closed the channel before it confirmed a notice");
            }
        }
    }
}

impl ConfirmHandler for LoggedPublish {
    fn on_outcome(&self, _: u128, outcome: Outcome) {
        match outcome {
            Outcome::Returned(returned) => {
                if let Some(returns) = &self.returns {
                    returns.on_return(*returned);
                }
            }
            Outcome::Nacked => self.log_nacked(),
            Outcome::Refused(error) => self.log_lost(&error),
            Outcome::Lost(error) if error.is_channel_error() => self.log_lost(&error),
            // The loss of the connection has been logged.
            _ => {}
        }
    }
}
