//! The interface of a bank, without a bank: the crate that its server and its clients share.
//!
//! It knows no storage and no transport. The attribute makes `BankClient` for those who call, `into_endpoint` for those
//! who implement the trait, and the enums of expected errors for both.

use rpc_core::{Context, RpcError, endpoint};
use serde::{Deserialize, Serialize};

/// An order to move money.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Transfer {
    /// Whose money it is.
    pub from: String,
    /// Whose it shall be.
    pub to: String,
    /// How much of it.
    pub cents: u64,
}

/// There is not enough on an account.
#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("{missing} cents short")]
pub struct InsufficientFunds {
    /// How much more it would take.
    pub missing: u64,
}

/// A bank. Every method is remote, except those marked `#[local]`.
#[endpoint(namespace = "bank", version = "1.0")]
pub trait Bank {
    /// What an implementation fails with: its own choice, which callers do not see.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Moves money, and returns what is left on the first account.
    #[expected(InsufficientFunds)]
    async fn transfer(&self, ctx: &Context, order: Transfer) -> Result<u64, Self::Error>;

    /// Cents on the account.
    async fn balance(&self, ctx: &Context, account: String) -> Result<u64, Self::Error>;

    /// Whether the account could pay this: a default method, remote as well.
    async fn can_pay(
        &self,
        ctx: &Context,
        account: String,
        cents: u64,
    ) -> Result<bool, Self::Error> {
        Ok(self.balance(ctx, account).await? >= cents + self.fee())
    }

    /// Not for callers.
    #[local]
    fn fee(&self) -> u64 {
        0
    }
}
