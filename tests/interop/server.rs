//! Python servers.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{Exception, Peer};

/// How long an expected event may take.
const EVENT_TIMEOUT: Duration = Duration::from_secs(10);

/// A handle to the process that runs `server.py`, which can be several servers.
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
    /// Returns a builder of a server of a topic.
    pub fn serve(&self, url: &str, topic: &str, server: &str) -> Serve {
        let name = format!("{topic}.{server}");
        let members = json!({ "name": name, "url": url, "topic": topic, "server": server });
        Serve { peer: Arc::clone(&self.0), name, members }
    }
}

impl Serve {
    /// Sets another exchange.
    pub fn exchange(mut self, exchange: &str) -> Self {
        self.members["exchange"] = exchange.into();
        self
    }

    /// Adds the ping endpoint.
    pub fn ping(mut self) -> Self {
        self.members["ping"] = true.into();
        self
    }

    /// Adds options to the URL.
    pub fn options(mut self, query: &str) -> Self {
        let url = self.members["url"].as_str().unwrap_or_default();
        self.members["url"] = format!("{url}?{query}").into();
        self
    }

    /// Starts the server. Returns when it consumes.
    ///
    /// # Errors
    ///
    /// Returns what the library raised.
    pub async fn start(self) -> Result<Serving, Exception> {
        let Self { peer, name, members } = self;
        let events = peer.events(&name);
        peer.ask("start", members).await?;
        Ok(Serving { peer, name, events })
    }
}

impl Serving {
    /// Returns the next event of a method that reports that it ran. Waits for it.
    ///
    /// # Panics
    ///
    /// Panics if none ran in time.
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

    /// Lets every `hold` return, now and later, on every server of this process.
    ///
    /// # Errors
    ///
    /// Returns what the command raised.
    pub async fn release(&self) -> Result<(), Exception> {
        self.peer.ask("release", json!({})).await.map(drop)
    }

    /// Stops the server. Returns when all received calls have run.
    ///
    /// # Errors
    ///
    /// Returns what the library raised.
    pub async fn stop(&self) -> Result<(), Exception> {
        self.peer.ask("stop", json!({ "name": self.name })).await.map(drop)
    }
}
