// Fixed in pass/named.rs
#![allow(unused)]

use rpc_core::RpcError;

#[derive(Debug, RpcError)]
struct Missing;

fn main() {}
