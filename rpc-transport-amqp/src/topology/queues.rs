//! Queues as data, and how they are declared and deleted. No other module decides how a queue is declared.
//!
//! RabbitMQ from 3.10 to 4.3 accepts all queues of the native dialect. RabbitMQ 4 refuses queues that are neither durable nor
//! exclusive where its operator says so.
//! With the default options of the oslo dialect a topic's queue is such a queue, as it has to equal that of the Python peers.

use std::time::Duration;

use rpc_amqp::{Channel, Error, Field, FieldTable, QueueDeclare};

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
    /// Whether it is left out for now, as the node of the cluster that holds it is down.
    pub(crate) left_out: bool,
}

/// Returns the reply queue of a transport.
pub(crate) fn reply_queue(config: &Config, unique: &str) -> Queue {
    transient_queue(config, config.dialect.reply_queue(unique))
}

/// Returns a queue that outlives its servers.
pub(super) fn shared_queue(config: &Config, name: String) -> Queue {
    let queues = &config.queues;
    let mut arguments = FieldTable::new();
    if queues.quorum {
        make_quorum(config, &mut arguments);
    }
    let durable = queues.durable || queues.quorum;
    Queue {
        name,
        durable,
        auto_delete: queues.auto_delete,
        arguments,
        binding: None,
        left_out: false,
    }
}

/// Returns a queue of one process. It is durable, so that it survives a lost connection and a restart of the broker.
pub(super) fn transient_queue(config: &Config, name: String) -> Queue {
    let queues = &config.queues;
    let mut arguments = FieldTable::new();
    if queues.transient_quorum {
        make_quorum(config, &mut arguments);
    }
    if let Some(ttl) = queues.transient_ttl {
        set_expiry(&mut arguments, ttl);
    }
    Queue { name, durable: true, auto_delete: false, arguments, binding: None, left_out: false }
}

/// Returns the stream that all servers of a topic read. What was sent through it stays there, and is deleted by its age alone.
pub(super) fn fanout_stream(config: &Config, name: String) -> Queue {
    let mut arguments = FieldTable::new();
    set(&mut arguments, "x-queue-type", Field::Text("stream"));
    if let Some(age) = config.queues.stream_max_age {
        let seconds = age.as_secs() + u64::from(age.subsec_nanos() > 0);
        set(&mut arguments, "x-max-age", Field::Text(&format!("{seconds}s")));
    }
    Queue { name, durable: true, auto_delete: false, arguments, binding: None, left_out: false }
}

/// Has the broker delete the queue when it had no consumer for so long.
pub(super) fn set_expiry(arguments: &mut FieldTable, after: Duration) {
    let milliseconds = u32::try_from(after.as_millis()).unwrap_or(u32::MAX);
    set(arguments, "x-expires", Field::I64(milliseconds.into()));
}

fn set(arguments: &mut FieldTable, name: &str, value: Field<'_>) {
    // The names are short, which is the only condition.
    let _ = arguments.insert(name, value);
}

/// Makes the queue a quorum queue, with the configured limits.
fn make_quorum(config: &Config, arguments: &mut FieldTable) {
    let limits = config.queues.limits;
    set(arguments, "x-queue-type", Field::Text("quorum"));
    let mut limit = |name: &str, value: Option<i64>| {
        if let Some(value) = value {
            set(arguments, name, Field::I64(value));
        }
    };
    limit("x-delivery-limit", limits.delivery_limit.map(i64::from));
    limit("x-max-in-memory-length", limits.max_memory_length.map(i64::from));
    let bytes = limits.max_memory_bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
    limit("x-max-in-memory-bytes", bytes);
}

impl Queue {
    /// Declares the queue and binds it. The exchange must exist.
    pub(crate) async fn declare(&self, channel: &Channel) -> Result<(), Error> {
        self.declare_unbound(channel).await?;
        if let Some((exchange, key)) = &self.binding {
            channel.queue_bind(&self.name, &exchange.name, key, &FieldTable::new()).await?;
        }
        Ok(())
    }

    /// Declares the exchange that the queue is bound to, and the queue, and binds it.
    pub(crate) async fn declare_with_exchange(&self, channel: &Channel) -> Result<(), Error> {
        if let Some((exchange, _)) = &self.binding {
            exchange.declare(channel).await?;
        }
        self.declare(channel).await
    }

    /// Removes the queue's binding.
    pub(crate) async fn unbind(&self, session: &Session) -> Result<(), Error> {
        let Some((exchange, key)) = &self.binding else { return Ok(()) };
        let channel = session.connection.open_channel().await?;
        channel.queue_unbind(&self.name, &exchange.name, key, &FieldTable::new()).await?;
        channel.close(200, "the queue is unbound").await;
        Ok(())
    }

    /// Declares the queue.
    pub(super) async fn declare_unbound(&self, channel: &Channel) -> Result<(), Error> {
        let declare = QueueDeclare {
            name: &self.name,
            passive: false,
            durable: self.durable,
            exclusive: false,
            auto_delete: self.auto_delete,
            arguments: &self.arguments,
        };
        channel.queue_declare(&declare).await.map(drop)
    }

    /// Deletes the queue with all messages in it.
    pub(crate) async fn delete(&self, session: &Session) -> Result<(), Error> {
        let channel = session.connection.open_channel().await?;
        channel.queue_delete(&self.name, false, false).await?;
        channel.close(200, "the queue is deleted").await;
        Ok(())
    }
}
