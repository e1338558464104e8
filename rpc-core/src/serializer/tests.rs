use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::*;
use crate::client::RpcClient;
use crate::codec::Codec;
use crate::context::Context;
use crate::endpoint::{Endpoint, EndpointDescriptor, InvokeFn, MethodDescriptor, TypeName};
use crate::error::CallError;
use crate::message::{Failure, FailureKind, MessageId, Outcome, Request};
use crate::registry::RegistryBuilder;
use crate::server::process::Dispatcher;
use crate::version::Version;

const CODECS: [Codec; 2] = [Codec::MessagePack, Codec::Json];
const LIMITS: &DecodeLimits = &DecodeLimits::new();

/// Adds marks to text and to the context, and records the calls of its hooks in order.
#[derive(Clone, Default)]
struct Marking(Arc<Mutex<Vec<String>>>);

impl Marking {
    fn note(&self, hook: &str, ctx: &ContextEntries, value: Option<&Value>) {
        let ctx: Vec<_> = ctx.iter().map(|(key, _)| key).collect();
        let value = value.map(|value| format!(" {value:?}")).unwrap_or_default();
        self.0.lock().unwrap().push(format!("{hook} [{}]{value}", ctx.join(" ")));
    }

    fn notes(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn entries(keys: &[&str]) -> ContextEntries {
    keys.iter().map(|key| ((*key).to_owned(), Value::Null)).collect()
}

impl Serializer for Marking {
    fn serialize_context(&self, ctx: ContextEntries) -> Result<ContextEntries, SerializerError> {
        self.note("serialize", &ctx, None);
        Ok(entries(&["sealed"]))
    }

    fn deserialize_context(&self, ctx: ContextEntries) -> Result<ContextEntries, SerializerError> {
        self.note("deserialize", &ctx, None);
        Ok(entries(&["opened"]))
    }

    fn serialize_entity(
        &self,
        ctx: &ContextEntries,
        value: Value,
    ) -> Result<Value, SerializerError> {
        self.note("serialize", ctx, Some(&value));
        match value {
            Value::String(text) if text == "secret" => Err(SerializerError::new("not that")),
            Value::String(text) => Ok(format!("<{text}>").into()),
            other => Ok(other),
        }
    }

    fn deserialize_entity(
        &self,
        ctx: &ContextEntries,
        value: Value,
    ) -> Result<Value, SerializerError> {
        self.note("deserialize", ctx, Some(&value));
        match value {
            Value::String(text) => {
                let inner = text.strip_prefix('<').and_then(|text| text.strip_suffix('>'));
                Ok(inner.ok_or_else(|| SerializerError::new("no marks"))?.into())
            }
            other => Ok(other),
        }
    }
}

/// Changes nothing.
struct Identity;

impl Serializer for Identity {}

/// An endpoint with the methods `echo`, which returns its argument or fails on request, and `who`,
/// which returns the keys of the context.
struct Echo;

impl Endpoint for Echo {
    type Client = ();

    const DESCRIPTOR: &'static EndpointDescriptor = &EndpointDescriptor {
        name: "Echo",
        namespaces: &[None],
        version: Version::V1_0,
        docs: "",
        methods: &[method("echo"), method("who")],
    };

    const INVOKE: &'static [InvokeFn<Self>] = &[
        |_, _, args| {
            Box::pin(async move {
                let (text,): (String,) = crate::__private::decode_args(args, &["text"])?;
                if text == "fail" {
                    return Err(Failure::new(FailureKind::Error, "Failed", "as asked"));
                }
                crate::message::encode_result(args.codec(), &text)
            })
        },
        |_, ctx, args| {
            Box::pin(async move {
                let keys: Vec<_> = ctx.entries().iter().map(|(key, _)| key).collect();
                crate::message::encode_result(args.codec(), &keys.join(" "))
            })
        },
    ];
}

const fn method(name: &'static str) -> MethodDescriptor {
    MethodDescriptor {
        name,
        aliases: &[],
        since: None,
        docs: "",
        deprecated: None,
        args: &[],
        rest: None,
        returns: TypeName::of::<String>(),
        expected: &[],
        blocking: false,
    }
}

fn text(codec: Codec, text: &str) -> Payload {
    Payload::new(codec, codec.encode(&BTreeMap::from([("text", text)])).unwrap())
}

/// Returns the outcome of a request at a server with this serializer.
async fn served(serializer: impl Serializer, method: &'static str, args: Payload) -> Outcome {
    let mut endpoints = RegistryBuilder::default();
    endpoints.add(Arc::new(Echo));
    let dispatcher = Dispatcher {
        registry: endpoints.build_first_wins(),
        limits: *LIMITS,
        policy: None,
        serializer: Some(Arc::new(serializer)),
    };
    let mut request = Request::new(MessageId::from_bits(1), method, args);
    request.entries = entries(&["sealed"]);
    let request = Arc::new(request);
    let ctx = Context::received(&request);
    dispatcher.start(&request, &ctx).await
}

#[test]
fn a_client_rewrites_the_arguments_with_its_own_context_and_then_the_context() {
    for codec in CODECS {
        let marking = Marking::default();
        let args = codec.encode(&BTreeMap::from([("b", "two"), ("a", "one")])).unwrap();
        let args = Payload::new(codec, args);
        let (ctx, args) = serialize_request(&marking, &entries(&["own"]), &args, LIMITS).unwrap();
        assert_eq!(ctx, entries(&["sealed"]));
        let sent: BTreeMap<String, String> = codec.decode(args.bytes(), LIMITS).unwrap();
        assert_eq!(sent, BTreeMap::from([("a", "<one>"), ("b", "<two>")].map(owned)));
        assert_eq!(
            marking.notes(),
            [
                r#"serialize [own] String("one")"#,
                r#"serialize [own] String("two")"#,
                "serialize [own]"
            ]
        );
    }
}

fn owned((key, value): (&str, &str)) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

#[tokio::test]
async fn a_server_reads_the_context_first_and_uses_it_for_arguments_and_result() {
    for codec in CODECS {
        let marking = Marking::default();
        let result = served(marking.clone(), "echo", text(codec, "<hello>")).await.unwrap();
        let answered: String = codec.decode(result.bytes(), LIMITS).unwrap();
        assert_eq!(answered, "<hello>");
        assert_eq!(
            marking.notes(),
            [
                "deserialize [sealed]",
                r#"deserialize [opened] String("<hello>")"#,
                r#"serialize [opened] String("hello")"#
            ]
        );
    }
}

#[tokio::test]
async fn a_method_sees_the_context_as_the_serializer_read_it() {
    let none = Payload::new(Codec::Json, b"{}".to_vec());
    let result = served(Marking::default(), "who", none).await.unwrap();
    assert_eq!(result.bytes(), &br#""<opened>""#[..]);
}

#[tokio::test]
async fn failures_do_not_pass_through_the_serializer_of_a_server() {
    let marking = Marking::default();
    let failure = served(marking.clone(), "echo", text(Codec::Json, "<fail>")).await.unwrap_err();
    assert_eq!(failure.message(), "as asked");
    assert_eq!(marking.notes().len(), 2, "the context and the argument");
}

#[tokio::test]
async fn an_argument_that_a_server_cannot_read_is_refused_before_the_method_runs() {
    for codec in CODECS {
        let failure = served(Marking::default(), "echo", text(codec, "bare")).await.unwrap_err();
        assert_eq!(failure.kind(), FailureKind::InvalidArguments);
        assert_eq!(failure.message(), "serializer: argument `text`: no marks");
        let broken = Payload::new(codec, vec![0xc1]);
        let failure = served(Marking::default(), "echo", broken).await.unwrap_err();
        assert!(failure.message().starts_with("serializer: cannot decode: "), "{failure}");
    }
}

#[tokio::test]
async fn a_result_that_a_server_may_not_send_is_a_failure_after_the_method_ran() {
    let failure = served(Marking::default(), "echo", text(Codec::Json, "<secret>")).await;
    let failure = failure.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::UnencodableResult);
    assert_eq!(failure.message(), "serializer: not that");
}

/// Returns a client of an `Echo` without a serializer, so that the marks of the client stay
/// visible.
fn client(marking: &Marking) -> RpcClient {
    RpcClient::in_process(Echo).prepare().serializer(marking.clone()).build()
}

#[tokio::test]
async fn a_caller_reads_the_result_with_its_own_context() {
    let marking = Marking::default();
    let ctx = Context::new().with("own", 1);
    let args = BTreeMap::from([("text", "hello")]);
    let answered: String = client(&marking).call(&ctx, "echo", &args).await.unwrap();
    assert_eq!(answered, "hello");
    assert_eq!(
        marking.notes(),
        [
            r#"serialize [own] String("hello")"#,
            "serialize [own]",
            r#"deserialize [own] String("<hello>")"#
        ]
    );
}

#[tokio::test]
async fn a_server_sees_the_context_as_the_client_sends_it() {
    let marking = Marking::default();
    let ctx = Context::new().with("own", 1);
    // The bare answer has no marks; the caller is told so, and that the method ran.
    let error = client(&marking).call::<String>(&ctx, "who", &()).await.unwrap_err();
    assert!(error.to_string().contains("no marks"), "{error}");
    assert_eq!(error.ran(), crate::error::Ran::Yes);
    assert_eq!(marking.notes().last().unwrap(), r#"deserialize [own] String("sealed")"#);
}

#[tokio::test]
async fn failures_do_not_pass_through_the_serializer_of_a_client() {
    let marking = Marking::default();
    let args = BTreeMap::from([("nonsense", 1)]);
    let failed = client(&marking).call::<String>(&Context::new(), "echo", &args).await;
    assert!(matches!(failed, Err(CallError::Rejected(_))), "{failed:?}");
    assert_eq!(marking.notes(), ["serialize [] Int(1)", "serialize []"]);
}

#[tokio::test]
async fn an_argument_that_a_client_may_not_send_is_refused_before_anything_is_sent() {
    let args = BTreeMap::from([("text", "secret")]);
    let client = client(&Marking::default());
    let error = client.call::<String>(&Context::new(), "echo", &args).await.unwrap_err();
    assert!(matches!(error, CallError::Rejected(_)), "{error:?}");
    assert!(error.to_string().contains("argument `text`: not that"), "{error}");
}

#[test]
fn a_message_in_which_nothing_changed_keeps_its_bytes() {
    // Keys that are numbers are more than a `Value` holds.
    let by_number = BTreeMap::from([(1u32, "one")]);
    let codec = Codec::MessagePack;
    let args = codec.encode(&BTreeMap::from([("names", &by_number)])).unwrap();
    let args = Payload::new(codec, args);
    let (_, sent) =
        serialize_request(&Identity, &ContextEntries::default(), &args, LIMITS).unwrap();
    assert_eq!(sent, args);
    let (_, read) =
        deserialize_request(&Identity, &ContextEntries::default(), &args, LIMITS).unwrap();
    assert_eq!(read, args);
}
