// Fixed in pass/trait_endpoint.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

#[endpoint]
trait Bank {
    #[local]
    fn helper(&self) {}
}

fn main() {}
