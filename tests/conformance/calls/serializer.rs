//! The serializer hook: context, arguments and results rewritten as values, on either side.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use rpc_core::error::{Ran, RejectReason};
use rpc_core::serializer::{Serializer, SerializerError};
use rpc_core::{CallError, Context, ContextEntries, RpcClient, Value, endpoint};

use crate::conformance::harness::{TestEnv, cases};

struct Echo;

#[endpoint]
impl Echo {
    pub fn join(&self, ctx: &Context, left: String, right: String) -> String {
        let user = ctx.get("user").and_then(|user| user.as_str()).unwrap_or("nobody");
        format!("{user}:{left}{right}")
    }

    pub fn fail(&self, _ctx: &Context, text: String) -> Result<String, std::fmt::Error> {
        if text.is_empty() { Ok(text) } else { Err(std::fmt::Error) }
    }
}

type Log = Arc<Mutex<Vec<String>>>;

/// A serializer that appends a mark to every text it serializes, removes it when it deserializes, and logs both.
struct Marking {
    side: &'static str,
    log: Log,
}

fn user(entries: &ContextEntries) -> &str {
    entries.get("user").and_then(|user| user.as_str()).unwrap_or("nobody")
}

impl Marking {
    fn note(&self, what: &str) {
        self.log.lock().unwrap().push(format!("{} {what}", self.side));
    }

    fn mark(value: Value) -> Value {
        match value.as_str() {
            Some(text) => Value::from(format!("{text}*")),
            None => value,
        }
    }

    fn unmark(value: &Value) -> Result<Value, SerializerError> {
        let text = value.as_str().and_then(|text| text.strip_suffix('*'));
        text.map(Value::from).ok_or_else(|| SerializerError::new("the mark is missing"))
    }

    fn each(entries: &ContextEntries, change: impl Fn(&Value) -> Value) -> ContextEntries {
        entries.iter().map(|(key, value)| (key.to_owned(), change(value))).collect()
    }
}

impl Serializer for Marking {
    fn serialize_context(
        &self,
        entries: ContextEntries,
    ) -> Result<ContextEntries, SerializerError> {
        self.note(&format!("writes the context of {}", user(&entries)));
        Ok(Self::each(&entries, |value| Self::mark(value.clone())))
    }

    fn deserialize_context(
        &self,
        entries: ContextEntries,
    ) -> Result<ContextEntries, SerializerError> {
        self.note(&format!("reads the context of {}", user(&entries)));
        Ok(Self::each(&entries, |value| Self::unmark(value).unwrap_or_default()))
    }

    fn serialize_entity(
        &self,
        ctx: &ContextEntries,
        value: Value,
    ) -> Result<Value, SerializerError> {
        self.note(&format!("writes {} for {}", value.as_str().unwrap_or("?"), user(ctx)));
        Ok(Self::mark(value))
    }

    fn deserialize_entity(
        &self,
        ctx: &ContextEntries,
        value: Value,
    ) -> Result<Value, SerializerError> {
        self.note(&format!("reads {} for {}", value.as_str().unwrap_or("?"), user(ctx)));
        Self::unmark(&value)
    }
}

fn marking(side: &'static str) -> (Marking, Log) {
    let log = Log::default();
    (Marking { side, log: Arc::clone(&log) }, log)
}

/// Returns a client with a serializer.
fn client(env: &TestEnv, serializer: impl Serializer) -> EchoClient {
    env.client::<EchoClient>().prepare().serializer(serializer).build()
}

fn ada() -> Context {
    Context::new().with("user", "ada")
}

async fn the_hooks_are_called_in_the_order_of_the_original(env: TestEnv) {
    let log = Log::default();
    let side = |side| Marking { side, log: Arc::clone(&log) };
    env.start(env.server("one").endpoint(Echo).serializer(side("server"))).await;
    let client = client(&env, side("client"));
    let joined = client.join(&ada(), "a".into(), "b".into()).await.unwrap();
    assert_eq!(joined, "ada:ab", "neither the method nor its caller knows of it");
    let log = log.lock().unwrap().clone();
    assert_eq!(
        log,
        [
            "client writes a for ada",
            "client writes b for ada",
            "client writes the context of ada",
            "server reads the context of ada*",
            "server reads a* for ada",
            "server reads b* for ada",
            "server writes ada:ab for ada",
            "client reads ada:ab* for ada",
        ]
    );
}

async fn what_travels_is_what_the_serializer_wrote(env: TestEnv) {
    env.start(env.server("one").endpoint(Echo)).await;
    let (marking, _) = marking("client");
    let client = client(&env, marking);
    // The server has no serializer, so its method sees the marks, and its answer bears none at its end but the last.
    let error_free = client.join(&ada(), "a".into(), "b".into()).await.unwrap();
    assert_eq!(error_free, "ada*:a*b");
}

async fn casts_pass_through_the_serializer_too(env: TestEnv) {
    let (server_side, log) = marking("server");
    let server = crate::conformance::helpers::reporter::serial(&env, "one")
        .endpoint(Echo)
        .serializer(server_side);
    env.start(server).await;
    let (marking, _) = marking("client");
    let client = client(&env, marking);
    client.join(&ada(), "a".into(), "b".into()).cast().await.unwrap();
    client.join(&ada(), "c".into(), "d".into()).await.unwrap();
    let log = log.lock().unwrap().clone();
    assert_eq!(
        log[..3],
        ["server reads the context of ada*", "server reads a* for ada", "server reads b* for ada"]
    );
}

async fn a_clients_serializer_that_refuses_ends_the_call_before_it_is_sent(env: TestEnv) {
    struct Refusing;
    impl Serializer for Refusing {
        fn serialize_entity(
            &self,
            _: &ContextEntries,
            value: Value,
        ) -> Result<Value, SerializerError> {
            match value.as_str() {
                Some("secret") => Err(SerializerError::new("no key for it")),
                _ => Ok(value),
            }
        }

        fn serialize_context(
            &self,
            entries: ContextEntries,
        ) -> Result<ContextEntries, SerializerError> {
            match entries.get("user") {
                Some(_) => Ok(entries),
                None => Err(SerializerError::new("who are you")),
            }
        }
    }
    let server = env.serve(Echo).await;
    let client = client(&env, Refusing);
    let entity = client.join(&ada(), "open".into(), "secret".into()).await.unwrap_err();
    let context = client.join(&Context::new(), "a".into(), "b".into()).await.unwrap_err();
    for (error, why) in [(entity, "no key for it"), (context, "who are you")] {
        let CallError::Rejected(refused) = &error else { panic!("{error}") };
        assert_eq!(*refused.reason(), RejectReason::InvalidArguments);
        assert!(refused.message().contains(why), "{error}");
    }
    assert_eq!(server.stats().received, 0);
    assert_eq!(client.join(&ada(), "a".into(), "b".into()).await.unwrap(), "ada:ab");
}

async fn a_servers_serializer_that_refuses_keeps_the_method_from_running(env: TestEnv) {
    let (marking, log) = marking("server");
    env.start(env.server("one").endpoint(Echo).serializer(marking)).await;
    let client: EchoClient = env.client();
    let error = client.join(&Context::new(), "plain".into(), "text".into()).await.unwrap_err();
    let CallError::Rejected(refused) = &error else { panic!("{error}") };
    assert!(refused.message().contains("the mark is missing"), "{error}");
    assert_eq!((error.ran(), error.may_retry()), (Ran::No, false));
    let log = log.lock().unwrap().clone();
    assert!(!log.iter().any(|line| line.starts_with("server writes")), "{log:?}");
}

async fn a_serializer_that_refuses_a_result_is_a_failure_of_a_call_that_ran(env: TestEnv) {
    struct Refusing;
    impl Serializer for Refusing {
        fn serialize_entity(&self, _: &ContextEntries, _: Value) -> Result<Value, SerializerError> {
            Err(SerializerError::new("not out of here"))
        }
    }
    env.start(env.server("one").endpoint(Echo).serializer(Refusing)).await;
    let client: EchoClient = env.client();
    let error = client.join(&ada(), "a".into(), "b".into()).await.unwrap_err();
    let CallError::Remote(remote) = &error else { panic!("{error}") };
    assert!(remote.is_unencodable_result(), "{error}");
    assert_eq!(error.ran(), Ran::Yes);
}

async fn a_result_that_the_callers_serializer_refuses_is_a_bad_reply(env: TestEnv) {
    struct Refusing;
    impl Serializer for Refusing {
        fn deserialize_entity(
            &self,
            _: &ContextEntries,
            _: Value,
        ) -> Result<Value, SerializerError> {
            Err(SerializerError::new("this is not for me"))
        }
    }
    env.serve(Echo).await;
    let error = client(&env, Refusing).join(&ada(), "a".into(), "b".into()).await.unwrap_err();
    assert!(matches!(error, CallError::Transport(_)), "{error}");
    assert!(error.to_string().contains("this is not for me"), "{error}");
    assert_eq!(error.ran(), Ran::Yes);
}

async fn failures_do_not_pass_through_the_serializer(env: TestEnv) {
    let (server_side, log) = marking("server");
    let server = env.server("one").endpoint(Echo).serializer(server_side).expose_errors(true);
    env.start(server).await;
    let (marking, client_log) = marking("client");
    let client = client(&env, marking);
    let error = client.fail(&ada(), "x".into()).await.unwrap_err();
    let CallError::Remote(remote) = &error else { panic!("{error}") };
    assert_eq!(remote.message(), std::fmt::Error.to_string());
    let rpc: RpcClient = client.rpc().clone();
    rpc.call::<()>(&ada(), "nothing", &BTreeMap::from([("a", "b")])).await.unwrap_err();
    assert!(!log.lock().unwrap().iter().any(|line| line.starts_with("server writes")));
    assert!(!client_log.lock().unwrap().iter().any(|line| line.starts_with("client reads")));
}

cases! {
    the_hooks_are_called_in_the_order_of_the_original;
    what_travels_is_what_the_serializer_wrote;
    casts_pass_through_the_serializer_too;
    a_clients_serializer_that_refuses_ends_the_call_before_it_is_sent;
    a_servers_serializer_that_refuses_keeps_the_method_from_running;
    a_serializer_that_refuses_a_result_is_a_failure_of_a_call_that_ran;
    a_result_that_the_callers_serializer_refuses_is_a_bad_reply;
    failures_do_not_pass_through_the_serializer;
}
