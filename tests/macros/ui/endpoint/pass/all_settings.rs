#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint(namespace = "bank", version = "1.2", legacy_namespaces = ["old", None], client = BankClient, crate = ::rpc_core)]
impl Ledger {
    pub fn ping(&self, _: &Context) {}
}

fn main() {
    let _ = BankClient::in_process(Ledger);
}
