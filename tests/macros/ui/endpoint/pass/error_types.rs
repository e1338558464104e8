#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn own(&self, _: &Context) -> Result<u64, std::fmt::Error> {
        Ok(1)
    }

    pub fn boxed(&self, _: &Context) -> Result<u64, Box<dyn std::error::Error + Send + Sync>> {
        Ok(1)
    }

    pub fn any(&self, _: &Context) -> Result<u64, anyhow::Error> {
        Ok(1)
    }
}

fn main() {}
