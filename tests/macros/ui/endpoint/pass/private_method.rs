#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn ping(&self, _: &Context) {
        self.helper(1);
        self.crate_only();
    }

    fn helper(&self, _number: u64) {}

    pub(crate) fn crate_only(&self) {}
}

fn main() {}
