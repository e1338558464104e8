// Fixed in pass/named.rs
#![allow(unused)]

use rpc_core::RpcError;

#[derive(RpcError)]
union Either {
    left: u64,
    right: f64,
}

fn main() {}
