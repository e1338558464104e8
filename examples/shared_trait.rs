//! An interface in a crate of its own (`shared-bank`), its server, and a client that knows the interface only.
//!
//! `cargo run --example shared_trait`

use rpc_transport_mem::MemTransport;

/// The server's half: the only part that knows how a bank works.
mod server {
    use std::collections::HashMap;
    use std::sync::Mutex;

    use rpc_core::server::RunningServer;
    use rpc_core::{Context, Server, Target};
    use rpc_transport_mem::MemTransport;
    use shared_bank::{Bank, InsufficientFunds, Transfer};

    struct InMemory {
        accounts: Mutex<HashMap<String, u64>>,
    }

    #[derive(Debug, thiserror::Error)]
    enum StorageError {
        #[error("the books are torn")]
        Torn,
        #[error("the order cannot be carried out")]
        Order(#[source] InsufficientFunds),
    }

    impl Bank for InMemory {
        type Error = StorageError;

        async fn transfer(&self, _ctx: &Context, order: Transfer) -> Result<u64, StorageError> {
            let mut accounts = self.accounts.lock().map_err(|_| StorageError::Torn)?;
            let from = accounts.get(&order.from).copied().unwrap_or_default();
            // Expected, though it is only the source of what the method returns.
            let left = from.checked_sub(order.cents).ok_or_else(|| {
                StorageError::Order(InsufficientFunds { missing: order.cents - from })
            })?;
            accounts.insert(order.from, left);
            *accounts.entry(order.to).or_default() += order.cents;
            Ok(left)
        }

        async fn balance(&self, _ctx: &Context, account: String) -> Result<u64, StorageError> {
            let accounts = self.accounts.lock().map_err(|_| StorageError::Torn)?;
            Ok(accounts.get(&account).copied().unwrap_or_default())
        }

        fn fee(&self) -> u64 {
            2
        }
    }

    pub(crate) async fn start(transport: MemTransport) -> anyhow::Result<RunningServer> {
        let bank = InMemory { accounts: Mutex::new(HashMap::from([("ada".to_owned(), 1_000)])) };
        let server = Server::builder(transport, Target::topic("bank").server("bank-1"))
            .endpoint(bank.into_endpoint())
            .build()?;
        Ok(server.start().await?)
    }
}

/// The client's half: it depends on `shared-bank`, never on the server.
mod client {
    use rpc_core::{CallError, Context, Target};
    use rpc_transport_mem::MemTransport;
    use shared_bank::{BankClient, BankTransferExpected, Transfer};

    pub(crate) async fn run(transport: MemTransport) -> anyhow::Result<()> {
        let bank = BankClient::new(transport, Target::topic("bank"));
        let ctx = Context::new();
        for cents in [400, 700] {
            let order = Transfer { from: "ada".into(), to: "bob".into(), cents };
            match bank.transfer(&ctx, order).await {
                Ok(left) => println!("moved {cents}, {left} cents left"),
                Err(CallError::Expected(BankTransferExpected::InsufficientFunds(error))) => {
                    println!("did not move {cents}, {} cents short", error.missing);
                }
                Err(other) => return Err(other.into()),
            }
        }
        for cents in [398, 399] {
            let can = bank.can_pay(&ctx, "bob".into(), cents).await?;
            println!("bob can pay {cents} and the fee: {can}");
        }
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let transport = MemTransport::new();
    let _server = server::start(transport.clone()).await?;
    client::run(transport).await
}
