//! Queues and exchanges as data: what is declared is decided here, and nowhere else.
//!
//! RabbitMQ from 3.10 to 4.3 takes all of the native form. 4.3 refuses queues that are neither durable nor exclusive, which
//! a topic's queue is with the default options of the oslo form: there it has to be the same as at the Python peers.

use std::time::Duration;

use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind};
use rpc_core::transport::Listen;

use crate::config::{Config, Form};
use crate::connection::broker_error::reply_code;
use crate::connection::supervisor::Session;

/// How long the queue of a server's name outlives the server, in the native form: long enough for a restart.
const SERVER_QUEUE_TTL: Duration = Duration::from_secs(30 * 60);

/// A queue to be declared.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Queue {
    pub(crate) name: String,
    pub(crate) durable: bool,
    pub(crate) auto_delete: bool,
    pub(crate) arguments: FieldTable,
    /// The exchange it is bound to, and by which key.
    pub(crate) binding: Option<(Exchange, String)>,
}

/// An exchange to be declared.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exchange {
    pub(crate) name: String,
    pub(crate) kind: ExchangeKind,
    pub(crate) durable: bool,
    pub(crate) auto_delete: bool,
}

/// The three queues of a server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ears {
    form: Form,
    pub(crate) topic: Queue,
    pub(crate) server: Queue,
    pub(crate) fanout: Queue,
}

impl Ears {
    /// `unique` tells this server's fanout queue from all others.
    pub(crate) fn of(config: &Config, listen: &Listen, unique: &str) -> Self {
        let form = config.form;
        let exchange = listen.exchange.as_deref().unwrap_or(&config.exchange);
        let (topic, server) = (listen.topic.as_str(), listen.server.as_str());
        let bound =
            |key: String| (form == Form::Oslo).then(|| (topic_exchange(config, exchange), key));
        let mut own = lasting(config, form.server_queue(exchange, topic, server));
        own.binding = bound(format!("{topic}.{server}"));
        if form == Form::Native {
            expire(&mut own.arguments, SERVER_QUEUE_TTL);
        }
        let mut shared = lasting(config, form.topic_queue(exchange, topic));
        shared.binding = bound(topic.to_owned());
        let mut fanout = passing(config, form.fanout_queue(topic, unique));
        fanout.binding = Some((fanout_exchange(config, topic), topic.to_owned()));
        Self { form, topic: shared, server: own, fanout }
    }

    /// The names of queues and exchanges.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.all().into_iter().flat_map(|queue| {
            let exchange = queue.binding.as_ref().map(|(exchange, _)| exchange.name.as_str());
            [queue.name.as_str()].into_iter().chain(exchange)
        })
    }

    /// All three, in the order in which oslo.messaging declares and consumes them.
    pub(crate) fn all(&self) -> [&Queue; 3] {
        [&self.topic, &self.server, &self.fanout]
    }

    /// Declares all three, and what they are bound to.
    ///
    /// Gives the name of an exchange that is there and is not durable, over which the broker has closed the channel; on
    /// the next one it [can be taken as it is](Self::make_do_with).
    pub(crate) async fn declare(&self, channel: &Channel) -> lapin::Result<Option<String>> {
        for queue in self.all() {
            if let Some((exchange, _)) = &queue.binding
                && let Err(error) = exchange.declare(channel).await
            {
                let settles =
                    self.form == Form::Oslo && exchange.durable && reply_code(&error) == Some(406);
                return if settles { Ok(Some(exchange.name.clone())) } else { Err(error) };
            }
            queue.declare(channel).await?;
        }
        Ok(None)
    }

    /// Does what oslo.messaging does about an exchange that is not durable: declares it so, and the queues that servers
    /// share likewise. Quorum queues are always durable; there is no other way to have them.
    pub(crate) fn make_do_with(&mut self, name: &str) {
        tracing::warn!(
            exchange = name,
            "the exchange is there and is not durable, so it and the queues bound to it will not outlive the broker: \
             delete it while no server runs, or have all programs ask for the same"
        );
        for queue in [&mut self.topic, &mut self.server, &mut self.fanout] {
            if let Some((exchange, _)) = &mut queue.binding
                && exchange.name == name
            {
                exchange.durable = false;
                if exchange.kind == ExchangeKind::Topic {
                    queue.durable = queue.arguments.contains_key("x-queue-type");
                }
            }
        }
    }
}

/// The queue of a transport's answers.
pub(crate) fn reply_queue(config: &Config, unique: &str) -> Queue {
    passing(config, config.form.reply_queue(unique))
}

fn topic_exchange(config: &Config, name: &str) -> Exchange {
    let (durable, auto_delete) = (config.queues.durable, config.queues.auto_delete);
    Exchange { name: name.to_owned(), kind: ExchangeKind::Topic, durable, auto_delete }
}

fn fanout_exchange(config: &Config, topic: &str) -> Exchange {
    Exchange {
        name: config.form.fanout_exchange(topic),
        kind: ExchangeKind::Fanout,
        // A binding lasts as long as the less durable of its two ends.
        durable: config.form == Form::Native || config.queues.transient_quorum,
        auto_delete: true,
    }
}

/// A queue that outlives its servers.
fn lasting(config: &Config, name: String) -> Queue {
    let queues = &config.queues;
    let mut arguments = FieldTable::default();
    if queues.quorum {
        quorum(config, &mut arguments);
    }
    let durable = queues.durable || queues.quorum;
    Queue { name, durable, auto_delete: queues.auto_delete, arguments, binding: None }
}

/// A queue of one process. Durable, so that it outlives a lost connection and a restarted broker.
fn passing(config: &Config, name: String) -> Queue {
    let queues = &config.queues;
    let mut arguments = FieldTable::default();
    if queues.transient_quorum {
        quorum(config, &mut arguments);
    }
    if let Some(ttl) = queues.transient_ttl {
        expire(&mut arguments, ttl);
    }
    Queue { name, durable: true, auto_delete: false, arguments, binding: None }
}

fn expire(arguments: &mut FieldTable, after: Duration) {
    let milliseconds = u32::try_from(after.as_millis()).unwrap_or(u32::MAX);
    arguments.insert("x-expires".into(), AMQPValue::LongLongInt(milliseconds.into()));
}

fn quorum(config: &Config, arguments: &mut FieldTable) {
    let limits = config.queues.limits;
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    let mut limit = |name: &str, value: Option<i64>| {
        if let Some(value) = value {
            arguments.insert(name.into(), AMQPValue::LongLongInt(value));
        }
    };
    limit("x-delivery-limit", limits.delivery_limit.map(i64::from));
    limit("x-max-in-memory-length", limits.max_memory_length.map(i64::from));
    let bytes = limits.max_memory_bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
    limit("x-max-in-memory-bytes", bytes);
}

impl Queue {
    /// Declares the queue, and binds it to an exchange that is there.
    pub(crate) async fn declare(&self, channel: &Channel) -> lapin::Result<()> {
        let options = QueueDeclareOptions {
            durable: self.durable,
            auto_delete: self.auto_delete,
            ..QueueDeclareOptions::default()
        };
        let name = self.name.as_str();
        channel.queue_declare(name.into(), options, self.arguments.clone()).await?;
        if let Some((exchange, key)) = &self.binding {
            let (exchange, key) = (exchange.name.as_str(), key.as_str());
            let arguments = FieldTable::default();
            channel
                .queue_bind(name.into(), exchange.into(), key.into(), <_>::default(), arguments)
                .await?;
        }
        Ok(())
    }

    /// Deletes the queue, whatever is in it.
    pub(crate) async fn delete(&self, session: &Session) -> lapin::Result<()> {
        let channel = session.connection.create_channel().await?;
        let name = self.name.as_str();
        channel.queue_delete(name.into(), QueueDeleteOptions::default()).await?;
        // Dropped right before its connection is closed, a channel would upset the client library.
        channel.close(200, "the queue is deleted".into()).await
    }
}

impl Exchange {
    async fn declare(&self, channel: &Channel) -> lapin::Result<()> {
        let options = ExchangeDeclareOptions {
            durable: self.durable,
            auto_delete: self.auto_delete,
            ..ExchangeDeclareOptions::default()
        };
        let (name, kind) = (self.name.as_str().into(), self.kind.clone());
        channel.exchange_declare(name, kind, options, FieldTable::default()).await
    }
}
