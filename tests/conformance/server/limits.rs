//! Untrusted bytes: what cannot be decoded is rejected and does no harm, on stacks of 512 KiB.

use std::time::Duration;

use rpc_core::error::{CallError, Ran, RejectReason, TransportErrorKind};
use rpc_core::serializer::Serializer;
use rpc_core::server::ServerBuilder;
use rpc_core::{
    Codec, Context, DecodeLimits, Failure, FailureKind, Outcome, Payload, RpcClient, Value,
    endpoint,
};

use crate::conformance::harness::{TestEnv, cases};
use crate::conformance::helpers::raw::{self, RawListener};
use crate::conformance::helpers::work::{Recorder, WorkClient, WorkFailExpected};

fn ctx() -> Context {
    Context::new()
}

/// An endpoint that accepts any value.
struct Scale;

#[endpoint]
impl Scale {
    /// Returns how many values it holds.
    pub fn weigh(&self, _ctx: &Context, load: Value) -> u64 {
        fn weigh(value: &Value) -> u64 {
            1 + value.as_array().map_or(0, |values| values.iter().map(weigh).sum())
        }
        weigh(&load)
    }

    /// Returns its length.
    pub fn measure(&self, _ctx: &Context, text: String) -> u64 {
        text.len() as u64
    }

    /// Returns a text of this length.
    pub fn stretch(&self, _ctx: &Context, length: u64) -> String {
        "x".repeat(length as usize)
    }

    /// Returns a value that is nested this deep.
    pub fn nest(&self, _ctx: &Context, depth: u64) -> Value {
        (0..depth).fold(Value::Null, |inner, _| Value::Array(vec![inner]))
    }
}

/// A serializer that changes nothing, but has values read that would go straight into the user's types otherwise.
struct Looking;

impl Serializer for Looking {}

/// Arguments that no method can read.
fn unreadable() -> Vec<(Codec, Vec<u8>)> {
    let nested = |open: &[u8]| open.repeat(100_000);
    let named = |codec, value: &[u8]| {
        let start: &[u8] = if codec == Codec::Json { b"{\"load\":" } else { b"\x81\xa4load" };
        [start, value].concat()
    };
    let msgpack: Vec<Vec<u8>> = vec![
        vec![],
        vec![0xc1],
        vec![0x90],
        vec![0xc0],
        vec![0x07],
        vec![0x81],
        // Four billion entries, bytes of a name, elements, bytes of a value; none of them is there.
        vec![0xdf, 0xff, 0xff, 0xff, 0xff],
        vec![0x81, 0xdb, 0xff, 0xff, 0xff, 0xff],
        named(Codec::MessagePack, &[0xdd, 0xff, 0xff, 0xff, 0xff]),
        named(Codec::MessagePack, &[0xc6, 0xff, 0xff, 0xff, 0xff]),
        named(Codec::MessagePack, &[0xc9, 0xff, 0xff, 0xff, 0xff, 0x01]),
        named(Codec::MessagePack, &nested(&[0x91])),
        named(Codec::MessagePack, &nested(&[0x81, 0xa1, b'a'])),
        named(Codec::MessagePack, &[0xc0, 0xc0]),
        vec![0x81, 0xa5, b'l'],
        vec![0x81, 0xa4, 0xff, 0xfe, 0xff, 0xfe, 0xc0],
        vec![0x81, 0x01, 0x02],
        nested(&[0x91]),
        nested(&[0x81, 0xa4, b'l', b'o', b'a', b'd']),
    ];
    let json: Vec<Vec<u8>> = vec![
        vec![],
        b"{".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        b"{} {}".to_vec(),
        named(Codec::Json, b"nul}"),
        named(Codec::Json, b"1e9999}"),
        named(Codec::Json, b"\"\\ud800\"}"),
        named(Codec::Json, b"\"\xff\xfe\"}"),
        named(Codec::Json, &nested(b"[")),
        named(Codec::Json, &nested(b"{\"a\":")),
        named(Codec::Json, &[nested(b"["), nested(b"]"), b"}".to_vec()].concat()),
        nested(b"["),
        nested(b"{\"load\":"),
    ];
    let msgpack = msgpack.into_iter().map(|bytes| (Codec::MessagePack, bytes));
    msgpack.chain(json.into_iter().map(|bytes| (Codec::Json, bytes))).collect()
}

/// Formats the bytes for a failed assertion.
fn shown(codec: Codec, bytes: &[u8]) -> String {
    let start = &bytes[..bytes.len().min(16)];
    format!("{codec:?}, {} bytes: {}…", bytes.len(), start.escape_ascii())
}

fn assert_refused(outcome: Outcome, what: &str) {
    let failure = outcome.expect_err(what);
    let refusals = [FailureKind::Malformed, FailureKind::InvalidArguments];
    assert!(refusals.contains(&failure.kind()), "{what}: {failure:?}");
    assert!(failure.message().len() < 2000, "{what}: the answer is as long as the question");
}

/// Sends all that cannot be read, while another call is under way.
async fn bombard(env: TestEnv, server: ServerBuilder) {
    let mut recorder = Recorder::new();
    let server = server.endpoint(recorder.work()).endpoint(Scale);
    let server = env.start(server).await;
    let client: WorkClient = env.client();
    let beside = tokio::spawn(client.hold(&ctx(), "beside".into()));
    assert_eq!(recorder.began().await, "beside");

    let methods = ["weigh", "measure", "run", "remaining", "block"];
    let mut number = 0;
    for (codec, bytes) in unreadable() {
        for method in methods {
            number += 1;
            let call = raw::call_with(number, method, codec, bytes.clone());
            let what = format!("{method}, {}", shown(codec, &bytes));
            assert_refused(raw::outcome(&env, call).await, &what);
        }
    }

    recorder.release(1);
    assert_eq!(beside.await.unwrap().unwrap(), "beside");
    assert_eq!(client.run(&ctx(), "next".into()).await.unwrap(), "next");
    let stats = server.stats();
    assert_eq!((u128::from(stats.rejected), stats.panics, stats.errors), (number, 0, 0));
}

async fn arguments_that_cannot_be_decoded_are_rejected_and_disturb_no_other_call(env: TestEnv) {
    let server = env.server("one");
    bombard(env, server).await;
}

async fn a_serializer_does_not_make_hostile_bytes_more_dangerous(env: TestEnv) {
    let server = env.server("one").serializer(Looking);
    bombard(env, server).await;
}

async fn arguments_that_were_cut_short_anywhere_are_rejected(env: TestEnv) {
    env.start(env.server("one").endpoint(Scale)).await;
    let value = Value::Array(vec!["text".into(), 1.into(), Value::Null, true.into(), 2.5.into()]);
    let args = std::collections::BTreeMap::from([("load", value)]);
    let mut number = 0;
    let mut call = |codec, bytes: &[u8]| {
        number += 1;
        raw::call_with(number, "weigh", codec, bytes.to_vec())
    };
    for codec in [Codec::MessagePack, Codec::Json] {
        let whole = codec.encode(&args).unwrap();
        for end in 0..whole.len() {
            let outcome = raw::outcome(&env, call(codec, &whole[..end])).await;
            assert_refused(outcome, &shown(codec, &whole[..end]));
        }
        raw::outcome(&env, call(codec, &whole)).await.unwrap();
    }
}

async fn a_message_larger_than_the_server_reads_is_rejected(env: TestEnv) {
    let limits = DecodeLimits::new().max_bytes(1000);
    env.start(env.server("one").endpoint(Scale).limits(limits)).await;
    let client: ScaleClient = env.client();
    assert_eq!(client.measure(&ctx(), "x".repeat(900)).await.unwrap(), 900);
    let error = client.measure(&ctx(), "x".repeat(1000)).await.unwrap_err();
    let CallError::Rejected(refused) = &error else { panic!("not refused: {error:?}") };
    assert_eq!(refused.reason(), &RejectReason::Malformed);
    assert!(refused.message().contains("1000"), "{error}");
    assert_eq!(error.ran(), Ran::No);
}

async fn a_message_nested_deeper_than_the_server_reads_is_rejected(env: TestEnv) {
    let limits = DecodeLimits::new().max_depth(10);
    env.start(env.server("one").endpoint(Scale).limits(limits)).await;
    let client: ScaleClient = env.client();
    assert_eq!(client.weigh(&ctx(), nested(9)).await.unwrap(), 10);
    for depth in [10, 11, 50] {
        let error = client.weigh(&ctx(), nested(depth)).await.unwrap_err();
        let CallError::Rejected(refused) = &error else { panic!("not refused: {error:?}") };
        assert_eq!(refused.reason(), &RejectReason::Malformed);
        assert!(refused.message().contains("10"), "{error}");
        assert_eq!(error.ran(), Ran::No);
    }
}

fn nested(depth: u64) -> Value {
    (0..depth).fold(Value::Null, |inner, _| Value::Array(vec![inner]))
}

async fn a_message_larger_than_the_transport_takes_is_never_sent(env: TestEnv) {
    let server = env.start(env.server("one").endpoint(Scale)).await;
    let client: ScaleClient = env.client();
    let limit = env.capabilities().max_message.unwrap();
    let error = client.measure(&ctx(), "x".repeat(limit + 1)).await.unwrap_err();
    let CallError::Transport(transport) = &error else { panic!("it was sent: {error:?}") };
    assert_eq!(transport.kind(), TransportErrorKind::TooLarge);
    assert_eq!((error.ran(), error.may_retry()), (Ran::No, false));
    assert!(error.to_string().contains(&limit.to_string()), "{error}");
    let error = client.measure(&ctx(), "x".repeat(limit + 1)).cast().await.unwrap_err();
    assert_eq!((error.ran(), error.may_retry()), (Ran::No, false));
    assert_eq!(client.measure(&ctx(), "x".into()).await.unwrap(), 1);
    assert_eq!(server.stats().received, 1);
}

async fn unknown_names_of_any_form_are_rejected(env: TestEnv) {
    let server = env.start(env.server("one").endpoint(Scale)).await;
    let long = "x".repeat(100_000);
    let mut number = 0;
    for name in ["", "\0", "a\nb", "../weigh", "WEIGH", "weigh ", "🦀", &long] {
        number += 2;
        let mut request = raw::call(&env, number, "run", "a");
        request.method = name.to_owned().into();
        let failure = raw::outcome(&env, request).await.unwrap_err();
        assert_eq!(failure.kind(), FailureKind::UnknownMethod, "method {name:.20?}");
        let mut request = raw::call(&env, number + 1, "weigh", "a");
        request.namespace = Some(name.to_owned().into());
        let failure = raw::outcome(&env, request).await.unwrap_err();
        assert_eq!(failure.kind(), FailureKind::UnknownNamespace, "namespace {name:.20?}");
        assert!(failure.message().len() < 2000, "the answer is as long as the question");
    }
    assert_eq!(server.stats().rejected, 16);
}

/// Returns how a caller decodes this reply.
async fn answered<T: Send + 'static, E: Send + 'static>(
    env: &TestEnv,
    call: rpc_core::Call<T, E>,
    outcome: Outcome,
) -> Result<T, CallError<E>>
where
    rpc_core::Call<T, E>: Future<Output = Result<T, CallError<E>>>,
{
    let mut listener = RawListener::new(env, "lying").await;
    let call = tokio::spawn(call);
    let mut message = listener.next().await;
    message.ack().await.unwrap();
    message.reply(outcome).await.unwrap();
    drop(message);
    let answered = call.await.unwrap();
    listener.close().await;
    answered
}

async fn a_reply_that_cannot_be_decoded_is_an_error_of_its_call_only(env: TestEnv) {
    let client: RpcClient = env.client();
    for (codec, bytes) in unreadable() {
        let what = shown(codec, &bytes);
        let call = client.call::<String>(&ctx(), "run", &()).timeout(Duration::from_secs(20));
        let error = answered(&env, call, Ok(Payload::new(codec, bytes))).await.unwrap_err();
        let CallError::Transport(transport) = &error else { panic!("{what}: {error:?}") };
        assert_eq!(transport.kind(), TransportErrorKind::MalformedReply, "{what}");
        assert_eq!((error.ran(), error.may_retry()), (Ran::Yes, false), "{what}");
    }
}

async fn an_expected_error_that_cannot_be_read_is_an_error_all_the_same(env: TestEnv) {
    let client: WorkClient = env.client();
    for (codec, bytes) in unreadable() {
        let what = shown(codec, &bytes);
        let failure = Failure::new(FailureKind::Expected, "Closed", "the door is closed");
        let failure = failure.with_details(Payload::new(codec, bytes));
        let call = client.fail(&ctx(), "as expected".into());
        let error = answered::<(), WorkFailExpected>(&env, call, Err(failure)).await;
        let Err(CallError::Remote(remote)) = &error else { panic!("{what}: {error:?}") };
        assert_eq!((remote.class(), remote.message()), ("Closed", "the door is closed"));
    }
}

async fn a_client_has_limits_of_its_own_for_replies(env: TestEnv) {
    env.start(env.server("one").endpoint(Scale)).await;
    let client: ScaleClient = env.client();
    let limits = DecodeLimits::new().max_bytes(1000).max_depth(10);
    let client = client.prepare().limits(limits).build();
    assert_eq!(client.stretch(&ctx(), 900).await.unwrap().len(), 900);
    assert_eq!(client.nest(&ctx(), 9).await.unwrap(), nested(9));
    let errors =
        [client.stretch(&ctx(), 1000).await.map(drop), client.nest(&ctx(), 11).await.map(drop)];
    for error in errors {
        let error = error.unwrap_err();
        let CallError::Transport(transport) = &error else { panic!("it was read: {error:?}") };
        assert_eq!(transport.kind(), TransportErrorKind::MalformedReply);
        assert_eq!(error.ran(), Ran::Yes);
    }
}

cases! {
    arguments_that_cannot_be_decoded_are_rejected_and_disturb_no_other_call if carries_any_bytes;
    a_serializer_does_not_make_hostile_bytes_more_dangerous if carries_any_bytes;
    arguments_that_were_cut_short_anywhere_are_rejected if carries_any_bytes;
    a_message_larger_than_the_server_reads_is_rejected;
    a_message_nested_deeper_than_the_server_reads_is_rejected;
    a_message_larger_than_the_transport_takes_is_never_sent if max_message;
    unknown_names_of_any_form_are_rejected;
    a_reply_that_cannot_be_decoded_is_an_error_of_its_call_only if carries_any_bytes;
    an_expected_error_that_cannot_be_read_is_an_error_all_the_same if carries_any_bytes;
    a_client_has_limits_of_its_own_for_replies;
}
