//! The queues of a server.

use rpc_amqp::{Channel, Error};
use rpc_core::transport::{Listen, QueueKind};

use super::exchanges::{ExchangeKind, fanout_exchange, topic_exchange};
use super::queues::{Queue, fanout_stream, set_expiry, shared_queue, transient_queue};
use super::unique_name::{random_name, unique_name};
use crate::config::{Config, StableNames};
use crate::connection::broker_error::has_other_properties;
use crate::wire::Dialect;

/// The three queues of a server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ServerQueues {
    dialect: &'static dyn Dialect,
    fanout_topic: String,
    stable_names: StableNames,
    /// Whether fanouts come from a stream that all servers of the topic read.
    streams_fanouts: bool,
    pub(crate) topic: Queue,
    pub(crate) server: Queue,
    pub(crate) fanout: Queue,
}

impl ServerQueues {
    /// Returns the queues of a server.
    pub(crate) fn new(config: &Config, listen: &Listen) -> Self {
        let dialect = config.dialect;
        let exchange = listen.exchange.as_deref().unwrap_or(&config.exchange);
        let (topic, server) = (listen.topic.as_str(), listen.server.as_str());
        let binding = |key: String| {
            dialect.binds_topic_exchange().then(|| (topic_exchange(config, exchange), key))
        };
        let mut server_queue = shared_queue(config, dialect.server_queue(exchange, topic, server));
        server_queue.binding = binding(format!("{topic}.{server}"));
        if let Some(ttl) = dialect.server_queue_ttl() {
            set_expiry(&mut server_queue.arguments, ttl);
        }
        let mut topic_queue = shared_queue(config, dialect.topic_queue(exchange, topic));
        topic_queue.binding = binding(topic.to_owned());
        let stable_names = config.queues.stable_names.clone();
        let streams_fanouts = config.queues.stream_fanout;
        let mut fanout = match streams_fanouts {
            // In oslo.messaging the stream has the name of its exchange.
            true => fanout_stream(config, dialect.fanout_exchange(topic)),
            false => {
                transient_queue(config, dialect.fanout_queue(topic, &unique_name(&stable_names)))
            }
        };
        fanout.binding = Some((fanout_exchange(config, topic), topic.to_owned()));
        Self {
            dialect,
            fanout_topic: topic.to_owned(),
            stable_names,
            streams_fanouts,
            topic: topic_queue,
            server: server_queue,
            fanout,
        }
    }

    /// Returns whether fanouts come from a stream that all servers of the topic read.
    pub(crate) fn fanout_is_stream(&self) -> bool {
        self.streams_fanouts
    }

    /// Returns whether the fanout queue stays when the server ends, for the others or for the one that is started next.
    pub(crate) fn fanout_is_kept(&self) -> bool {
        self.streams_fanouts || self.stable_names.enabled
    }

    /// Returns whether another process may have the fanout queue.
    pub(crate) fn fanout_may_be_taken(&self) -> bool {
        self.stable_names.enabled && !self.streams_fanouts
    }

    /// Returns whether a queue has a name by which others know it, so that no other one can take its place.
    pub(crate) fn keeps_name(&self, kind: QueueKind) -> bool {
        kind != QueueKind::Fanout || self.streams_fanouts
    }

    /// Returns a name for [`broker_declares`](super::broker_declares), which permissions for fanout queues cover.
    pub(crate) fn probe_name(&self) -> String {
        self.dialect.fanout_queue(&self.fanout_topic, &random_name())
    }

    /// Returns a fanout queue with another name that nobody else has, to take the place of the server's own one.
    pub(crate) fn other_fanout(&self) -> Queue {
        let name = self.dialect.fanout_queue(&self.fanout_topic, &unique_name(&self.stable_names));
        Queue { name, ..self.fanout.clone() }
    }

    /// Has all queues tried again.
    pub(crate) fn try_all(&mut self) {
        for queue in [&mut self.topic, &mut self.server, &mut self.fanout] {
            queue.left_out = false;
        }
    }

    /// Returns the names of the queues and of the exchanges that they are bound to.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.all().into_iter().flat_map(|queue| {
            let exchange = queue.binding.as_ref().map(|(exchange, _)| exchange.name.as_str());
            [queue.name.as_str()].into_iter().chain(exchange)
        })
    }

    /// Returns one of the queues.
    pub(crate) fn of(&self, kind: QueueKind) -> &Queue {
        match kind {
            QueueKind::Topic => &self.topic,
            QueueKind::Server => &self.server,
            QueueKind::Fanout => &self.fanout,
        }
    }

    /// Returns one of the queues, to be changed.
    pub(crate) fn of_mut(&mut self, kind: QueueKind) -> &mut Queue {
        match kind {
            QueueKind::Topic => &mut self.topic,
            QueueKind::Server => &mut self.server,
            QueueKind::Fanout => &mut self.fanout,
        }
    }

    /// Replaces one of the queues.
    pub(crate) fn set(&mut self, kind: QueueKind, queue: Queue) {
        *self.of_mut(kind) = queue;
    }

    /// Returns all three, in the order in which oslo.messaging declares and consumes them.
    pub(crate) fn all(&self) -> [&Queue; 3] {
        [&self.topic, &self.server, &self.fanout]
    }

    /// Declares all that are not left out, and the exchanges that they are bound to.
    ///
    /// Returns the name of an exchange that exists and is not durable, if there is one. The broker has closed the channel over
    /// it; on the next channel the exchange [can be accepted as it is](Self::accept_transient).
    pub(crate) async fn declare(&self, channel: &Channel) -> Result<Option<String>, Error> {
        for queue in self.all().into_iter().filter(|queue| !queue.left_out) {
            if let Some((exchange, _)) = &queue.binding
                && let Err(error) = exchange.declare(channel).await
            {
                let acceptable = !self.dialect.always_durable()
                    && exchange.durable
                    && has_other_properties(&error);
                return if acceptable { Ok(Some(exchange.name.clone())) } else { Err(error) };
            }
            queue.declare(channel).await?;
        }
        Ok(None)
    }

    /// Accepts an exchange that is not durable, as oslo.messaging does: declares it so from now on, and the queues bound to it
    /// likewise. Quorum queues stay durable, as they always are.
    pub(crate) fn accept_transient(&mut self, name: &str) {
        tracing::warn!(
            exchange = name,
            "exchange exists and is not durable: it and its queues are lost when the broker restarts; delete it while no \
             server runs, or configure the same durability everywhere"
        );
        for queue in [&mut self.topic, &mut self.server, &mut self.fanout] {
            if let Some((exchange, _)) = &mut queue.binding
                && exchange.name == name
            {
                exchange.durable = false;
                if exchange.kind == ExchangeKind::Topic {
                    queue.durable = queue.arguments.get("x-queue-type").is_some();
                }
            }
        }
    }
}
