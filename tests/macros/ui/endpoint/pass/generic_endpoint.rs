#![allow(unused)]

use rpc_core::{Context, endpoint};
use serde::{Serialize, de::DeserializeOwned};

struct Ledger<T>(std::marker::PhantomData<T>);

#[endpoint]
impl<T> Ledger<T>
where
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    pub fn echo(&self, _: &Context, value: T) -> T {
        value
    }
}

fn main() {}
