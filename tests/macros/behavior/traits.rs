//! Endpoints declared as traits, as a crate shared by both sides would.

use std::future::Future;

use rpc_core::{CallError, Context, Endpoint, RpcError, endpoint};
use serde::{Deserialize, Serialize};

#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("no account {0}")]
pub struct NoAccount(String);

/// A bank.
#[endpoint(namespace = "bank", version = "1.1")]
pub trait Bank {
    /// What its storage fails with.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Cents in the account.
    #[expected(NoAccount)]
    async fn balance(&self, ctx: &Context, account: String) -> Result<u64, Self::Error>;

    /// Awaits another method in a default body.
    #[since("1.1")]
    async fn is_rich(&self, ctx: &Context, account: String) -> Result<bool, Self::Error> {
        let balance = self.balance(ctx, account).await?;
        Ok(balance > self.threshold())
    }

    #[rpc(blocking)]
    fn audit(&self, _ctx: &Context) -> String {
        "done".to_owned()
    }

    #[local]
    fn threshold(&self) -> u64 {
        10
    }

    #[local]
    async fn reload(&self, _limit: u64) {}
}

struct Vault;

impl Bank for Vault {
    type Error = NoAccount;

    async fn balance(&self, _: &Context, account: String) -> Result<u64, NoAccount> {
        tokio::task::yield_now().await;
        account.parse().map_err(|_| NoAccount(account))
    }
}

/// Generic over what it stores.
#[endpoint]
trait Shelf<T>
where
    T: Serialize + serde::de::DeserializeOwned + Send + 'static,
{
    async fn put(&self, _: &Context, value: T) -> T {
        value
    }
}

impl Shelf<u32> for Vault {}

fn is_send<F: Future + Send>(future: F) -> F {
    future
}

/// Relies on the futures of every implementor being `Send`.
async fn ask<B: Bank>(bank: &B) -> bool {
    is_send(bank.is_rich(&Context::new(), "11".into())).await.unwrap_or(false)
}

#[tokio::test]
async fn an_implementation_is_called_through_the_client_of_the_trait() {
    let client = BankClient::in_process(Bank::into_endpoint(Vault));
    assert_eq!(client.balance(&Context::new(), "5".into()).await.unwrap(), 5);
    assert!(!client.is_rich(&Context::new(), "5".into()).await.unwrap());
    assert!(client.is_rich(&Context::new(), "11".into()).await.unwrap());
    assert_eq!(client.audit(&Context::new()).await.unwrap(), "done");
    assert!(is_send(ask(&Vault)).await);
}

#[tokio::test]
async fn an_expected_error_of_a_trait_method_keeps_its_type() {
    let client = BankClient::in_process(Bank::into_endpoint(Vault));
    match client.balance(&Context::new(), "x".into()).await.unwrap_err() {
        CallError::Expected(BankBalanceExpected::NoAccount(NoAccount(name))) => {
            assert_eq!(name, "x");
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_local_method_cannot_be_called() {
    let methods = BankEndpoint::<Vault>::DESCRIPTOR.methods;
    let names: Vec<_> = methods.iter().map(|method| method.name).collect();
    assert_eq!(names, ["balance", "is_rich", "audit"]);
    assert_eq!(BankEndpoint::<Vault>::DESCRIPTOR.name, "Bank");
    Vault.reload(Vault.threshold()).await;
}

#[tokio::test]
async fn a_trait_may_be_generic() {
    let client = ShelfClient::<u32>::in_process(Shelf::<u32>::into_endpoint(Vault));
    assert_eq!(client.put(&Context::new(), 7).await.unwrap(), 7);
}
