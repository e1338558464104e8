// Fixed in pass/named.rs
#![allow(unused)]

use rpc_core::RpcError;

#[derive(Debug, RpcError)]
enum LedgerError {
    Storage { source: String },
}

impl std::fmt::Display for LedgerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("storage")
    }
}

impl std::error::Error for LedgerError {}

fn main() {}
