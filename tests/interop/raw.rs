//! Raw messages.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Exception, Peer};

/// A handle to the process that runs `raw.py`.
#[derive(Debug, Clone)]
pub struct Raw(pub(super) Arc<Peer>);

/// A message that was consumed from a queue.
#[derive(Debug, Clone, Deserialize)]
pub struct Message {
    /// The body, as text.
    pub body: String,
    /// The AMQP properties, by their names in Python's `amqp`.
    pub properties: Value,
}

impl Message {
    /// Returns the message in the envelope.
    ///
    /// # Panics
    ///
    /// Panics if there is no envelope.
    #[must_use]
    pub fn opened(&self) -> Value {
        let envelope: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(envelope["oslo.version"], "2.0", "{envelope}");
        serde_json::from_str(envelope["oslo.message"].as_str().unwrap()).unwrap()
    }
}

impl Raw {
    /// Declares a queue. It is bound to the default exchange only.
    ///
    /// # Errors
    ///
    /// Returns what the library raised.
    pub async fn declare(&self, queue: &str) -> Result<(), Exception> {
        self.0.ask("declare", json!({ "queue": queue })).await.map(drop)
    }

    /// Declares a queue and binds it to a topic exchange by its own name, as a server does.
    ///
    /// # Errors
    ///
    /// Returns what the library raised.
    pub async fn declare_bound(&self, queue: &str, exchange: &str) -> Result<(), Exception> {
        let members = json!({ "queue": queue, "exchange": exchange });
        self.0.ask("declare", members).await.map(drop)
    }

    /// Deletes a queue.
    ///
    /// # Errors
    ///
    /// Returns what the library raised.
    pub async fn delete(&self, queue: &str) -> Result<(), Exception> {
        self.0.ask("delete", json!({ "queue": queue })).await.map(drop)
    }

    /// Publishes a body to a queue. `how` holds AMQP properties by their names in Python's `amqp`, and the `encoding` of the
    /// body. The content type is JSON by default.
    ///
    /// # Errors
    ///
    /// Returns what the library raised.
    pub async fn publish(&self, queue: &str, body: &str, how: Value) -> Result<(), Exception> {
        let mut members = how;
        members["routing_key"] = queue.into();
        members["body"] = body.into();
        self.0.ask("publish", members).await.map(drop)
    }

    /// Waits until a queue has a consumer, as it has while a [`get`](Self::get) waits.
    ///
    /// # Errors
    ///
    /// Returns what the library raised.
    pub async fn wait_for_consumer(&self, queue: &str) -> Result<(), Exception> {
        self.0.ask("wait_for_consumer", json!({ "queue": queue })).await.map(drop)
    }

    /// Consumes the next message of a queue. Waits for it for up to 10 s.
    ///
    /// # Errors
    ///
    /// Returns what the library raised, also when no message came in time.
    ///
    /// # Panics
    ///
    /// Panics if the body is not text.
    pub async fn get(&self, queue: &str) -> Result<Message, Exception> {
        let got = self.0.ask("get", json!({ "queue": queue, "timeout": 10 })).await?;
        Ok(serde_json::from_value(got).unwrap())
    }
}
