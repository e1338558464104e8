#![allow(unused)]

use rpc_core::{Context, endpoint};

#[endpoint]
trait Bank {
    async fn ping(&self, ctx: &Context);

    #[local]
    fn helper(&self) {}
}

struct Ledger;

impl Bank for Ledger {
    async fn ping(&self, _: &Context) {
        self.helper();
    }
}

fn main() {
    let _ = BankClient::in_process(Ledger.into_endpoint());
}
