#![allow(unused)]

use rpc_core::RpcError;

#[derive(Debug, thiserror::Error, RpcError)]
#[error("not found")]
#[rpc_error(class = "NotFound", module = "bank.errors", crate = ::rpc_core)]
struct Missing;

#[derive(Debug, thiserror::Error, RpcError)]
enum LedgerError {
    #[error(transparent)]
    Missing(#[from] Missing),
    #[error("storage")]
    Storage { source: std::io::Error },
    #[error("other")]
    Other(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
}

#[derive(Debug, thiserror::Error, RpcError)]
#[error("no entry for {key:?}")]
struct Generic<K: std::fmt::Debug> {
    key: K,
}

fn main() {}
