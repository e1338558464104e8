#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint(version = "1.2")]
impl Ledger {
    #[since("1.1")]
    pub fn put(&self, _: &Context, id: u64, #[since("1.2")] note: Option<String>) -> usize {
        id as usize + note.unwrap_or_default().len()
    }
}

fn main() {}
