//! Arguments and results: what JSON carries, and what only Python's JSON does.

use rpc_core::{Context, endpoint};
use rpc_tests::interop::{Exception, InteropEnv, cases, text};
use serde::Serialize;
use serde::ser::{Error, Serializer};
use serde_json::{Value, json};

use crate::rust_service::{serve, serve_in_order};

async fn echoed(env: &InteropEnv, value: Value) -> Result<Value, Exception> {
    env.python().await.call("echo", json!({ "value": value })).await
}

async fn values_come_back_as_they_were(env: InteropEnv) {
    serve(&env).await;
    let values = [
        json!(null),
        json!([true, false]),
        json!([0, -1, 9_007_199_254_740_993_i64, i64::MIN, u64::MAX]),
        json!([0.5, -1e300, 5e-324]),
        json!(["", "a"]),
        json!([[], [[]], {}, { "": { "a b": [1, { "c": null }] } }]),
    ];
    for value in values {
        assert_eq!(echoed(&env, value.clone()).await.unwrap(), value);
    }
}

async fn text_in_any_script_comes_back_as_it_was(env: InteropEnv) {
    serve(&env).await;
    for text in ["ünïcödé", "例え", "🦀👩‍👩‍👧", "\u{0}\u{7f}\u{feff}\u{10ffff}", "\"\\\n\r\t/"]
    {
        assert_eq!(echoed(&env, text.into()).await.unwrap(), text);
        let key = json!({ text: text });
        assert_eq!(echoed(&env, key.clone()).await.unwrap(), key);
    }
}

async fn a_whole_float_stays_a_float(env: InteropEnv) {
    serve(&env).await;
    let answer = echoed(&env, json!([1.0, 1, -0.0, 1e16])).await.unwrap();
    assert_eq!(answer.to_string(), "[1.0,1,-0.0,1e+16]");
}

async fn keys_that_are_no_strings_arrive_as_text(env: InteropEnv) {
    serve(&env).await;
    let odd = json!({ "$map": [[7, "a"], [null, "b"], [true, "c"], [2.5, "d"]] });
    let answer = echoed(&env, odd).await.unwrap();
    assert_eq!(answer, json!({ "7": "a", "null": "b", "true": "c", "2.5": "d" }));
}

async fn a_method_without_a_result_returns_none(env: InteropEnv) {
    serve(&env).await;
    assert_eq!(env.python().await.call("nothing", json!({})).await.unwrap(), Value::Null);
    assert_eq!(env.python().await.call("trace", json!({})).await.unwrap(), Value::Null);
}

async fn a_megabyte_comes_back(env: InteropEnv) {
    serve(&env).await;
    let large = json!({ "$text": 1_000_000 });
    assert_eq!(echoed(&env, large.clone()).await.unwrap(), large);
}

async fn five_megabytes_arrive_and_come_back(env: InteropEnv) {
    serve(&env).await;
    let large = json!({ "$text": 5_000_000 });
    let length = env.python().await.call("length", json!({ "text": large })).await.unwrap();
    assert_eq!(length, 5_000_000);
    let rare = "é".repeat(500_000);
    assert_eq!(echoed(&env, large.clone()).await.unwrap(), large);
    assert_eq!(echoed(&env, rare.clone().into()).await.unwrap(), rare);
}

async fn sixty_levels_come_back(env: InteropEnv) {
    serve(&env).await;
    let nested = (0..60).fold(json!("core"), |inner, _| json!([inner]));
    assert_eq!(echoed(&env, nested.clone()).await.unwrap(), nested);
}

/// Asserts that the caller gets an error that names what is wrong, and that the next call succeeds.
async fn refuses(env: &InteropEnv, value: Value, words: &[&str]) {
    let error = echoed(env, value).await.unwrap_err();
    let of_arguments = ["builtins.ValueError", "builtins.TypeError"];
    assert!(of_arguments.contains(&&*error.name()), "{error:?}");
    for word in words {
        assert!(error.text.contains(word), "{word}: {error:?}");
    }
    assert_eq!(echoed(env, json!("next")).await.unwrap(), "next");
}

async fn what_is_not_a_number_is_refused_by_name(env: InteropEnv) {
    serve(&env).await;
    refuses(&env, json!({ "$float": "nan" }), &["NaN"]).await;
    refuses(&env, json!([1, { "a": { "$float": "nan" } }]), &["NaN"]).await;
    refuses(&env, json!({ "$float": "inf" }), &["Infinity"]).await;
    refuses(&env, json!({ "$float": "-inf" }), &["-Infinity"]).await;
}

async fn an_integer_beyond_64_bits_is_refused_with_its_digits(env: InteropEnv) {
    serve(&env).await;
    let huge = json!({ "$int": "1180591620717411303424" });
    refuses(&env, huge, &["1180591620717411303424"]).await;
    let negative = json!([{ "a": { "$int": "-9223372036854775809" } }]);
    refuses(&env, negative, &["-9223372036854775809"]).await;
}

async fn half_a_surrogate_pair_is_refused(env: InteropEnv) {
    serve(&env).await;
    refuses(&env, json!({ "$chars": [97, 0xd800, 98] }), &["hex escape"]).await;
    refuses(&env, json!({ "$chars": [0xdc00] }), &["hex escape"]).await;
}

async fn what_is_nested_too_deep_is_refused(env: InteropEnv) {
    serve(&env).await;
    let nested = (0..70).fold(json!("core"), |inner, _| json!([inner]));
    let nested = (0..10).fold(nested, |inner, _| json!({ "a": inner }));
    refuses(&env, nested, &["64"]).await;
}

async fn casts_with_values_that_are_refused_do_not_disturb_others(env: InteropEnv) {
    let mut seen = serve_in_order(&env).await;
    let odd = [
        json!({ "$float": "nan" }),
        json!({ "$int": "1180591620717411303424" }),
        json!({ "$chars": [0xd800] }),
    ];
    for value in odd {
        env.python().await.cast("record", json!({ "value": value })).await.unwrap();
    }
    env.python().await.cast("record", json!({ "value": "fine" })).await.unwrap();
    env.python().await.call("nothing", json!({})).await.unwrap();
    assert_eq!(seen.next().await, ("rust", "fine".into()));
    assert!(seen.rest().is_empty());
}

struct Odd;

struct Unencodable;

impl Serialize for Unencodable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("a secret that cannot be written"))
    }
}

impl<'de> serde::Deserialize<'de> for Unencodable {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self)
    }
}

#[endpoint]
impl Odd {
    pub fn unencodable(&self, _ctx: &Context) -> Unencodable {
        Unencodable
    }

    pub fn big(&self, _ctx: &Context, length: usize) -> String {
        text(length)
    }

    #[rpc(name = "größe")]
    pub fn size(&self, _ctx: &Context, #[rpc(name = "länge")] length: u64) -> u64 {
        length
    }
}

async fn a_result_that_cannot_be_written_is_a_failure_at_once(env: InteropEnv) {
    env.serve(Odd).await;
    let error = env.python().await.call("unencodable", json!({})).await.unwrap_err();
    assert_eq!(error.remote_class(), "UnencodableResult");
    assert!(!error.text.contains("secret"), "{error:?}");
    let answer = env.python().await.call("big", json!({ "length": 20_000 })).await.unwrap();
    assert_eq!(answer, json!({ "$text": 20_000 }));
}

async fn methods_and_arguments_may_have_names_in_any_script(env: InteropEnv) {
    env.serve(Odd).await;
    let answer = env.python().await.call("größe", json!({ "länge": 7 })).await.unwrap();
    assert_eq!(answer, 7);
}

cases! {
    values_come_back_as_they_were everywhere;
    text_in_any_script_comes_back_as_it_was everywhere;
    a_whole_float_stays_a_float;
    keys_that_are_no_strings_arrive_as_text;
    a_method_without_a_result_returns_none everywhere;
    a_megabyte_comes_back everywhere;
    five_megabytes_arrive_and_come_back;
    sixty_levels_come_back;
    what_is_not_a_number_is_refused_by_name everywhere;
    an_integer_beyond_64_bits_is_refused_with_its_digits;
    half_a_surrogate_pair_is_refused;
    what_is_nested_too_deep_is_refused;
    casts_with_values_that_are_refused_do_not_disturb_others;
    a_result_that_cannot_be_written_is_a_failure_at_once;
    methods_and_arguments_may_have_names_in_any_script;
}
