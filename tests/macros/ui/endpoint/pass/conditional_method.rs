#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    #[cfg(all(unix, not(unix)))]
    pub fn add(&self, _: &Context, number: NoSuchType) {}

    #[cfg(not(all(unix, not(unix))))]
    pub fn add(&self, _: &Context, number: u64) -> u64 {
        number
    }
}

fn main() {}
