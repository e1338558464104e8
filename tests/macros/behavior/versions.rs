//! `#[since]`: the typed client asks for no more than what it sends needs.

use rpc_core::{CallError, Context, RpcClient, endpoint};

mod old {
    use super::*;

    pub struct Ledger;

    #[endpoint(namespace = "bank", version = "1.0")]
    impl Ledger {
        pub fn transfer(&self, _: &Context, cents: u64) -> u64 {
            cents
        }

        pub fn balance(&self, _: &Context) -> u64 {
            0
        }
    }
}

mod middle {
    use super::*;

    pub struct Ledger;

    #[endpoint(namespace = "bank", version = "1.1")]
    impl Ledger {
        pub fn transfer(&self, _: &Context, cents: u64, note: Option<String>) -> u64 {
            cents + note.map_or(0, |note| note.len() as u64)
        }

        pub fn balance(&self, _: &Context) -> u64 {
            1
        }
    }
}

struct Ledger;

#[endpoint(namespace = "bank", version = "1.3")]
impl Ledger {
    pub fn transfer(
        &self,
        _: &Context,
        cents: u64,
        #[since("1.1")] note: Option<String>,
        #[since("1.3")] currency: Option<String>,
    ) -> u64 {
        cents + (note.is_some() as u64) + (currency.is_some() as u64)
    }

    #[since("1.1")]
    pub fn balance(&self, _: &Context, #[since("1.1")] account: Option<String>) -> u64 {
        account.is_some() as u64
    }
}

fn unsupported<T: std::fmt::Debug>(answer: Result<T, CallError>) -> String {
    match answer.unwrap_err() {
        CallError::Rejected(refused) => refused.to_string(),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn an_old_server_takes_a_call_without_newer_arguments() {
    let client = LedgerClient::from(RpcClient::in_process::<old::Ledger>(old::Ledger));
    assert_eq!(client.transfer(&Context::new(), 5, None, None).await.unwrap(), 5);
    let refused = client.transfer(&Context::new(), 5, Some("rent".into()), None).await;
    assert!(unsupported(refused).contains("1.1"));
    let refused = client.transfer(&Context::new(), 5, Some("rent".into()), Some("EUR".into()));
    assert!(unsupported(refused.await).contains("1.3"));
}

#[tokio::test]
async fn the_newest_argument_that_is_sent_decides_the_version() {
    let client = LedgerClient::from(RpcClient::in_process::<middle::Ledger>(middle::Ledger));
    assert_eq!(client.transfer(&Context::new(), 5, Some("rent".into()), None).await.unwrap(), 9);
    let refused = client.transfer(&Context::new(), 5, None, Some("EUR".into())).await;
    assert!(unsupported(refused).contains("1.3"));
}

#[tokio::test]
async fn a_dated_method_is_rejected_by_servers_that_lack_it() {
    let client = LedgerClient::from(RpcClient::in_process::<old::Ledger>(old::Ledger));
    assert!(unsupported(client.balance(&Context::new(), None).await).contains("1.1"));
    let client = LedgerClient::in_process(Ledger);
    assert_eq!(client.balance(&Context::new(), Some("a".into())).await.unwrap(), 1);
}
