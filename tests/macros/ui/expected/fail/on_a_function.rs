// Fixed in pass/types_and_variants.rs
#![allow(unused)]

use rpc_core::expected;

#[expected(NotFound)]
fn get() {}

fn main() {
    get();
}
