//! Parameters of the endpoint's type: kept where they are, and on the client only where it needs them.

use std::collections::HashMap;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Mutex;

use rpc_core::{CallError, Context, RpcError, endpoint};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

trait Store: Send + Sync + 'static {
    type Value: Serialize + DeserializeOwned + Clone + Send + Sync;

    fn get(&self, key: &str) -> Option<Self::Value>;
}

struct Numbers;

impl Store for Numbers {
    type Value = u64;

    fn get(&self, key: &str) -> Option<u64> {
        key.parse().ok()
    }
}

struct Reader<S>(S);

/// The client names the store, since a signature does.
#[endpoint(namespace = "reader")]
impl<S: Store> Reader<S>
where
    S::Value: Debug,
{
    pub async fn get(&self, _: &Context, key: String) -> Option<S::Value> {
        tokio::task::yield_now().await;
        self.0.get(&key)
    }
}

struct Counter<S, const STEP: u64>(S, Mutex<u64>);

/// The client of this one is not generic: nothing that travels depends on the store.
#[endpoint(namespace = "counter")]
impl<S: Store, const STEP: u64> Counter<S, STEP> {
    pub fn add(&self, _: &Context) -> u64 {
        let mut count = self.1.lock().unwrap();
        *count += STEP;
        *count + u64::from(self.0.get("").is_some())
    }
}

struct Borrowed<'s, K> {
    words: &'s HashMap<&'static str, u32>,
    key: PhantomData<fn() -> K>,
}

#[endpoint]
impl<'s, K> Borrowed<'s, K>
where
    K: AsRef<str> + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    pub async fn look_up(&self, _: &Context, word: K) -> Option<u32> {
        tokio::task::yield_now().await;
        self.words.get(word.as_ref()).copied()
    }
}

#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("no entry for {key:?}")]
struct Missing<K: Debug> {
    key: K,
}

struct Table<K>(Vec<K>);

#[endpoint]
impl<K> Table<K>
where
    K: Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    #[expected(Missing<K>)]
    pub fn position(&self, _: &Context, key: K) -> Result<usize, Missing<K>> {
        self.0.iter().position(|known| *known == key).ok_or(Missing { key })
    }
}

#[tokio::test]
async fn a_generic_endpoint_is_called_through_a_generic_client() {
    let client = ReaderClient::in_process(Reader(Numbers));
    assert_eq!(client.get(&Context::new(), "12".into()).await.unwrap(), Some(12));
    assert_eq!(client.get(&Context::new(), "x".into()).await.unwrap(), None);
}

#[tokio::test]
async fn a_client_has_only_the_parameters_it_needs() {
    let client: CounterClient = CounterClient::in_process(Counter::<_, 3>(Numbers, Mutex::new(0)));
    assert_eq!(client.add(&Context::new()).await.unwrap(), 3);
    assert_eq!(client.clone().add(&Context::new()).await.unwrap(), 6);
}

#[tokio::test]
async fn an_endpoint_may_borrow_for_ever() {
    let words = Box::leak(Box::new(HashMap::from([("one", 1)])));
    let client = BorrowedClient::in_process(Borrowed::<String> { words, key: PhantomData });
    assert_eq!(client.look_up(&Context::new(), "one".into()).await.unwrap(), Some(1));
}

#[tokio::test]
async fn an_expected_error_may_be_generic() {
    let client = TableClient::in_process(Table(vec!["a".to_owned()]));
    assert_eq!(client.position(&Context::new(), "a".into()).await.unwrap(), 0);
    match client.position(&Context::new(), "b".into()).await.unwrap_err() {
        CallError::Expected(TablePositionExpected::Missing(missing)) => {
            assert_eq!(missing.key, "b");
        }
        other => panic!("{other}"),
    }
}
