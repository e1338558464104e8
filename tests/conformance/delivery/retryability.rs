//! The fields of call errors: which call it was, whether the method ran, and whether the call may be retried.

use std::error::Error;
use std::time::Duration;

use rpc_core::error::{Ran, RejectReason, TimeoutPhase, TransportErrorKind};
use rpc_core::{CallError, Context, RpcClient};

use crate::conformance::harness::{TestEnv, cases};
use crate::conformance::helpers::asserts::{
    assert_interrupted, assert_missing_server, assert_timeout,
};
use crate::conformance::helpers::raw::RawListener;
use crate::conformance::helpers::reporter::UNTIL_INVOKED;
use crate::conformance::helpers::work::{Closed, Recorder, WorkClient, WorkFailExpected};

fn ctx() -> Context {
    Context::new()
}

/// Asserts that the error names its call, in its fields and in its text.
fn assert_names<E: Error + 'static>(env: &TestEnv, error: &CallError<E>, method: &str) {
    let info = error.info().unwrap();
    let text = error.to_string();
    assert_eq!(info.method, method);
    assert!(info.target.contains(&env.topic()), "{info:?}");
    let id = info.message_id.expect("the message had an id").to_string();
    let ran = format!("(ran: {})", error.ran());
    for part in [method, &env.topic(), &id, &ran, "after "] {
        assert!(text.contains(part), "`{part}` should stand in: {text}");
    }
}

async fn an_unexpected_error_names_its_call_and_says_that_it_ran(env: TestEnv) {
    let recorder = Recorder::new();
    env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    let error = client.fail(&ctx(), "badly".into()).await.unwrap_err();
    assert!(matches!(error, CallError::Remote(_)), "{error:?}");
    assert_names(&env, &error, "fail");
    assert_eq!((error.ran(), error.may_retry()), (Ran::Yes, false));
}

async fn an_expected_error_is_the_application_s_own_and_says_that_it_ran(env: TestEnv) {
    let recorder = Recorder::new();
    env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    let error = client.fail(&ctx(), "as expected".into()).await.unwrap_err();
    assert_eq!((error.ran(), error.may_retry()), (Ran::Yes, false));
    assert!(error.info().is_none());
    let CallError::Expected(WorkFailExpected::Closed(Closed(what))) = error else {
        panic!("not the expected error: {error:?}")
    };
    assert_eq!(what, "as expected");
}

async fn a_rejection_names_its_call_and_says_that_nothing_ran(env: TestEnv) {
    let recorder = Recorder::new();
    env.serve(recorder.work()).await;
    let client: RpcClient = env.client();
    let error = client.call::<()>(&ctx(), "fly", &()).await.unwrap_err();
    let CallError::Rejected(refused) = &error else { panic!("not refused: {error:?}") };
    assert_eq!(refused.reason(), &RejectReason::UnknownMethod);
    assert_names(&env, &error, "fly");
    assert_eq!((error.ran(), error.may_retry()), (Ran::No, false));
}

async fn a_rejection_before_sending_has_no_message_to_name(env: TestEnv) {
    let client: RpcClient = env.client();
    let call = client.call::<()>(&ctx(), "run", "not named");
    let error = call.await.unwrap_err();
    let CallError::Rejected(refused) = &error else { panic!("not refused: {error:?}") };
    assert_eq!(refused.reason(), &RejectReason::InvalidArguments);
    let info = error.info().unwrap();
    assert_eq!((info.method.as_str(), info.message_id), ("run", None));
    assert!(info.target.contains(&env.topic()));
    assert_eq!((error.ran(), error.may_retry()), (Ran::No, false));
}

async fn a_timeout_names_its_call_and_the_time_it_took(env: TestEnv) {
    let mut recorder = Recorder::new();
    env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    let error = client.hold(&ctx(), "a".into()).timeout(UNTIL_INVOKED).await.unwrap_err();
    assert_timeout(&error, TimeoutPhase::Reply);
    assert_names(&env, &error, "hold");
    assert!(error.info().unwrap().elapsed >= UNTIL_INVOKED);
    assert_eq!(recorder.began().await, "a");
    assert_eq!((error.ran(), error.may_retry()), (Ran::Unknown, false));
    recorder.release(1);
}

async fn an_interruption_names_its_call(env: TestEnv) {
    let mut recorder = Recorder::new();
    let builder = env.server("one").endpoint(recorder.work());
    let server = env.start(builder.shutdown_timeout(Duration::ZERO)).await;
    let client: WorkClient = env.client();
    let call = tokio::spawn(client.hold(&ctx(), "a".into()));
    recorder.began().await;
    server.stop();
    let error = call.await.unwrap().unwrap_err();
    assert_interrupted(&error);
    assert_names(&env, &error, "hold");
}

async fn a_reply_that_cannot_be_decoded_says_that_the_method_ran(env: TestEnv) {
    let recorder = Recorder::new();
    env.serve(recorder.work()).await;
    let client: RpcClient = env.client();
    let args = std::collections::BTreeMap::from([("label", "text")]);
    let error = client.call::<u64>(&ctx(), "run", &args).await.unwrap_err();
    let CallError::Transport(transport) = &error else { panic!("it was read: {error:?}") };
    assert_eq!(transport.kind(), TransportErrorKind::MalformedReply);
    assert_names(&env, &error, "run");
    assert_eq!((error.ran(), error.may_retry()), (Ran::Yes, false));
}

async fn a_missing_server_names_the_call(env: TestEnv) {
    let client: RpcClient = env.client_of(env.target().server("nobody"));
    let error = client.call::<()>(&ctx(), "run", &()).await.unwrap_err();
    assert_missing_server(&error);
    assert_names(&env, &error, "run");
    assert!(error.to_string().contains("nobody"), "{error}");
}

async fn a_missed_monitor_names_the_call(env: TestEnv) {
    let mut listener = RawListener::new(&env, "deaf").await;
    let client: RpcClient = env.client();
    let call = tokio::spawn(client.call::<()>(&ctx(), "run", &()).monitor(Duration::from_secs(1)));
    let mut message = listener.next().await;
    message.ack().await.unwrap();
    let error = call.await.unwrap().unwrap_err();
    assert_timeout(&error, TimeoutPhase::Monitor);
    assert_names(&env, &error, "run");
    drop(message);
    listener.close().await;
}

cases! {
    an_unexpected_error_names_its_call_and_says_that_it_ran;
    an_expected_error_is_the_application_s_own_and_says_that_it_ran;
    a_rejection_names_its_call_and_says_that_nothing_ran;
    a_rejection_before_sending_has_no_message_to_name;
    a_timeout_names_its_call_and_the_time_it_took;
    an_interruption_names_its_call;
    a_reply_that_cannot_be_decoded_says_that_the_method_ran;
    a_missing_server_names_the_call if detects_missing_server;
    a_missed_monitor_names_the_call;
}
