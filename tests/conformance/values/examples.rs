//! Values that were misread once, by name.

use std::net::IpAddr;

use rpc_core::error::Ran;
use rpc_core::{CallError, Codec, Context, Value, endpoint};
use serde::{Deserialize, Serialize};

use super::paths::paths;
use super::shapes::Unit;
use crate::conformance::harness::{TestEnv, cases};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
enum Event {
    Joined { peer: IpAddr },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Amount {
    Number(u128),
    Text(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Body {
    Text(String),
    Bytes(serde_bytes::ByteBuf),
}

struct Examples;

#[endpoint]
impl Examples {
    pub fn unit(&self, _ctx: &Context, reset: Option<()>) -> Option<()> {
        reset
    }

    pub fn unit_struct(&self, _ctx: &Context, reset: Option<Unit>) -> Option<Unit> {
        reset
    }

    pub fn nested(&self, _ctx: &Context, reset: Option<Option<u8>>) -> Option<Option<u8>> {
        reset
    }

    pub fn value(&self, _ctx: &Context, reset: Option<Value>) -> Option<Value> {
        reset
    }

    pub fn some_unit(&self, _ctx: &Context) -> Option<()> {
        Some(())
    }

    pub fn some_unit_struct(&self, _ctx: &Context) -> Option<Unit> {
        Some(Unit)
    }

    pub fn event(&self, _ctx: &Context, event: Event) -> Event {
        event
    }

    pub fn amount(&self, _ctx: &Context, amount: Amount) -> Amount {
        amount
    }

    pub fn wide(&self, _ctx: &Context, wide: u128) -> i128 {
        wide as i128
    }

    pub fn body(&self, _ctx: &Context, body: Body) -> Body {
        body
    }

    pub fn set_limit(&self, _ctx: &Context, limit: Option<f64>) -> Option<f64> {
        limit
    }

    pub fn infinity(&self, _ctx: &Context) -> f64 {
        f64::INFINITY
    }
}

/// Asserts that a call was refused before it was sent, for the argument and the reason.
fn refused<T: std::fmt::Debug>(result: Result<T, CallError>, argument: &str, reason: &str) {
    let error = result.unwrap_err();
    let CallError::Rejected(rejected) = &error else { panic!("{error}") };
    let text = rejected.message();
    assert!(text.contains(&format!("argument `{argument}`: {reason}")), "{text}");
}

/// Asserts that the method ran, and that its result was not sent. The server's log has the reason.
fn not_sent<T: std::fmt::Debug>(result: Result<T, CallError>) {
    let error = result.unwrap_err();
    assert_eq!(error.ran(), Ran::Yes, "{error}");
    assert!(error.to_string().contains("UnencodableResult"), "{error}");
}

async fn some_of_null_is_refused_as_an_argument_and_as_a_result(env: TestEnv) {
    let ctx = Context::new();
    for path in paths::<_, ExamplesClient>(&env, Examples).await {
        let client = path.client;
        refused(client.unit(&ctx, Some(())).await, "reset", "`Some(())` cannot be told");
        refused(client.unit_struct(&ctx, Some(Unit)).await, "reset", "`Some(Unit)` cannot");
        refused(client.nested(&ctx, Some(None)).await, "reset", "`Some(None)` cannot be told");
        refused(client.value(&ctx, Some(Value::Null)).await, "reset", "`Some(())` cannot");
        not_sent(client.some_unit(&ctx).await);
        not_sent(client.some_unit_struct(&ctx).await);
        assert_eq!(client.unit(&ctx, None).await.unwrap(), None, "{}", path.name);
        assert_eq!(client.unit_struct(&ctx, None).await.unwrap(), None, "{}", path.name);
        assert_eq!(client.nested(&ctx, Some(Some(1))).await.unwrap(), Some(Some(1)));
    }
}

async fn types_with_a_form_for_people_arrive_within_tagged_types(env: TestEnv) {
    for path in paths::<_, ExamplesClient>(&env, Examples).await {
        for peer in ["127.0.0.1", "::1"] {
            let event = Event::Joined { peer: peer.parse().unwrap() };
            let back = path.client.event(&Context::new(), event.clone()).await.unwrap();
            assert_eq!(back, event, "{}", path.name);
        }
    }
}

async fn integers_of_128_bits_are_numbers_or_refused(env: TestEnv) {
    let ctx = Context::new();
    for path in paths::<_, ExamplesClient>(&env, Examples).await {
        let client = path.client;
        assert_eq!(client.wide(&ctx, u64::MAX.into()).await.unwrap(), u64::MAX.into());
        refused(client.wide(&ctx, u128::MAX).await, "wide", "the integer");
        refused(client.amount(&ctx, Amount::Number(1 << 64)).await, "amount", "the integer");
        // serde does not read 128-bit integers from its buffer, in no format.
        let error = client.amount(&ctx, Amount::Number(3)).await.unwrap_err();
        assert_eq!(error.ran(), Ran::No, "{error}");
        assert!(error.to_string().contains("argument `amount`"), "{error}");
        let text = Amount::Text("3".into());
        assert_eq!(client.amount(&ctx, text.clone()).await.unwrap(), text);
    }
}

async fn bytes_do_not_become_text(env: TestEnv) {
    for path in paths::<_, ExamplesClient>(&env, Examples).await {
        for body in [Body::Bytes(b"text".to_vec().into()), Body::Text("text".into())] {
            let back = path.client.body(&Context::new(), body.clone()).await.unwrap();
            assert_eq!(back, body, "{}", path.name);
        }
    }
}

async fn numbers_that_are_not_finite_arrive_or_are_refused(env: TestEnv) {
    let ctx = Context::new();
    for path in paths::<_, ExamplesClient>(&env, Examples).await {
        let (client, infinity) = (path.client, Some(f64::INFINITY));
        match path.codec {
            Codec::MessagePack => {
                assert_eq!(client.set_limit(&ctx, infinity).await.unwrap(), infinity);
                assert!(client.set_limit(&ctx, Some(f64::NAN)).await.unwrap().unwrap().is_nan());
                assert_eq!(client.infinity(&ctx).await.unwrap(), f64::INFINITY);
            }
            Codec::Json => {
                refused(client.set_limit(&ctx, infinity).await, "limit", "inf is not a number");
                refused(client.set_limit(&ctx, Some(f64::NAN)).await, "limit", "NaN is not a");
                not_sent(client.infinity(&ctx).await);
            }
        }
    }
}

cases! {
    some_of_null_is_refused_as_an_argument_and_as_a_result;
    types_with_a_form_for_people_arrive_within_tagged_types;
    integers_of_128_bits_are_numbers_or_refused;
    bytes_do_not_become_text;
    numbers_that_are_not_finite_arrive_or_are_refused;
}
