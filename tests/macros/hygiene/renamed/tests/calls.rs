//! What was generated for a renamed dependency works.

use messaging::{CallError, Context};
use rpc_hygiene_renamed::{Bank, BankClient, Ledger, LedgerClient, LedgerTransferExpected};

#[tokio::test]
async fn generated_code_finds_a_renamed_dependency() {
    let ctx = Context::new();
    let client = LedgerClient::in_process(Ledger);
    assert_eq!(client.transfer(&ctx, 5).await.unwrap(), 5);
    let error = client.transfer(&ctx, 0).await.unwrap_err();
    assert!(matches!(error, CallError::Expected(LedgerTransferExpected::Refused(_))), "{error}");
    BankClient::in_process(Ledger.into_endpoint()).ping(&ctx).await.unwrap();
}
