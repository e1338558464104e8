//! Exchanges as data, and how they are declared.

use lapin::options::ExchangeDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Channel, ExchangeKind};

use crate::config::Config;

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
    pub(super) async fn declare(&self, channel: &Channel) -> lapin::Result<()> {
        let options = ExchangeDeclareOptions {
            durable: self.durable,
            auto_delete: self.auto_delete,
            ..ExchangeDeclareOptions::default()
        };
        let (name, kind) = (self.name.as_str().into(), self.kind.clone());
        channel.exchange_declare(name, kind, options, FieldTable::default()).await
    }
}
