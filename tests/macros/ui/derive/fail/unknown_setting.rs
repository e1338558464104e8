// Fixed in pass/named.rs
#![allow(unused)]

use rpc_core::RpcError;

#[derive(Debug, thiserror::Error, RpcError)]
#[error("not found")]
#[rpc_error(name = "NotFound")]
struct Missing;

fn main() {}
