//! Where messages go, in the words of errors.

use std::fmt;

use rpc_core::error::{Ran, SendError, TransportErrorKind};
use rpc_core::transport::{Destination, Route};

/// Exchange, topic and which of its servers.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) exchange: Box<str>,
    pub(crate) topic: Box<str>,
    pub(crate) destination: Destination,
}

/// The exchange's name; the default exchange has the empty one, as AMQP's has.
pub(crate) fn exchange_of(exchange: Option<&str>) -> &str {
    exchange.unwrap_or_default()
}

impl Address {
    pub(crate) fn of(route: &Route) -> Self {
        Self {
            exchange: exchange_of(route.exchange.as_deref()).into(),
            topic: (*route.topic).into(),
            destination: route.destination.clone(),
        }
    }

    pub(crate) fn nobody_listens(&self) -> SendError {
        let message = format!(
            "no server listens on {self}: start one, or compare exchange, topic and server name \
             with those it was started with"
        );
        SendError::new(TransportErrorKind::MissingServer, Ran::No, message)
    }

    pub(crate) fn last_listener_left(&self) -> SendError {
        let message = format!(
            "the last server on {self} stopped before it took the message: start one, then send \
             again"
        );
        SendError::new(TransportErrorKind::MissingServer, Ran::No, message)
    }

    pub(crate) fn interrupted(&self) -> SendError {
        let message = format!(
            "the message to {self} was given up after its method had begun somewhere: repeat the \
             call only if the method is idempotent"
        );
        SendError::new(TransportErrorKind::Interrupted, Ran::Unknown, message)
    }

    pub(crate) fn closed(&self) -> SendError {
        let message =
            format!("the in-memory transport was closed before the message to {self} was taken");
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
