//! All methods of a server: the tables of its endpoints, merged and frozen when the server is built.
//!
//! One hash look-up by namespace and method gives the candidates in registration order; the first with a compatible
//! version is the one, as in oslo.messaging's dispatcher, whose search through all endpoints this replaces.

mod build;
mod hosted;

use std::fmt;
use std::hash::{Hash, Hasher};

use hashbrown::{Equivalent, HashMap};

pub(crate) use self::build::RegistryBuilder;
pub use self::build::ShadowedMethod;
pub(crate) use self::hosted::Hosted;
use crate::endpoint::EndpointDescriptor;
use crate::message::{Failure, FailureKind};
use crate::untrusted::Quoted;
use crate::version::Version;

/// What a server has to offer. Frozen; shared by all its tasks.
pub struct Registry {
    methods: HashMap<Key, Box<[Candidate]>>,
    namespaces: HashMap<Option<Box<str>>, Vec<Version>>,
    hosts: Box<[Box<dyn Hosted>]>,
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

/// A [`Key`] that owns nothing, and hashes alike.
struct KeyRef<'a> {
    namespace: Option<&'a str>,
    method: &'a str,
}

impl Hash for KeyRef<'_> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        // Two writes instead of the five that a derived hash makes. That some keys collide, such as the null namespace
        // and the empty one, costs nothing but a comparison.
        hasher.write(self.namespace.unwrap_or_default().as_bytes());
        hasher.write(self.method.as_bytes());
    }
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.method == &*key.method && self.namespace == key.namespace.as_deref()
    }
}

/// One endpoint's method for a key.
struct Candidate {
    host: usize,
    method: usize,
    version: Version,
}

/// A method that serves a request.
pub(crate) struct Found<'a> {
    pub(crate) host: &'a dyn Hosted,
    pub(crate) method: usize,
}

impl Registry {
    /// The first endpoint with the method, the namespace and a compatible version.
    ///
    /// `allowed` says whether the caller may know of the method. What it refuses is not there, and the search goes on.
    pub(crate) fn find(
        &self,
        namespace: Option<&str>,
        method: &str,
        version: Version,
        allowed: impl Fn() -> bool,
    ) -> Result<Found<'_>, Failure> {
        let candidates = self.methods.get(&KeyRef { namespace, method });
        let mut candidates = candidates.map(|all| &**all).unwrap_or_default().iter();
        match candidates.find(|candidate| candidate.version.serves(version) && allowed()) {
            Some(found) => Ok(Found { host: &*self.hosts[found.host], method: found.method }),
            None => Err(self.refuse(namespace, method, version)),
        }
    }

    /// Tells the three refusals apart. oslo.messaging knows two: its `UnsupportedVersion` also means an unknown
    /// namespace.
    #[cold]
    fn refuse(&self, namespace: Option<&str>, method: &str, version: Version) -> Failure {
        let (shown, method) = (Namespace(namespace), Quoted(method));
        let Some(served) = self.namespaces.get(&namespace.map(Box::from)) else {
            let message = format!("no endpoint here has {shown}, wanted for method {method}");
            return Failure::new(FailureKind::UnknownNamespace, "UnknownNamespace", message);
        };
        if !served.iter().any(|served| served.serves(version)) {
            let message = format!(
                "{shown} does not serve version {version}, wanted for method {method}; served: {}",
                list(served)
            );
            return Failure::new(FailureKind::UnsupportedVersion, "UnsupportedVersion", message)
                .with_supported_versions(served.clone());
        }
        let message = format!("{shown} has no method {method} in version {version}");
        Failure::new(FailureKind::UnknownMethod, "UnknownMethod", message)
    }

    /// The endpoints, in registration order.
    pub fn descriptors(&self) -> impl Iterator<Item = &'static EndpointDescriptor> {
        self.hosts.iter().map(|host| host.descriptor())
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.descriptors().map(|descriptor| descriptor.name)).finish()
    }
}

struct Namespace<'a>(Option<&'a str>);

impl fmt::Display for Namespace<'_> {
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
