//! Python servers.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{Exception, Peer};

/// How long something that must happen may take.
const EVENT_TIMEOUT: Duration = Duration::from_secs(10);

/// Drives `server.py`, which is several servers if asked to.
#[derive(Debug, Clone)]
pub struct Server(pub(super) Arc<Peer>);

/// A server that has not started yet.
#[derive(Debug)]
#[must_use]
pub struct Serve {
    peer: Arc<Peer>,
    name: String,
    members: Value,
}

/// A server that runs.
#[derive(Debug)]
pub struct Serving {
    peer: Arc<Peer>,
    name: String,
    events: mpsc::UnboundedReceiver<Value>,
}

impl Server {
    /// A server of a topic.
    pub fn serve(&self, url: &str, topic: &str, server: &str) -> Serve {
        let name = format!("{topic}.{server}");
        let members = json!({ "name": name, "url": url, "topic": topic, "server": server });
        Serve { peer: Arc::clone(&self.0), name, members }
    }
}

impl Serve {
    /// In another exchange.
    pub fn exchange(mut self, exchange: &str) -> Self {
        self.members["exchange"] = exchange.into();
        self
    }

    /// With the ping endpoint.
    pub fn ping(mut self) -> Self {
        self.members["ping"] = true.into();
        self
    }

    /// With options in the URL's query.
    pub fn options(mut self, query: &str) -> Self {
        let url = self.members["url"].as_str().unwrap_or_default();
        self.members["url"] = format!("{url}?{query}").into();
        self
    }

    /// Starts it; its queues are there afterwards.
    ///
    /// # Errors
    ///
    /// What the library raised.
    pub async fn start(self) -> Result<Serving, Exception> {
        let Self { peer, name, members } = self;
        let events = peer.events(&name);
        peer.ask("start", members).await?;
        Ok(Serving { peer, name, events })
    }
}

impl Serving {
    /// The next method that ran and tells so, with what it tells; waits for it.
    ///
    /// # Panics
    ///
    /// None ran in time.
    pub async fn ran(&mut self) -> Value {
        match timeout(EVENT_TIMEOUT, self.events.recv()).await {
            Ok(Some(event)) => event,
            _ => panic!("nothing ran on {}: {}", self.name, self.peer.complaints()),
        }
    }

    /// Returns what ran and has not been read yet.
    pub fn rest(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    /// Lets `hold` return, on every server of this process, from now on.
    ///
    /// # Errors
    ///
    /// What that raised.
    pub async fn release(&self) -> Result<(), Exception> {
        self.peer.ask("release", json!({})).await.map(drop)
    }

    /// Stops it; what it had taken has been run afterwards.
    ///
    /// # Errors
    ///
    /// What the library raised.
    pub async fn stop(&self) -> Result<(), Exception> {
        self.peer.ask("stop", json!({ "name": self.name })).await.map(drop)
    }
}
