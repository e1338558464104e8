//! Arguments travel by name: which are needed, which may be left out, what is refused.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use rpc_core::error::RejectReason;
use rpc_core::{CallError, Context, Map, RpcClient, Value, endpoint};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::conformance::harness::{TestEnv, cases};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Dot,
    Circle(f64),
    Box { width: u32, height: u32 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Order {
    id: u64,
    offset: i64,
    price: f64,
    note: Option<String>,
    shapes: Vec<Shape>,
    tags: BTreeMap<String, Vec<bool>>,
    nothing: (),
}

#[derive(Default)]
struct Shop {
    ran: AtomicUsize,
}

#[endpoint]
impl Shop {
    pub fn add(&self, _ctx: &Context, left: u32, right: u32) -> u32 {
        self.ran.fetch_add(1, Ordering::Relaxed);
        left + right
    }

    pub fn greet(&self, _ctx: &Context, name: Option<String>) -> String {
        name.unwrap_or_else(|| "nobody".to_owned())
    }

    pub fn echo(&self, _ctx: &Context, order: Order) -> Order {
        order
    }

    #[rpc(name = "buyItem", alias = "buy", alias = "purchase")]
    pub fn buy_one(&self, _ctx: &Context, #[rpc(name = "itemName")] item: String) -> String {
        format!("bought {item}")
    }

    pub fn count(&self, _ctx: &Context, first: u32, #[rpc(rest)] others: Map) -> Vec<String> {
        let others = others.into_iter().map(|(name, value)| format!("{name}={value:?}"));
        std::iter::once(format!("first={first}")).chain(others).collect()
    }

    pub fn nothing(&self, _ctx: &Context) -> bool {
        true
    }
}

fn args<const N: usize>(args: [(&str, Value); N]) -> Map {
    args.into_iter().collect()
}

async fn refused(env: &TestEnv, method: &'static str, args: impl Serialize) -> String {
    let client: RpcClient = env.client();
    let error = client.call::<Value>(&Context::new(), method, &args).await.unwrap_err();
    let CallError::Rejected(refused) = &error else { panic!("{error}") };
    assert_eq!(*refused.reason(), RejectReason::InvalidArguments, "{error}");
    refused.message().to_owned()
}

async fn missing_arguments_are_all_named(env: TestEnv) {
    env.serve(Shop::default()).await;
    let message = refused(&env, "add", args([("left", 1.into())])).await;
    assert!(message.contains("`right`") && !message.contains("argument `left`"), "{message}");
    let message = refused(&env, "add", ()).await;
    assert!(message.contains("`left`") && message.contains("`right`"), "{message}");
}

async fn an_unknown_argument_is_named(env: TestEnv) {
    env.serve(Shop::default()).await;
    let given = args([("left", 1.into()), ("right", 2.into()), ("middle", 3.into())]);
    let message = refused(&env, "add", given).await;
    assert!(message.contains("`middle`"), "{message}");
    let message = refused(&env, "nothing", args([("more", true.into())])).await;
    assert!(message.contains("`more`"), "{message}");
}

async fn an_argument_of_another_type_is_named_with_what_it_should_be(env: TestEnv) {
    env.serve(Shop::default()).await;
    let message = refused(&env, "add", args([("left", 1.into()), ("right", "2".into())])).await;
    assert!(message.contains("`right`") && message.contains("u32"), "{message}");
    let message = refused(&env, "add", args([("left", (-1).into()), ("right", 2.into())])).await;
    assert!(message.contains("`left`"), "{message}");
    let null = args([("left", Value::Null), ("right", 2.into())]);
    assert!(refused(&env, "add", null).await.contains("`left`"));
}

/// Arguments with the same name twice, which no map can hold.
struct Twice;

impl Serialize for Twice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("left", &1)?;
        map.serialize_entry("right", &2)?;
        map.serialize_entry("left", &3)?;
        map.end()
    }
}

async fn an_argument_that_is_given_twice_is_named(env: TestEnv) {
    env.serve(Shop::default()).await;
    let message = refused(&env, "add", Twice).await;
    assert!(message.contains("`left`"), "{message}");
}

async fn a_method_does_not_run_with_arguments_that_do_not_fit(env: TestEnv) {
    let shop = std::sync::Arc::new(Shop::default());
    env.start(env.server("one").endpoint::<Shop>(shop.clone())).await;
    refused(&env, "add", ()).await;
    refused(&env, "add", Twice).await;
    refused(&env, "add", args([("left", 1.into()), ("right", "2".into())])).await;
    assert_eq!(shop.ran.load(Ordering::Relaxed), 0);
    let shop: ShopClient = env.client();
    assert_eq!(shop.add(&Context::new(), 1, 2).await.unwrap(), 3);
}

async fn a_missing_option_and_a_null_are_none(env: TestEnv) {
    env.serve(Shop::default()).await;
    let client: RpcClient = env.client();
    for args in [args([]), args([("name", Value::Null)])] {
        let greeted: String = client.call(&Context::new(), "greet", &args).await.unwrap();
        assert_eq!(greeted, "nobody");
    }
    let shop: ShopClient = env.client();
    assert_eq!(shop.greet(&Context::new(), None).await.unwrap(), "nobody");
    assert_eq!(shop.greet(&Context::new(), Some("ada".into())).await.unwrap(), "ada");
}

async fn methods_and_arguments_go_by_their_wire_names(env: TestEnv) {
    env.serve(Shop::default()).await;
    let shop: ShopClient = env.client();
    assert_eq!(shop.buy_one(&Context::new(), "tea".into()).await.unwrap(), "bought tea");
    let client: RpcClient = env.client();
    let tea = args([("itemName", "tea".into())]);
    let bought: String = client.call(&Context::new(), "buyItem", &tea).await.unwrap();
    assert_eq!(bought, "bought tea");
    let error = client.call::<String>(&Context::new(), "buy_one", &tea).await.unwrap_err();
    let CallError::Rejected(refusal) = &error else { panic!("{error}") };
    assert_eq!(*refusal.reason(), RejectReason::UnknownMethod);
    refused(&env, "buyItem", args([("item", "tea".into())])).await;
}

async fn aliases_reach_the_method_too(env: TestEnv) {
    env.serve(Shop::default()).await;
    let client: RpcClient = env.client();
    let tea = args([("itemName", "tea".into())]);
    for name in ["buyItem", "buy", "purchase"] {
        let bought: String = client.call(&Context::new(), name, &tea).await.unwrap();
        assert_eq!(bought, "bought tea", "{name}");
    }
}

async fn the_rest_takes_the_arguments_that_no_other_takes(env: TestEnv) {
    env.serve(Shop::default()).await;
    let shop: ShopClient = env.client();
    let others = args([("b", "two".into()), ("a", 1.into())]);
    let counted = shop.count(&Context::new(), 7, others).await.unwrap();
    assert_eq!(counted, ["first=7", "a=Int(1)", r#"b=String("two")"#]);
    assert_eq!(shop.count(&Context::new(), 7, Map::new()).await.unwrap(), ["first=7"]);
    assert!(refused(&env, "count", args([("a", 1.into())])).await.contains("`first`"));
}

async fn values_of_any_shape_arrive_as_they_were(env: TestEnv) {
    env.serve(Shop::default()).await;
    let shop: ShopClient = env.client();
    let full = Order {
        id: u64::MAX,
        offset: i64::MIN,
        price: 0.1 + 0.2,
        note: Some("ünïcödé 例え 🦀 \u{0} \" \\ \n".into()),
        shapes: vec![Shape::Dot, Shape::Circle(-0.0), Shape::Box { width: 1, height: u32::MAX }],
        tags: BTreeMap::from([(String::new(), vec![]), ("a b".into(), vec![true, false])]),
        nothing: (),
    };
    let empty = Order { note: None, shapes: vec![], tags: BTreeMap::new(), ..full.clone() };
    for order in [full, empty] {
        assert_eq!(shop.echo(&Context::new(), order.clone()).await.unwrap(), order);
    }
}

async fn arguments_without_names_are_rejected_before_they_are_sent(env: TestEnv) {
    let server = env.serve(Shop::default()).await;
    for message in [refused(&env, "add", (1, 2)).await, refused(&env, "add", 3).await] {
        assert!(message.contains("by name"), "{message}");
    }
    assert_eq!(server.stats().received, 0);
}

/// A value that no codec can encode.
struct Broken;

impl Serialize for Broken {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("broken on purpose"))
    }
}

async fn arguments_that_cannot_be_encoded_are_rejected_before_they_are_sent(env: TestEnv) {
    let server = env.serve(Shop::default()).await;
    let message = refused(&env, "greet", BTreeMap::from([("name", Broken)])).await;
    assert!(message.contains("broken on purpose"), "{message}");
    let client: RpcClient = env.client();
    let call = client.call::<()>(&Context::new(), "greet", &Broken);
    assert!(matches!(call.cast().await, Err(CallError::Rejected(_))));
    assert_eq!(server.stats().received, 0);
}

cases! {
    missing_arguments_are_all_named;
    an_unknown_argument_is_named;
    an_argument_of_another_type_is_named_with_what_it_should_be;
    an_argument_that_is_given_twice_is_named;
    a_method_does_not_run_with_arguments_that_do_not_fit;
    a_missing_option_and_a_null_are_none;
    methods_and_arguments_go_by_their_wire_names;
    aliases_reach_the_method_too;
    the_rest_takes_the_arguments_that_no_other_takes;
    values_of_any_shape_arrive_as_they_were;
    arguments_without_names_are_rejected_before_they_are_sent;
    arguments_that_cannot_be_encoded_are_rejected_before_they_are_sent;
}
