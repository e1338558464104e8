// Fixed in pass/minimal.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

#[endpoint]
pub fn ping(_: &Context) {}

fn main() {
    ping(&Context::new());
}
