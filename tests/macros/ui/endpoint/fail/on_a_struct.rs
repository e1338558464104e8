// Fixed in pass/minimal.rs
#![allow(unused)]

use rpc_core::endpoint;

#[endpoint]
struct Ledger;

fn main() {
    let _ = Ledger;
}
