//! Messages made by hand.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Exception, Peer};

/// Drives `raw.py`.
#[derive(Debug, Clone)]
pub struct Raw(pub(super) Arc<Peer>);

/// A message that was taken from a queue.
#[derive(Debug, Clone, Deserialize)]
pub struct Message {
    /// The body, as text.
    pub body: String,
    /// The AMQP properties, by their names in Python's `amqp`.
    pub properties: Value,
}

impl Message {
    /// What the envelope holds.
    ///
    /// # Panics
    ///
    /// There is none.
    #[must_use]
    pub fn opened(&self) -> Value {
        let envelope: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(envelope["oslo.version"], "2.0", "{envelope}");
        serde_json::from_str(envelope["oslo.message"].as_str().unwrap()).unwrap()
    }
}

impl Raw {
    /// Declares a queue, which is reached through the default exchange.
    ///
    /// # Errors
    ///
    /// What the library raised.
    pub async fn declare(&self, queue: &str) -> Result<(), Exception> {
        self.0.ask("declare", json!({ "queue": queue })).await.map(drop)
    }

    /// Declares a queue that is bound to a topic exchange by its own name, as that of a server.
    ///
    /// # Errors
    ///
    /// What the library raised.
    pub async fn declare_bound(&self, queue: &str, exchange: &str) -> Result<(), Exception> {
        let members = json!({ "queue": queue, "exchange": exchange });
        self.0.ask("declare", members).await.map(drop)
    }

    /// Deletes a queue.
    ///
    /// # Errors
    ///
    /// What the library raised.
    pub async fn delete(&self, queue: &str) -> Result<(), Exception> {
        self.0.ask("delete", json!({ "queue": queue })).await.map(drop)
    }

    /// Sends a body to a queue, as JSON unless `how` says otherwise: AMQP properties by their names in Python's `amqp`, and
    /// `encoding`.
    ///
    /// # Errors
    ///
    /// What the library raised.
    pub async fn publish(&self, queue: &str, body: &str, how: Value) -> Result<(), Exception> {
        let mut members = how;
        members["routing_key"] = queue.into();
        members["body"] = body.into();
        self.0.ask("publish", members).await.map(drop)
    }

    /// The next message of a queue; waits for it.
    ///
    /// # Errors
    ///
    /// None came within 10 s.
    ///
    /// # Panics
    ///
    /// It is no text.
    pub async fn get(&self, queue: &str) -> Result<Message, Exception> {
        let got = self.0.ask("get", json!({ "queue": queue, "timeout": 10 })).await?;
        Ok(serde_json::from_value(got).unwrap())
    }
}
