//! A Python client.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Exception, Peer};

/// A handle to the process that runs `client.py`.
#[derive(Debug, Clone)]
pub struct Client(pub(super) Arc<Peer>);

/// A target and the options of calls to it.
#[derive(Debug, Clone)]
#[must_use]
pub struct To<'a> {
    client: &'a Client,
    how: Value,
}

impl Client {
    /// Connects under a name. `main` exists already. `allow` lists the modules whose exceptions are rebuilt.
    ///
    /// # Errors
    ///
    /// Returns what the library raised.
    pub async fn connect(&self, name: &str, url: &str, allow: &[&str]) -> Result<(), Exception> {
        let members = json!({ "name": name, "url": url, "allow": allow });
        self.0.ask("connect", members).await.map(drop)
    }

    /// Returns a builder of calls to a topic, over the connection `main` by default.
    pub fn to(&self, topic: &str) -> To<'_> {
        To { client: self, how: json!({ "target": { "topic": topic } }) }
    }
}

impl To<'_> {
    /// Sets any other member of the target, by oslo.messaging's name.
    pub fn target(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.how["target"][member] = value.into();
        self
    }

    /// Sets an option of the client: `timeout`, `version_cap`, `call_monitor_timeout`, `retry`, `transport`.
    pub fn with(mut self, option: &str, value: impl Into<Value>) -> Self {
        self.how[option] = value.into();
        self
    }

    /// Sets the arguments of `prepare`.
    pub fn prepare(mut self, changes: Value) -> Self {
        self.how["prepare"] = changes;
        self
    }

    /// Sets the request context.
    pub fn ctxt(self, ctxt: Value) -> Self {
        self.with("ctxt", ctxt)
    }

    /// Calls a method.
    ///
    /// # Errors
    ///
    /// Returns what the call raised.
    pub async fn call(self, method: &str, args: Value) -> Result<Value, Exception> {
        self.send("call", method, args).await
    }

    /// Casts to one server.
    ///
    /// # Errors
    ///
    /// Returns what the cast raised.
    pub async fn cast(self, method: &str, args: Value) -> Result<(), Exception> {
        self.send("cast", method, args).await.map(drop)
    }

    /// Casts to every server.
    ///
    /// # Errors
    ///
    /// Returns what the cast raised.
    pub async fn fanout(self, method: &str, args: Value) -> Result<(), Exception> {
        self.send("fanout", method, args).await.map(drop)
    }

    /// Returns whether the client's version cap allows a version.
    ///
    /// # Errors
    ///
    /// Returns what the library raised.
    pub async fn can_send_version(mut self, version: &str) -> Result<Value, Exception> {
        self.how["version"] = version.into();
        self.client.0.ask("can_send_version", self.how).await
    }

    async fn send(mut self, what: &str, method: &str, args: Value) -> Result<Value, Exception> {
        self.how["method"] = method.into();
        self.how["args"] = args;
        self.client.0.ask(what, self.how).await
    }
}
