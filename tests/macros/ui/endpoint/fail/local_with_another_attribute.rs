// Fixed in pass/trait_endpoint.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

#[endpoint]
trait Bank {
    fn ping(&self, ctx: &Context);

    #[local]
    #[since("1.0")]
    fn helper(&self) {}
}

fn main() {}
