//! The interface of a bank: the crate that its server and its clients share.
//!
//! It depends on no transport. The attribute generates `BankClient` for callers, `into_endpoint` for implementations of
//! the trait, and the enums of expected errors for both.

use rpc_core::{Context, RpcError, endpoint};
use serde::{Deserialize, Serialize};

/// An order to move money.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Transfer {
    /// The account that pays.
    pub from: String,
    /// The account that receives.
    pub to: String,
    /// The amount in cents.
    pub cents: u64,
}

/// The account has too little money.
#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("{missing} cents short")]
pub struct InsufficientFunds {
    /// How many cents are missing.
    pub missing: u64,
}

/// A bank. Callers can call every method, except those marked `#[local]`.
#[endpoint(namespace = "bank", version = "1.0")]
pub trait Bank {
    /// The error type of an implementation. Callers see only the expected errors in it.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Moves money between two accounts, and returns the new balance of the first.
    #[expected(InsufficientFunds)]
    async fn transfer(&self, ctx: &Context, order: Transfer) -> Result<u64, Self::Error>;

    /// Returns the balance of an account in cents.
    async fn balance(&self, ctx: &Context, account: String) -> Result<u64, Self::Error>;

    /// Returns whether the account can pay so many cents and the fee: a default method, which can be called as well.
    async fn can_pay(
        &self,
        ctx: &Context,
        account: String,
        cents: u64,
    ) -> Result<bool, Self::Error> {
        Ok(self.balance(ctx, account).await? >= cents + self.fee())
    }

    /// Returns the fee of a transfer in cents. Callers cannot call it.
    #[local]
    fn fee(&self) -> u64 {
        0
    }
}
