//! The methods of a server: the merged tables of its endpoints.
//!
//! The registry is built once, together with the server. One hash lookup by namespace and method
//! returns the candidates in registration order. The first one with a compatible version is used,
//! as in oslo.messaging's dispatcher.

mod builder;
mod erased;

use std::fmt;
use std::hash::{Hash, Hasher};

use hashbrown::{Equivalent, HashMap};

pub(crate) use self::builder::RegistryBuilder;
pub use self::builder::ShadowedMethod;
use self::erased::ErasedEndpoint;
use crate::context::Context;
use crate::endpoint::{BoxFuture, EncodedArgs, EndpointDescriptor};
use crate::message::{Failure, FailureKind, Outcome};
use crate::untrusted::Quoted;
use crate::version::Version;

/// The methods of a server, shared by all its tasks.
pub struct Registry {
    methods: HashMap<Key, Box<[Candidate]>>,
    namespaces: HashMap<Option<Box<str>>, Vec<Version>>,
    endpoints: Box<[Box<dyn ErasedEndpoint>]>,
}

#[derive(PartialEq, Eq)]
struct Key {
    namespace: Option<Box<str>>,
    method: Box<str>,
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        KeyRef { namespace: self.namespace.as_deref(), method: &self.method }.hash(hasher);
    }
}

/// A borrowed [`Key`] with the same hash.
struct KeyRef<'a> {
    namespace: Option<&'a str>,
    method: &'a str,
}

impl Hash for KeyRef<'_> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        // Two writes instead of the five of a derived implementation. Some keys collide, such as
        // the null namespace and the empty one. A collision costs one comparison.
        hasher.write(self.namespace.unwrap_or_default().as_bytes());
        hasher.write(self.method.as_bytes());
    }
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.method == &*key.method && self.namespace == key.namespace.as_deref()
    }
}

/// A method of an endpoint, by indices.
struct Candidate {
    endpoint: usize,
    method: usize,
    version: Version,
}

/// The method that a request resolved to.
pub(crate) struct ResolvedMethod<'a> {
    endpoint: &'a dyn ErasedEndpoint,
    method: usize,
}

impl<'a> ResolvedMethod<'a> {
    /// Runs the method.
    pub(crate) fn invoke(&self, ctx: &'a Context, args: EncodedArgs<'a>) -> BoxFuture<'a, Outcome> {
        self.endpoint.invoke(self.method, ctx, args)
    }
}

impl Registry {
    /// Finds the first endpoint with the namespace, the method and a compatible version.
    ///
    /// `allowed` returns whether the caller may know the method. If it returns false, the search
    /// continues.
    pub(crate) fn resolve(
        &self,
        namespace: Option<&str>,
        method: &str,
        version: Version,
        allowed: impl Fn() -> bool,
    ) -> Result<ResolvedMethod<'_>, Failure> {
        let candidates = self.methods.get(&KeyRef { namespace, method });
        let mut candidates = candidates.map(|all| &**all).unwrap_or_default().iter();
        match candidates.find(|candidate| candidate.version.serves(version) && allowed()) {
            Some(&Candidate { endpoint, method, .. }) => {
                Ok(ResolvedMethod { endpoint: &*self.endpoints[endpoint], method })
            }
            None => Err(self.not_found(namespace, method, version)),
        }
    }

    /// Returns the failure for a request that no method serves.
    ///
    /// There are three kinds. oslo.messaging has two: its `UnsupportedVersion` also means an
    /// unknown namespace.
    #[cold]
    fn not_found(&self, namespace: Option<&str>, method: &str, version: Version) -> Failure {
        let (shown, method) = (NamespaceDisplay(namespace), Quoted(method));
        let Some(served) = self.namespaces.get(&namespace.map(Box::from)) else {
            let message = format!("no endpoint has {shown}, requested for method {method}");
            return Failure::new(FailureKind::UnknownNamespace, "UnknownNamespace", message);
        };
        if !served.iter().any(|served| served.serves(version)) {
            let message = format!(
                "{shown} does not serve version {version}, requested for method {method}; served: {}",
                list(served)
            );
            return Failure::new(FailureKind::UnsupportedVersion, "UnsupportedVersion", message)
                .with_supported_versions(served.clone());
        }
        let message = format!("{shown} has no method {method} in version {version}");
        Failure::new(FailureKind::UnknownMethod, "UnknownMethod", message)
    }

    /// Returns the descriptors of the endpoints, in registration order.
    pub fn descriptors(&self) -> impl Iterator<Item = &'static EndpointDescriptor> {
        self.endpoints.iter().map(|endpoint| endpoint.descriptor())
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.descriptors().map(|descriptor| descriptor.name)).finish()
    }
}

/// Displays a namespace in messages.
struct NamespaceDisplay<'a>(Option<&'a str>);

impl fmt::Display for NamespaceDisplay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => write!(f, "namespace {}", Quoted(name)),
            None => f.write_str("the null namespace"),
        }
    }
}

fn list(versions: &[Version]) -> String {
    versions.iter().map(Version::to_string).collect::<Vec<_>>().join(", ")
}
