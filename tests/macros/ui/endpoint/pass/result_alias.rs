#![allow(unused)]

use rpc_core::{Context, endpoint};
use serde::{Deserialize, Serialize};

type Result<T> = std::result::Result<T, std::fmt::Error>;

#[derive(Serialize, Deserialize)]
struct SearchResult;

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn get(&self, _: &Context) -> Result<u64> {
        Ok(1)
    }

    pub fn anyhow(&self, _: &Context) -> anyhow::Result<SearchResult> {
        Ok(SearchResult)
    }

    pub fn unit(&self, _: &Context) -> std::fmt::Result {
        Ok(())
    }

    pub fn plain(&self, _: &Context) -> SearchResult {
        SearchResult
    }
}

fn main() {}
