//! An interface in a crate of its own (`shared-bank`), a server that implements it, and a client that knows only the
//! interface.
//!
//! `cargo run -p rpc-examples --example shared_trait`

use rpc_transport_mem::MemTransport;

/// The server implements the interface.
mod server {
    use std::collections::HashMap;
    use std::sync::Mutex;

    use rpc_core::server::RunningServer;
    use rpc_core::{Context, Server, Target};
    use rpc_transport_mem::MemTransport;
    use shared_bank::{Bank, InsufficientFunds, Transfer};

    struct InMemoryBank {
        accounts: Mutex<HashMap<String, u64>>,
    }

    #[derive(Debug, thiserror::Error)]
    enum StorageError {
        #[error("the storage is unavailable")]
        Unavailable,
        #[error("the transfer failed")]
        Transfer(#[source] InsufficientFunds),
    }

    impl Bank for InMemoryBank {
        type Error = StorageError;

        async fn transfer(&self, _ctx: &Context, order: Transfer) -> Result<u64, StorageError> {
            let mut accounts = self.accounts.lock().map_err(|_| StorageError::Unavailable)?;
            let balance = accounts.get(&order.from).copied().unwrap_or_default();
            // An expected error is found although it is only the source of the returned error.
            let left = balance.checked_sub(order.cents).ok_or_else(|| {
                StorageError::Transfer(InsufficientFunds { missing: order.cents - balance })
            })?;
            accounts.insert(order.from, left);
            *accounts.entry(order.to).or_default() += order.cents;
            Ok(left)
        }

        async fn balance(&self, _ctx: &Context, account: String) -> Result<u64, StorageError> {
            let accounts = self.accounts.lock().map_err(|_| StorageError::Unavailable)?;
            Ok(accounts.get(&account).copied().unwrap_or_default())
        }

        fn fee(&self) -> u64 {
            2
        }
    }

    pub(crate) async fn start(
        transport: MemTransport,
    ) -> Result<RunningServer, Box<dyn std::error::Error>> {
        let bank =
            InMemoryBank { accounts: Mutex::new(HashMap::from([("ada".to_owned(), 1_000)])) };
        let server = Server::builder(transport, Target::topic("bank").server("bank-1"))
            .endpoint(bank.into_endpoint())
            .build()?;
        Ok(server.start().await?)
    }
}

/// The client depends on `shared-bank`, not on the server.
mod client {
    use rpc_core::{CallError, Context, Target};
    use rpc_transport_mem::MemTransport;
    use shared_bank::{BankClient, BankTransferExpected, Transfer};

    pub(crate) async fn run(transport: MemTransport) -> Result<(), Box<dyn std::error::Error>> {
        let bank = BankClient::new(transport, Target::topic("bank"));
        let ctx = Context::new();
        for cents in [400, 700] {
            let order = Transfer { from: "ada".into(), to: "bob".into(), cents };
            match bank.transfer(&ctx, order).await {
                Ok(left) => println!("transfer of {cents}: {left} cents left"),
                Err(CallError::Expected(BankTransferExpected::InsufficientFunds(error))) => {
                    println!("transfer of {cents}: {} cents short", error.missing);
                }
                Err(other) => return Err(other.into()),
            }
        }
        for cents in [398, 399] {
            let can = bank.can_pay(&ctx, "bob".into(), cents).await?;
            println!("bob can pay {cents} cents and the fee: {can}");
        }
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let transport = MemTransport::new();
    let _server = server::start(transport.clone()).await?;
    client::run(transport).await
}
