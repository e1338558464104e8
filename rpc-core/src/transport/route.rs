//! Where a client's messages go.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

/// Which of a topic's servers a message is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Destination {
    /// Any one of them.
    Any,
    /// The one with this name.
    Server(Cow<'static, str>),
    /// All of them.
    Fanout,
}

/// A resolved target, made once per client and used for all its messages.
pub struct Route {
    /// The exchange. `None`: the transport's default exchange.
    pub exchange: Option<Cow<'static, str>>,
    /// The topic.
    pub topic: Cow<'static, str>,
    /// Which of the topic's servers.
    pub destination: Destination,
    cache: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl Route {
    /// Creates a route on the default exchange.
    #[must_use]
    pub fn new(topic: impl Into<Cow<'static, str>>, destination: Destination) -> Self {
        Self { exchange: None, topic: topic.into(), destination, cache: OnceLock::new() }
    }

    /// Sets the exchange.
    #[must_use]
    pub fn with_exchange(mut self, exchange: Option<Cow<'static, str>>) -> Self {
        self.exchange = exchange;
        self
    }

    /// Returns what the transport [remembered](Self::remember) for this route, if anything.
    #[must_use]
    pub fn cached<T: Any>(&self) -> Option<&T> {
        self.cache.get()?.downcast_ref()
    }

    /// Remembers something for this route, for example a queue's handle, so that it need not be looked up for every
    /// message. The first value stays.
    pub fn remember<T: Any + Send + Sync>(&self, value: T) {
        let _ = self.cache.set(Box::new(value));
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("exchange", &self.exchange)
            .field("topic", &self.topic)
            .field("destination", &self.destination)
            .finish_non_exhaustive()
    }
}
