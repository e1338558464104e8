// Fixed in pass/types_and_variants.rs
#![allow(unused)]

use rpc_core::expected;

struct Ledger;

impl Ledger {
    #[expected(NotFound)]
    pub fn get(&self) -> Option<u64> {
        None
    }
}

fn main() {
    Ledger.get();
}
