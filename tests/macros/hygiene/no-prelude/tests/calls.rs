//! What was generated without a prelude works.

use rpc_core::{CallError, Context, Map};
use rpc_hygiene_no_prelude::{
    Bank, BankClient, Generic, GenericClient, Ledger, LedgerClient, LedgerTransferExpected, String,
};

#[tokio::test]
async fn generated_code_needs_no_prelude() {
    let ctx = Context::new();
    let client = LedgerClient::in_process(Ledger);
    let error = client.transfer(&ctx, String { length: 3 }, None).await.unwrap_err();
    let CallError::Expected(LedgerTransferExpected::Refused(refused)) = error else {
        panic!("{error}");
    };
    assert_eq!(refused.reason, 3);
    assert_eq!(client.block(&ctx, String { length: 4 }).await.unwrap(), 4);
    assert_eq!(client.keep(&ctx, Map::default()).await.unwrap(), 0);

    let client = BankClient::in_process(Ledger.into_endpoint());
    assert_eq!(client.echo(&ctx, String { length: 5 }).await.unwrap().length, 5);

    let client = GenericClient::in_process(Generic(6_u32));
    assert_eq!(client.get(&ctx).await.unwrap(), 6);
}
