//! The descriptor says what the source says.

use rpc_core::{Context, Endpoint, RpcError, Version, endpoint};
use serde::{Deserialize, Serialize};

#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
#[rpc_error(class = "Nope", module = "bank.errors")]
#[error("no")]
struct Refused;

struct Ledger;

/// Accounts.
///
///   Indented.
#[doc = concat!("Computed", " line.")]
#[endpoint(namespace = "bank", version = "1.2.3", legacy_namespaces = ["old", None])]
impl Ledger {
    /// Moves money.
    #[expected(Refused)]
    #[since("1.1")]
    #[rpc(name = "move", alias = "transfer", blocking)]
    pub fn transfer(
        &self,
        _: &Context,
        cents: u64,
        #[since("1.2")] note: Option<String>,
        #[rpc(rest)] others: rpc_core::Map,
    ) -> Result<String, Refused> {
        let _ = (cents, note, others);
        Err(Refused)
    }

    pub async fn ping(&self, _: &Context) {}
}

#[test]
fn an_endpoint_is_described() {
    let endpoint = Ledger::DESCRIPTOR;
    assert_eq!(endpoint.name, "Ledger");
    assert_eq!(endpoint.namespaces, [Some("bank"), Some("old"), None]);
    assert_eq!(endpoint.version, Version::new(1, 2).with_revision(3));
    assert_eq!(endpoint.docs, "Accounts.\n\n  Indented.\nComputed line.");
    assert_eq!(endpoint.methods.len(), Ledger::INVOKE.len());
}

#[test]
fn a_method_is_described() {
    let method = &Ledger::DESCRIPTOR.methods[0];
    assert_eq!((method.name, method.aliases), ("move", ["transfer"].as_slice()));
    assert_eq!((method.docs, method.since), ("Moves money.", Some(Version::new(1, 1))));
    assert!(method.blocking);
    assert_eq!(method.deprecated, None);
    assert_eq!(method.rest, Some("others"));
    assert_eq!(method.returns.get(), std::any::type_name::<String>());
    assert_eq!(method.expected.len(), 1);
    assert_eq!(method.expected[0].class, "Nope");
    assert_eq!(method.expected[0].module, Some("bank.errors"));
    let [cents, note] = method.args else { panic!("{:?}", method.args) };
    assert_eq!((cents.name, cents.optional, cents.since), ("cents", false, None));
    assert_eq!((note.name, note.optional), ("note", true));
    assert_eq!(note.since, Some(Version::new(1, 2)));
    assert_eq!(note.ty.get(), std::any::type_name::<Option<String>>());
}

#[test]
fn what_is_not_said_has_its_default() {
    let method = &Ledger::DESCRIPTOR.methods[1];
    assert_eq!((method.name, method.docs, method.since), ("ping", "", None));
    assert!(method.args.is_empty() && method.expected.is_empty() && !method.blocking);
    assert_eq!(method.returns.get(), "()");

    struct Bare;

    #[endpoint]
    impl Bare {
        pub fn ping(&self, _: &Context) {}
    }

    assert_eq!(Bare::DESCRIPTOR.namespaces, [None]);
    assert_eq!(Bare::DESCRIPTOR.version, Version::V1_0);
    let _: fn(&BareClient, &Context) -> rpc_core::Call<()> = BareClient::ping;
}
