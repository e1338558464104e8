//! Names of methods and arguments on the wire.

use std::collections::BTreeMap;

use rpc_core::{CallError, Context, Endpoint, Map, RpcClient, Value, endpoint};

struct Shop;

#[endpoint(namespace = "shop")]
impl Shop {
    #[rpc(name = "buy", alias = "purchase", alias = "order")]
    pub fn buy_one(&self, _: &Context, #[rpc(name = "item")] _product: String) -> String {
        "bought".to_owned()
    }

    pub fn r#type(&self, _: &Context, r#match: u32) -> u32 {
        r#match
    }

    pub fn tags(&self, _: &Context, first: Option<u32>, #[rpc(rest)] others: Map) -> usize {
        others.len() + first.is_some() as usize
    }

    pub fn sum(&self, _: &Context, #[rpc(rest)] numbers: BTreeMap<String, u64>) -> u64 {
        numbers.values().sum()
    }

    pub fn swap(&self, _ctx: &Context, mut left: u32, mut right: u32) -> (u32, u32) {
        std::mem::swap(&mut left, &mut right);
        (left, right)
    }

    /// Has an argument with the name that the context has on the client.
    pub fn same_name(&self, _: &Context, ctx: u32, endpoint: u32, args: u32) -> u32 {
        ctx + endpoint + args
    }
}

fn args(args: &[(&str, u64)]) -> BTreeMap<String, u64> {
    args.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

#[tokio::test]
async fn a_renamed_method_is_called_by_its_wire_name_and_aliases() {
    let client = ShopClient::in_process(Shop);
    assert_eq!(client.buy_one(&Context::new(), "tea".into()).await.unwrap(), "bought");
    let untyped = client.prepare().namespace("shop").build();
    let item: BTreeMap<&str, &str> = [("item", "tea")].into();
    for name in ["buy", "purchase", "order"] {
        let answer = untyped.rpc().call::<String>(&Context::new(), name, &item).await;
        assert_eq!(answer.unwrap(), "bought", "{name}");
    }
    let error = untyped.rpc().call::<String>(&Context::new(), "buy_one", &item).await.unwrap_err();
    assert!(matches!(error, CallError::Rejected(_)), "{error}");
}

#[tokio::test]
async fn raw_identifiers_travel_without_their_prefix() {
    let client = ShopClient::in_process(Shop);
    assert_eq!(client.r#type(&Context::new(), 7).await.unwrap(), 7);
    let method = &Shop::DESCRIPTOR.methods[1];
    assert_eq!((method.name, method.args[0].name), ("type", "match"));
}

#[tokio::test]
async fn the_rest_argument_takes_what_no_other_takes() {
    let client = ShopClient::in_process(Shop);
    let others: Map = [("a".to_owned(), Value::from(1)), ("b".to_owned(), Value::from("x"))]
        .into_iter()
        .collect();
    assert_eq!(client.tags(&Context::new(), Some(1), others.clone()).await.unwrap(), 3);
    assert_eq!(client.tags(&Context::new(), None, others).await.unwrap(), 2);
    assert_eq!(client.sum(&Context::new(), args(&[("x", 1), ("y", 2)])).await.unwrap(), 3);
}

#[tokio::test]
async fn a_rest_entry_named_like_an_argument_is_rejected_before_it_is_sent() {
    let client = ShopClient::in_process(Shop);
    let others: Map = [("first".to_owned(), Value::from(1))].into_iter().collect();
    let error = client.tags(&Context::new(), Some(1), others).await.unwrap_err();
    assert!(error.to_string().contains("`first`"), "{error}");
}

#[tokio::test]
async fn arguments_may_be_mutable_and_be_named_like_anything() {
    let client = ShopClient::in_process(Shop);
    assert_eq!(client.swap(&Context::new(), 1, 2).await.unwrap(), (2, 1));
    assert_eq!(client.same_name(&Context::new(), 1, 2, 3).await.unwrap(), 6);
}

#[tokio::test]
async fn a_missing_argument_is_named_and_a_missing_option_is_none() {
    let client = RpcClient::in_process::<Shop>(Shop).prepare().namespace("shop").build();
    let none: BTreeMap<String, u64> = BTreeMap::new();
    let error = client.call::<u32>(&Context::new(), "type", &none).await.unwrap_err();
    assert!(error.to_string().contains("match"), "{error}");
    assert_eq!(client.call::<usize>(&Context::new(), "tags", &none).await.unwrap(), 0);
}
