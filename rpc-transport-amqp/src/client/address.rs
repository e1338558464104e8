//! Where messages go: by which exchange and key, and in the words of errors.

use std::fmt;

use rpc_core::error::{Ran, SendError, TransportErrorKind};
use rpc_core::transport::{Destination, Route};

use crate::client::reply_consumer::NoInbox;
use crate::config::Config;
use crate::connection::supervisor::Unavailable;
use crate::wire::names;

/// Exchange, topic and which of its servers.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    exchange: Box<str>,
    topic: Box<str>,
    destination: Destination,
}

impl Address {
    pub(crate) fn of(config: &Config, route: &Route) -> Self {
        Self {
            exchange: route.exchange.as_deref().unwrap_or(&config.exchange).into(),
            topic: (*route.topic).into(),
            destination: route.destination.clone(),
        }
    }

    /// The AMQP exchange and routing key.
    ///
    /// Queues are reached by the default exchange, to which each is bound by its name: it is always there, and whether a
    /// server binds its queue elsewhere, too, is no matter.
    pub(crate) fn way(&self, config: &Config) -> (String, String) {
        let (form, exchange, topic) = (config.form, &self.exchange, &self.topic);
        match &self.destination {
            Destination::Any => (String::new(), form.topic_queue(exchange, topic)),
            Destination::Server(server) => {
                (String::new(), form.server_queue(exchange, topic, server))
            }
            Destination::Fanout => (form.fanout_exchange(topic), String::new()),
        }
    }

    pub(crate) fn too_long(&self) -> SendError {
        let message = format!(
            "{self} has a name that is too long for AMQP, which takes {} bytes for exchange, topic and server together",
            names::LONGEST
        );
        SendError::new(TransportErrorKind::MissingServer, Ran::No, message)
    }

    pub(crate) fn no_queue(&self) -> SendError {
        let message = format!(
            "no server listens on {self}: there is no queue. Start one, or compare exchange, topic and server name with \
             those it was started with"
        );
        SendError::new(TransportErrorKind::MissingServer, Ran::No, message)
    }

    pub(crate) fn no_consumer(&self, queue: &str, ran: Ran) -> SendError {
        let message = match ran {
            Ran::No => format!(
                "no server listens on {self}: its queue `{queue}` has no consumer. Start one, then send again"
            ),
            _ => format!(
                "the last server on {self} has gone: its queue `{queue}` has no consumer left. The message may still be \
                 taken by a server that comes before its time is up, or have been taken by the one that went"
            ),
        };
        SendError::new(TransportErrorKind::MissingServer, ran, message)
    }

    pub(crate) fn refused(&self) -> SendError {
        let message = format!(
            "the broker turned the message to {self} away: its queue is full, or the broker cannot keep it. Try again later"
        );
        SendError::new(TransportErrorKind::Overloaded, Ran::No, message)
    }

    pub(crate) fn not_allowed(&self, why: &str) -> SendError {
        let message = format!("the broker does not allow the message to {self}: {why}");
        SendError::new(TransportErrorKind::Unavailable, Ran::No, message)
    }

    pub(crate) fn lost(&self) -> SendError {
        let message = format!(
            "the connection broke before the broker had confirmed the message to {self}: repeat it only if the method is \
             idempotent"
        );
        SendError::new(TransportErrorKind::Unavailable, Ran::Unknown, message)
    }

    /// The broker closed the channel over this message, or over another one.
    pub(crate) fn perhaps_refused(&self, why: &str) -> SendError {
        let message = format!(
            "the broker refused the message to {self}, or another one just before this one was confirmed: {why}"
        );
        SendError::new(TransportErrorKind::Unavailable, Ran::Unknown, message)
    }

    pub(crate) fn too_large(&self, bytes: usize, limit: usize) -> SendError {
        let message = format!(
            "the message to {self} takes {bytes} bytes, the transport carries at most {limit}"
        );
        SendError::new(TransportErrorKind::TooLarge, Ran::No, message)
    }

    pub(crate) fn unencodable(&self, reason: &str) -> SendError {
        let message = format!("the message to {self} cannot be written: {reason}");
        SendError::new(TransportErrorKind::Unencodable, Ran::No, message)
    }

    pub(crate) fn unavailable(&self, why: &Unavailable) -> SendError {
        match why {
            Unavailable::Refused(failure) => {
                let message = format!("no connection for the message to {self}: {failure}");
                SendError::new(TransportErrorKind::Unavailable, Ran::No, message)
            }
            Unavailable::Closed => self.closed(),
        }
    }

    pub(crate) fn no_way_back(&self, why: &NoInbox) -> SendError {
        match why {
            NoInbox::Unavailable(why) => self.unavailable(why),
            NoInbox::Refused(why) => {
                let message = format!(
                    "no answer to the message to {self} could come back, as there is no reply queue: {why}"
                );
                SendError::new(TransportErrorKind::Unavailable, Ran::No, message)
            }
        }
    }

    pub(crate) fn closed(&self) -> SendError {
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
