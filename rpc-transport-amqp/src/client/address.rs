//! Addresses of messages: their exchange and routing key, and the errors that name them.

use std::fmt;

use rpc_core::error::{Ran, SendError, TransportErrorKind};
use rpc_core::transport::{Destination, Route};

use super::reply_consumer::ReplyQueueError;
use crate::config::Config;
use crate::connection::Unavailable;
use crate::wire::name_limits;

/// An exchange, a topic and which of its servers.
#[derive(Debug, Clone)]
pub(super) struct Address {
    exchange: Box<str>,
    topic: Box<str>,
    destination: Destination,
}

impl Address {
    pub(super) fn new(config: &Config, route: &Route) -> Self {
        Self {
            exchange: route.exchange.as_deref().unwrap_or(&config.exchange).into(),
            topic: (*route.topic).into(),
            destination: route.destination.clone(),
        }
    }

    /// Returns the AMQP exchange and the routing key.
    ///
    /// Queues are reached by the default exchange, to which the broker binds each queue by its name. It always exists, whether or
    /// not a server binds its queue to another exchange as well.
    pub(super) fn routing(&self, config: &Config) -> (String, String) {
        let (dialect, exchange, topic) = (config.dialect, &self.exchange, &self.topic);
        match &self.destination {
            Destination::Any => (String::new(), dialect.topic_queue(exchange, topic)),
            Destination::Server(server) => {
                (String::new(), dialect.server_queue(exchange, topic, server))
            }
            Destination::Fanout => (dialect.fanout_exchange(topic), String::new()),
        }
    }

    pub(super) fn name_too_long(&self) -> SendError {
        let message = format!(
            "{self} has a name that is too long for AMQP, which takes {} bytes for exchange, topic and server together",
            name_limits::MAX_LEN
        );
        SendError::new(TransportErrorKind::MissingServer, Ran::No, message)
    }

    pub(super) fn missing_queue(&self) -> SendError {
        let message = format!(
            "no server listens on {self}: there is no queue. Start one, or compare exchange, topic and server name with \
             those it was started with"
        );
        SendError::new(TransportErrorKind::MissingServer, Ran::No, message)
    }

    pub(super) fn no_consumer(&self, queue: &str, ran: Ran) -> SendError {
        let message = match ran {
            Ran::No => format!(
                "no server listens on {self}: its queue `{queue}` has no consumer. Start one, then send again"
            ),
            _ => format!(
                "the last server on {self} has gone: its queue `{queue}` has no consumer left. The message may still be \
                 consumed by a server that starts before its deadline, or the server that has gone may have consumed it"
            ),
        };
        SendError::new(TransportErrorKind::MissingServer, ran, message)
    }

    pub(super) fn nacked(&self) -> SendError {
        // A classic queue whose node dies may have delivered the message. Of the queues that a fanout reaches, some may have taken it.
        let message = format!(
            "the broker nacked the message to {self}: its queue is full, or the node that holds it has died, perhaps after a \
             server consumed the message. Try again later if the method may run twice"
        );
        SendError::new(TransportErrorKind::Overloaded, Ran::Unknown, message)
    }

    pub(super) fn rejected(&self, why: &str) -> SendError {
        let message = format!("the broker does not allow the message to {self}: {why}");
        SendError::new(TransportErrorKind::Unavailable, Ran::No, message)
    }

    pub(super) fn lost(&self) -> SendError {
        let message = format!(
            "the connection broke before the broker had confirmed the message to {self}: repeat it only if the method is \
             idempotent"
        );
        SendError::new(TransportErrorKind::Unavailable, Ran::Unknown, message)
    }

    /// Returns the error for when the broker closed the channel over this message, or over another one.
    pub(super) fn channel_closed(&self, why: &str) -> SendError {
        let message = format!(
            "the broker closed the channel over the message to {self}, or over another one before this one was confirmed: {why}"
        );
        SendError::new(TransportErrorKind::Unavailable, Ran::Unknown, message)
    }

    pub(super) fn too_large(&self, bytes: usize, limit: usize) -> SendError {
        let message = format!(
            "the message to {self} takes {bytes} bytes, the transport carries at most {limit}"
        );
        SendError::new(TransportErrorKind::TooLarge, Ran::No, message)
    }

    pub(super) fn unencodable(&self, reason: &str) -> SendError {
        let message = format!("the message to {self} cannot be written: {reason}");
        SendError::new(TransportErrorKind::Unencodable, Ran::No, message)
    }

    pub(super) fn unavailable(&self, why: &Unavailable) -> SendError {
        match why {
            Unavailable::Failed(failure) => {
                let message = format!("no connection for the message to {self}: {failure}");
                SendError::new(TransportErrorKind::Unavailable, Ran::No, message)
            }
            Unavailable::Closed => self.closed(),
        }
    }

    /// Returns the error for when the node that holds the reply queue is down.
    pub(super) fn reply_queue_lost(&self, queue: &str) -> SendError {
        let message = format!(
            "the reply to the message to {self} is lost: the node of the cluster that holds the reply queue `{queue}` is down; \
             repeat it only if the method is idempotent"
        );
        SendError::new(TransportErrorKind::Interrupted, Ran::Unknown, message)
    }

    pub(super) fn no_reply_queue(&self, why: &ReplyQueueError) -> SendError {
        match why {
            ReplyQueueError::Unavailable(why) => self.unavailable(why),
            ReplyQueueError::Broker(why) => {
                let message = format!(
                    "no reply to the message to {self} could arrive, as there is no reply queue: {why}"
                );
                SendError::new(TransportErrorKind::Unavailable, Ran::No, message)
            }
        }
    }

    pub(super) fn closed(&self) -> SendError {
        let message =
            format!("the RabbitMQ transport was closed before the message to {self} was sent");
        SendError::new(TransportErrorKind::Closed, Ran::No, message)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "topic `{}`", self.topic)?;
        match &self.destination {
            // A fanout reaches every exchange.
            Destination::Fanout => return f.write_str(" (fanout)"),
            Destination::Server(server) => write!(f, " as server `{server}`")?,
            Destination::Any => {}
        }
        write!(f, " of exchange `{}`", self.exchange)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whether_a_nacked_message_ran_is_unknown() {
        for destination in [Destination::Any, Destination::Fanout] {
            let (exchange, topic) = ("rpc".into(), "bank".into());
            let nacked = Address { exchange, topic, destination }.nacked();
            assert_eq!(nacked.ran(), Ran::Unknown);
        }
    }
}
