//! Results of methods that succeed.

use rpc_core::error::{Ran, TransportErrorKind};
use rpc_core::{CallError, Context, RpcClient, Value, endpoint};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::conformance::harness::{TestEnv, cases};

/// A value that no codec can write.
#[derive(Debug)]
struct Unencodable;

impl Serialize for Unencodable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("a secret text"))
    }
}

impl<'de> Deserialize<'de> for Unencodable {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self)
    }
}

struct Source;

#[endpoint]
impl Source {
    pub fn unit(&self, _ctx: &Context) {}

    pub fn maybe(&self, _ctx: &Context, some: bool) -> Option<u32> {
        some.then_some(7)
    }

    pub async fn repeat(&self, _ctx: &Context, text: String, times: usize) -> String {
        text.repeat(times)
    }

    pub fn numbers(&self, _ctx: &Context) -> (u64, i64, f64, u8) {
        (u64::MAX, i64::MIN, f64::MIN_POSITIVE, 0)
    }

    pub fn fallible(&self, _ctx: &Context) -> Result<String, std::fmt::Error> {
        Ok("fine".to_owned())
    }

    pub fn unencodable(&self, _ctx: &Context) -> Unencodable {
        Unencodable
    }
}

async fn nothing_and_none_are_results(env: TestEnv) {
    env.serve(Source).await;
    let source: SourceClient = env.client();
    source.unit(&Context::new()).await.unwrap();
    assert_eq!(source.maybe(&Context::new(), false).await.unwrap(), None);
    assert_eq!(source.maybe(&Context::new(), true).await.unwrap(), Some(7));
    let client: RpcClient = env.client();
    let unit: Value = client.call(&Context::new(), "unit", &()).await.unwrap();
    assert_eq!(unit, Value::Null);
}

async fn a_result_is_taken_out_of_its_ok(env: TestEnv) {
    env.serve(Source).await;
    let source: SourceClient = env.client();
    assert_eq!(source.fallible(&Context::new()).await.unwrap(), "fine");
    let client: RpcClient = env.client();
    let fine: Value = client.call(&Context::new(), "fallible", &()).await.unwrap();
    assert_eq!(fine, Value::from("fine"));
}

async fn large_arguments_and_results_arrive_whole(env: TestEnv) {
    env.serve(Source).await;
    let source: SourceClient = env.client();
    let text: String = ('a'..='z').cycle().take(1_000_000).collect();
    let result = source.repeat(&Context::new(), text.clone(), 3).await.unwrap();
    assert!(result == text.repeat(3), "{} bytes came back", result.len());
}

async fn text_in_any_script_arrives_as_it_was(env: TestEnv) {
    env.serve(Source).await;
    let source: SourceClient = env.client();
    for text in ["", "ünïcödé", "例え", "🦀👩‍👩‍👧", "\u{0}\u{7f}\u{feff}\u{10ffff}", "\"\\\n\r\t"]
    {
        let echoed = source.repeat(&Context::new(), text.into(), 1).await.unwrap();
        assert_eq!(echoed, text);
    }
}

async fn numbers_keep_all_their_digits(env: TestEnv) {
    env.serve(Source).await;
    let source: SourceClient = env.client();
    let numbers = source.numbers(&Context::new()).await.unwrap();
    assert_eq!(numbers, (u64::MAX, i64::MIN, f64::MIN_POSITIVE, 0));
}

async fn a_result_that_cannot_be_encoded_is_a_failure_at_once(env: TestEnv) {
    let server = env.serve(Source).await;
    let source: SourceClient = env.client();
    let error = source.unencodable(&Context::new()).await.unwrap_err();
    let CallError::Remote(remote) = &error else { panic!("{error}") };
    assert!(remote.is_unencodable_result() && !remote.is_panic());
    assert!(!error.to_string().contains("secret"), "{error}");
    assert_eq!((error.ran(), error.may_retry()), (Ran::Yes, false));
    assert_eq!(server.stats().errors, 1);
    source.unit(&Context::new()).await.expect("the server goes on");
}

async fn a_result_of_another_type_is_a_bad_reply_of_a_call_that_ran(env: TestEnv) {
    env.serve(Source).await;
    let client: RpcClient = env.client();
    let error = client.call::<u64>(&Context::new(), "fallible", &()).await.unwrap_err();
    let CallError::Transport(lost) = &error else { panic!("{error}") };
    assert_eq!(lost.kind(), TransportErrorKind::MalformedReply);
    assert_eq!((error.ran(), error.may_retry()), (Ran::Yes, false));
}

cases! {
    nothing_and_none_are_results;
    a_result_is_taken_out_of_its_ok;
    large_arguments_and_results_arrive_whole;
    text_in_any_script_arrives_as_it_was;
    numbers_keep_all_their_digits;
    a_result_that_cannot_be_encoded_is_a_failure_at_once;
    a_result_of_another_type_is_a_bad_reply_of_a_call_that_ran;
}
