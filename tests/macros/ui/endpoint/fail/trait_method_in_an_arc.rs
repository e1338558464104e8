// Fixed in pass/trait_endpoint.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};
use std::sync::Arc;

#[endpoint]
trait Bank {
    fn ping(self: Arc<Self>, ctx: &Context);
}

fn main() {}
