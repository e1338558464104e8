use std::sync::Arc;

use rpc_core::{CallError, Context, RpcError, endpoint};
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

#[tokio::test]
async fn an_expected_error_arrives_as_its_own_type() {
    let bank = LedgerClient::in_process(Ledger {});
    let order = Transfer { from: "a".into(), to: "b".into(), cents: 5 };
    let error = bank.transfer(&Context::new(), order, None).await.unwrap_err();
    let CallError::Expected(LedgerTransferExpected::InsufficientFunds(funds)) = error else {
        panic!("{error}");
    };
    assert_eq!(funds.missing, 3);
}

#[tokio::test]
async fn a_blocking_method_answers() {
    let bank = LedgerClient::in_process(Ledger {});
    assert_eq!(bank.balance(&Context::new(), "abc".into()).await.unwrap(), 3);
    bank.keep(&Context::new()).await.unwrap();
}
