//! Arguments and results: what JSON carries, and what only Python's JSON does.

use rpc_core::error::Ran;
use rpc_core::{CallError, Map, RpcClient, Value};
use rpc_tests::interop::{InteropEnv, cases, text};

use crate::python_service::{PeerClient, called, ctx, serve};

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.map(|(key, value)| (key.to_owned(), value)).into_iter().collect())
}

async fn echoed(client: &PeerClient, value: impl Into<Value>) -> Value {
    client.echo(&ctx(), value.into()).await.unwrap()
}

async fn values_come_back_as_they_were(env: InteropEnv) {
    let (_python, client) = called(&env).await;
    let values = [
        Value::Null,
        vec![Value::from(true), false.into()].into(),
        vec![Value::from(0), (-1).into(), i64::MIN.into(), u64::MAX.into()].into(),
        vec![Value::from(0.5), (-1e300).into(), 5e-324.into()].into(),
        map([("", vec![Value::from(""), map([("a b", Value::Null)])].into()), ("é", "🦀".into())]),
    ];
    for value in values {
        assert_eq!(echoed(&client, value.clone()).await, value);
    }
}

async fn text_in_any_script_comes_back_as_it_was(env: InteropEnv) {
    let (_python, client) = called(&env).await;
    for text in ["ünïcödé", "例え", "🦀👩‍👩‍👧", "\u{0}\u{7f}\u{feff}\u{10ffff}", "\"\\\n\r\t/"]
    {
        assert_eq!(echoed(&client, text).await, Value::from(text));
    }
}

async fn a_whole_float_stays_a_float(env: InteropEnv) {
    let (_python, client) = called(&env).await;
    assert!(matches!(echoed(&client, 1.0).await, Value::Float(one) if one == 1.0));
    assert!(matches!(echoed(&client, 1).await, Value::Int(1)));
}

async fn none_is_null(env: InteropEnv) {
    let (_python, client) = called(&env).await;
    assert_eq!(client.nothing(&ctx()).await.unwrap(), Value::Null);
    let client: RpcClient = env.client();
    client.call::<()>(&ctx(), "nothing", &Map::new()).await.unwrap();
    let maybe: Option<u64> = client.call(&ctx(), "nothing", &Map::new()).await.unwrap();
    assert_eq!(maybe, None);
}

async fn a_megabyte_comes_back(env: InteropEnv) {
    let (_python, client) = called(&env).await;
    let large = text(1_000_000);
    assert!(echoed(&client, large.clone()).await == Value::from(large));
}

async fn five_megabytes_arrive_and_come_back(env: InteropEnv) {
    let (_python, client) = called(&env).await;
    let large = text(5_000_000);
    assert!(client.big(&ctx(), 5_000_000).await.unwrap() == large);
    assert!(echoed(&client, large.clone()).await == Value::from(large));
    let rare = "é".repeat(500_000);
    assert!(echoed(&client, rare.clone()).await == Value::from(rare));
}

async fn sixty_levels_come_back(env: InteropEnv) {
    let (_python, client) = called(&env).await;
    let mut value = client.nested(&ctx(), 60).await.unwrap();
    let mut depth = 0;
    while let Some([inner]) = value.as_array() {
        (value, depth) = (inner.clone(), depth + 1);
    }
    assert_eq!(depth, 60);
}

async fn keys_that_are_no_strings_arrive_as_text(env: InteropEnv) {
    let (_python, client) = called(&env).await;
    let odd = client.odd_keys(&ctx()).await.unwrap();
    let keys: Vec<_> = odd.keys().collect();
    assert_eq!(keys.len(), 4, "{keys:?}");
    for (key, value) in [("1", "true"), ("null", "none"), ("2.5", "float"), ("", "empty")] {
        assert_eq!(odd.get(key), Some(&value.into()));
    }
}

/// Calls a method whose result cannot be sent or read. Asserts that the error says so and that the method ran, and that the next
/// call succeeds.
async fn refuses(env: InteropEnv, method: &'static str, words: &[&str]) {
    let _python = serve(&env).await;
    let client: RpcClient = env.client();
    let error = client.call::<Value>(&ctx(), method, &Map::new()).await.unwrap_err();
    assert!(matches!(error, CallError::Remote(_) | CallError::Transport(_)), "{error:?}");
    assert_eq!((error.ran(), error.may_retry()), (Ran::Yes, false));
    for word in words {
        assert!(error.to_string().contains(word), "{word}: {error}");
    }
    let client: PeerClient = env.client();
    assert_eq!(client.who(&ctx()).await.unwrap(), "python");
}

async fn a_result_that_is_no_number_is_refused_by_name(env: InteropEnv) {
    refuses(env, "nan", &["NaN"]).await;
}

async fn an_infinite_result_is_refused_by_name(env: InteropEnv) {
    refuses(env, "infinite", &["Infinity"]).await;
}

async fn an_integer_beyond_64_bits_is_refused_with_its_digits(env: InteropEnv) {
    refuses(env, "huge", &["1180591620717411303424"]).await;
}

async fn half_a_surrogate_pair_is_refused(env: InteropEnv) {
    refuses(env, "surrogate", &["hex escape"]).await;
}

async fn a_result_that_is_nested_too_deep_is_refused(env: InteropEnv) {
    let (_python, client) = called(&env).await;
    let error = client.nested(&ctx(), 300).await.unwrap_err();
    assert_eq!((error.ran(), error.may_retry()), (Ran::Yes, false));
    assert!(error.to_string().contains("nested deeper"), "{error}");
    assert_eq!(client.who(&ctx()).await.unwrap(), "python");
}

cases! {
    values_come_back_as_they_were everywhere;
    text_in_any_script_comes_back_as_it_was everywhere;
    a_whole_float_stays_a_float;
    none_is_null everywhere;
    a_megabyte_comes_back everywhere;
    five_megabytes_arrive_and_come_back;
    sixty_levels_come_back;
    keys_that_are_no_strings_arrive_as_text;
    a_result_that_is_no_number_is_refused_by_name everywhere;
    an_infinite_result_is_refused_by_name;
    an_integer_beyond_64_bits_is_refused_with_its_digits everywhere;
    half_a_surrogate_pair_is_refused;
    a_result_that_is_nested_too_deep_is_refused;
}
