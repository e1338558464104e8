//! Queues as data, and how they are declared and deleted. No other module decides how a queue is declared.
//!
//! RabbitMQ from 3.10 to 4.3 accepts all queues of the native dialect. 4.3 refuses queues that are neither durable nor exclusive.
//! With the default options of the oslo dialect a topic's queue is such a queue, as it has to equal that of the Python peers.

use std::time::Duration;

use lapin::Channel;
use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::{AMQPValue, FieldTable};

use super::exchanges::Exchange;
use crate::config::Config;
use crate::connection::Session;

/// A queue to be declared.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Queue {
    pub(crate) name: String,
    pub(crate) durable: bool,
    pub(crate) auto_delete: bool,
    pub(crate) arguments: FieldTable,
    /// The exchange that it is bound to, and the binding key.
    pub(crate) binding: Option<(Exchange, String)>,
}

/// Returns the reply queue of a transport.
pub(crate) fn reply_queue(config: &Config, unique: &str) -> Queue {
    transient_queue(config, config.dialect.reply_queue(unique))
}

/// Returns a queue that outlives its servers.
pub(super) fn shared_queue(config: &Config, name: String) -> Queue {
    let queues = &config.queues;
    let mut arguments = FieldTable::default();
    if queues.quorum {
        make_quorum(config, &mut arguments);
    }
    let durable = queues.durable || queues.quorum;
    Queue { name, durable, auto_delete: queues.auto_delete, arguments, binding: None }
}

/// Returns a queue of one process. It is durable, so that it survives a lost connection and a restart of the broker.
pub(super) fn transient_queue(config: &Config, name: String) -> Queue {
    let queues = &config.queues;
    let mut arguments = FieldTable::default();
    if queues.transient_quorum {
        make_quorum(config, &mut arguments);
    }
    if let Some(ttl) = queues.transient_ttl {
        set_expiry(&mut arguments, ttl);
    }
    Queue { name, durable: true, auto_delete: false, arguments, binding: None }
}

/// Has the broker delete the queue when it had no consumer for so long.
pub(super) fn set_expiry(arguments: &mut FieldTable, after: Duration) {
    let milliseconds = u32::try_from(after.as_millis()).unwrap_or(u32::MAX);
    arguments.insert("x-expires".into(), AMQPValue::LongLongInt(milliseconds.into()));
}

/// Makes the queue a quorum queue, with the configured limits.
fn make_quorum(config: &Config, arguments: &mut FieldTable) {
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
    /// Declares the queue and binds it. The exchange must exist.
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

    /// Deletes the queue with all messages in it.
    pub(crate) async fn delete(&self, session: &Session) -> lapin::Result<()> {
        let channel = session.connection.create_channel().await?;
        let name = self.name.as_str();
        channel.queue_delete(name.into(), QueueDeleteOptions::default()).await?;
        // Closed, not dropped: the AMQP library fails if its connection is closed right after a drop.
        channel.close(200, "the queue is deleted".into()).await
    }
}
