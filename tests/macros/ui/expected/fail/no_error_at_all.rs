// Fixed in pass/types_and_variants.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

pub struct NotFound;

struct Ledger;

#[endpoint]
impl Ledger {
    #[expected(NotFound)]
    pub fn get(&self, _: &Context) -> Result<u64, std::fmt::Error> {
        Ok(1)
    }
}

fn main() {}
