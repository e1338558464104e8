//! Exchanges as data, and how they are declared.

use rpc_amqp::{Channel, Error, ExchangeDeclare, FieldTable};

use crate::config::Config;

/// How an exchange routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExchangeKind {
    Fanout,
    Topic,
}

/// An exchange to be declared.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exchange {
    pub(crate) name: String,
    pub(crate) kind: ExchangeKind,
    pub(crate) durable: bool,
    pub(crate) auto_delete: bool,
}

/// Returns the exchange to which oslo.messaging binds the queues of topics and servers.
pub(super) fn topic_exchange(config: &Config, name: &str) -> Exchange {
    let (durable, auto_delete) = (config.queues.durable, config.queues.auto_delete);
    Exchange { name: name.to_owned(), kind: ExchangeKind::Topic, durable, auto_delete }
}

/// Returns the exchange that reaches every server of a topic.
pub(super) fn fanout_exchange(config: &Config, topic: &str) -> Exchange {
    Exchange {
        name: config.dialect.fanout_exchange(topic),
        kind: ExchangeKind::Fanout,
        // A binding lasts as long as the less durable of its two ends.
        durable: config.dialect.always_durable() || config.queues.transient_quorum,
        auto_delete: true,
    }
}

impl Exchange {
    /// Declares the exchange.
    pub(super) async fn declare(&self, channel: &Channel) -> Result<(), Error> {
        let kind = match self.kind {
            ExchangeKind::Fanout => "fanout",
            ExchangeKind::Topic => "topic",
        };
        let declare = ExchangeDeclare {
            name: &self.name,
            kind,
            passive: false,
            durable: self.durable,
            auto_delete: self.auto_delete,
            arguments: &FieldTable::new(),
        };
        channel.exchange_declare(&declare).await
    }
}
