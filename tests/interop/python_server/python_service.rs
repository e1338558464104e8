//! The methods of `server.py`, as a program in Rust knows them.

use rpc_core::{Context, Map, RpcError, Value, endpoint};
use rpc_tests::interop::{InteropEnv, Serving};
use serde::{Deserialize, Serialize};

/// As `peer_errors` has it.
#[derive(Debug, PartialEq, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("{missing} cents short")]
#[rpc_error(module = "peer_errors")]
pub(crate) struct InsufficientFunds {
    pub(crate) missing: u64,
}

#[derive(Debug, PartialEq, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("no account {account}")]
#[rpc_error(class = "AccountNotFound", module = "peer_errors")]
pub(crate) struct NoAccount {
    pub(crate) account: String,
}

#[derive(Debug, PartialEq, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("code {0}: {1}")]
#[rpc_error(module = "peer_errors")]
pub(crate) struct Positional(pub(crate) i64, pub(crate) String);

#[derive(Debug, PartialEq, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("{0}")]
#[rpc_error(class = "ValueError", module = "builtins")]
pub(crate) struct BadValue(pub(crate) String);

#[derive(Debug, PartialEq, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("it was interrupted")]
#[rpc_error(class = "InterruptedError", module = "builtins")]
pub(crate) struct Disturbed;

#[derive(Debug, PartialEq, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("no key {0}")]
#[rpc_error(class = "KeyError", module = "elsewhere")]
pub(crate) struct KeyOfElsewhere(pub(crate) String);

/// All that the methods of this interface fail with.
#[derive(Debug, thiserror::Error, RpcError)]
#[error("it failed")]
pub(crate) enum PeerError {
    Funds(#[from] InsufficientFunds),
    Account(#[from] NoAccount),
    Positional(#[from] Positional),
    Value(#[from] BadValue),
    Disturbed(#[from] Disturbed),
    Elsewhere(#[from] KeyOfElsewhere),
}

/// The methods without a namespace of the cases' Python servers.
#[endpoint]
pub(crate) trait Peer {
    async fn echo(&self, ctx: &Context, value: Value) -> Value;
    async fn record(&self, ctx: &Context, value: Value);
    async fn add(&self, ctx: &Context, a: i64, b: Option<i64>) -> i64;
    async fn context(&self, ctx: &Context) -> Map;
    async fn who(&self, ctx: &Context) -> String;
    async fn nothing(&self, ctx: &Context) -> Value;
    async fn sleep(&self, ctx: &Context, seconds: f64) -> f64;
    async fn hold(&self, ctx: &Context) -> String;
    async fn big(&self, ctx: &Context, length: usize) -> String;
    async fn nested(&self, ctx: &Context, depth: usize) -> Value;
    async fn odd_keys(&self, ctx: &Context) -> Map;

    #[expected(InsufficientFunds, NoAccount, Positional, BadValue, Disturbed, KeyOfElsewhere)]
    async fn fail(
        &self,
        ctx: &Context,
        error: String,
        args: Vec<Value>,
        kwargs: Map,
    ) -> Result<Value, PeerError>;

    /// Raises the same exceptions, which Python declares as expected.
    #[expected(InsufficientFunds, NoAccount, Positional, BadValue, Disturbed, KeyOfElsewhere)]
    async fn fail_expected(
        &self,
        ctx: &Context,
        error: String,
        args: Vec<Value>,
        kwargs: Map,
    ) -> Result<Value, PeerError>;
}

pub(crate) fn ctx() -> Context {
    Context::new()
}

/// Starts server `python` of the case's topic.
pub(crate) async fn serve(env: &InteropEnv) -> Serving {
    env.python_server("python").await.start().await.unwrap()
}

/// Starts the same server, and creates a client of the topic.
pub(crate) async fn called(env: &InteropEnv) -> (Serving, PeerClient) {
    (serve(env).await, env.client())
}
