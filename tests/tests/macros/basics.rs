use std::sync::Arc;

use rpc_core::{Context, RpcError, endpoint};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Transfer {
    pub from: String,
    pub to: String,
    pub cents: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Receipt {
    pub id: u64,
}

#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("insufficient funds: {missing} cents short")]
pub struct InsufficientFunds {
    pub missing: u64,
}

#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
pub enum LedgerError {
    #[error(transparent)]
    Funds(#[from] InsufficientFunds),
    #[error("closed")]
    Closed,
}

pub struct Ledger {}

/// Accounts and what is on them.
#[endpoint(namespace = "bank", version = "1.2", legacy_namespaces = ["old", None])]
impl Ledger {
    /// Moves money between two accounts.
    #[expected(InsufficientFunds, LedgerError::Closed)]
    pub async fn transfer(
        &self,
        _ctx: &Context,
        order: Transfer,
        #[since("1.1")] note: Option<String>,
    ) -> Result<Receipt, LedgerError> {
        let _ = (order, note);
        Err(LedgerError::Funds(InsufficientFunds { missing: 3 }))
    }

    /// Cents in the account.
    #[since("1.1")]
    #[rpc(blocking, alias = "cents")]
    pub fn balance(&self, _ctx: &Context, account: String) -> u64 {
        account.len() as u64
    }

    pub fn keep(self: Arc<Self>, _: &Context) -> anyhow::Result<()> {
        self.helper();
        Ok(())
    }

    fn helper(&self) {}
}

#[test]
fn it_compiles() {
    let _ = Ledger {};
    let _: fn(&LedgerClient, &Context, String) -> rpc_core::Call<u64> = LedgerClient::balance;
}
