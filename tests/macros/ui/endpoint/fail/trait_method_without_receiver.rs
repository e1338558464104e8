// Fixed in pass/trait_endpoint.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

#[endpoint]
trait Bank {
    fn new() -> Self;

    fn ping(&self, ctx: &Context);
}

fn main() {}
