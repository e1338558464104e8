//! Where a message goes, in the words of errors.

use std::fmt;

use rpc_core::error::{Ran, SendError, TransportErrorKind};
use rpc_core::transport::{Destination, Route};

/// An exchange, a topic, and which of its servers.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) exchange: Box<str>,
    pub(crate) topic: Box<str>,
    pub(crate) destination: Destination,
}

/// Returns the name of an exchange. The default exchange has the empty name, as in AMQP.
pub(crate) fn exchange_name(exchange: Option<&str>) -> &str {
    exchange.unwrap_or_default()
}

impl Address {
    pub(crate) fn of(route: &Route) -> Self {
        Self {
            exchange: exchange_name(route.exchange.as_deref()).into(),
            topic: (*route.topic).into(),
            destination: route.destination.clone(),
        }
    }

    pub(crate) fn no_listeners(&self) -> SendError {
        let message = format!(
            "no server listens on {self}: start one, or compare exchange, topic and server name \
             with those of the server"
        );
        SendError::new(TransportErrorKind::MissingServer, Ran::No, message)
    }

    pub(crate) fn last_listener_left(&self) -> SendError {
        let message = format!(
            "the last server on {self} stopped before it received the message: start a server, \
             then send again"
        );
        SendError::new(TransportErrorKind::MissingServer, Ran::No, message)
    }

    pub(crate) fn interrupted(&self) -> SendError {
        let message = format!(
            "the message to {self} was dropped after a server had started its method: repeat the \
             call only if the method is idempotent"
        );
        SendError::new(TransportErrorKind::Interrupted, Ran::Unknown, message)
    }

    pub(crate) fn closed(&self) -> SendError {
        let message = format!(
            "the in-memory transport was closed before a server received the message to {self}"
        );
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
        match &*self.exchange {
            "" => f.write_str(" of the default exchange"),
            exchange => write!(f, " of exchange `{exchange}`"),
        }
    }
}
