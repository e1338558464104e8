#![allow(unused)]

use rpc_core::{Context, endpoint};

#[derive(serde::Serialize, serde::Deserialize)]
struct Ledger;

#[endpoint]
impl Ledger {
    pub fn echo(&self, _: &Context, text: String) -> String {
        text
    }

    pub fn sum(&self, _: &Context, numbers: Option<Vec<u64>>) -> u64 {
        numbers.unwrap_or_default().iter().sum()
    }

    pub fn same(&self, _: &Context, other: Box<Ledger>) -> Ledger {
        *other
    }
}

fn main() {}
