#![allow(unused)]

use rpc_core::{Context, endpoint};

trait Store: Send + Sync + 'static {
    fn get(&self) -> u64;
}

struct Ledger<S>(S);

#[endpoint]
impl<S: Store> Ledger<S> {
    pub async fn get(&self, _: &Context) -> u64 {
        self.0.get()
    }
}

fn main() {}
