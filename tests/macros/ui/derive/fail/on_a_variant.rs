// Fixed in pass/named.rs
#![allow(unused)]

use rpc_core::RpcError;

#[derive(Debug, thiserror::Error, RpcError)]
enum LedgerError {
    #[error("closed")]
    #[rpc_error(class = "Closed")]
    Closed,
}

fn main() {}
