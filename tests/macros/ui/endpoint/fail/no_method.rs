// Fixed in pass/minimal.rs
#![allow(unused)]

use rpc_core::endpoint;

struct Ledger;

#[endpoint]
impl Ledger {}

fn main() {}
