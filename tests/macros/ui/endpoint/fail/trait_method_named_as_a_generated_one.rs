// Fixed in pass/trait_endpoint.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

#[endpoint]
trait Bank {
    fn into_endpoint(&self, ctx: &Context);
}

fn main() {}
