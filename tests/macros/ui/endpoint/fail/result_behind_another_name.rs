// Fixed in pass/result_alias.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

type Answer<T> = std::result::Result<T, std::fmt::Error>;

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn get(&self, _: &Context) -> Answer<u64> {
        Ok(1)
    }
}

fn main() {}
