// Fixed in pass/minimal.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

trait Bank {}

#[endpoint]
impl dyn Bank {
    pub fn ping(&self, _: &Context) {}
}

fn main() {}
