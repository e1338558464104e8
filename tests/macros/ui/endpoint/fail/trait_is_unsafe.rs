// Fixed in pass/trait_endpoint.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

#[endpoint]
unsafe trait Bank {
    fn ping(&self, ctx: &Context);
}

fn main() {}
