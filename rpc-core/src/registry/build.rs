//! Merging the tables of endpoints.

use std::fmt;
use std::sync::Arc;

use hashbrown::HashMap;

use super::hosted::Host;
use super::{Candidate, Hosted, Key, Namespace, Registry};
use crate::endpoint::{Endpoint, EndpointDescriptor, MethodDescriptor};
use crate::version::Version;

#[derive(Default)]
pub(crate) struct RegistryBuilder {
    hosts: Vec<Box<dyn Hosted>>,
}

/// A method that no request could ever reach, because an endpoint registered before has it, in the same namespace and in
/// a version that serves everything this one would.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShadowedMethod {
    /// The method's name on the wire.
    pub method: String,
    /// The namespace, where it is not the null one.
    pub namespace: Option<String>,
    /// The shadowed endpoint and its version.
    pub shadowed: (&'static str, Version),
    /// The endpoint that is asked instead, and its version.
    pub by: (&'static str, Version),
}

impl fmt::Display for ShadowedMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "method `{}` of `{}` {} can never be reached: `{}` {} comes first in {}; ",
            self.method,
            self.shadowed.0,
            self.shadowed.1,
            self.by.0,
            self.by.1,
            Namespace(self.namespace.as_deref()),
        )?;
        f.write_str(match self.shadowed.1 == self.by.1 {
            true => "register it once, or give one of the two another namespace or version",
            false => "register the older version first, or give one of them another namespace",
        })
    }
}

impl RegistryBuilder {
    pub(crate) fn add<E: Endpoint + Send + Sync>(&mut self, endpoint: Arc<E>) {
        self.hosts.push(Box::new(Host(endpoint)));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    /// The registry, unless there are methods that could never be reached.
    pub(crate) fn build(self) -> Result<Registry, Vec<ShadowedMethod>> {
        let (registry, shadowed) = self.merge();
        if shadowed.is_empty() { Ok(registry) } else { Err(shadowed) }
    }

    /// The registry, where methods that cannot be reached do no harm.
    pub(crate) fn build_first_wins(self) -> Registry {
        self.merge().0
    }

    fn merge(self) -> (Registry, Vec<ShadowedMethod>) {
        let mut merged = Merged::default();
        for (host, hosted) in self.hosts.iter().enumerate() {
            for &namespace in hosted.descriptor().namespaces {
                merged.add(host, hosted.descriptor(), namespace);
            }
        }
        let shadowed = merged.shadowed(&self.hosts);
        let methods = merged.methods.into_iter();
        let methods = methods.map(|(key, all)| (key, all.into_boxed_slice())).collect();
        let hosts = self.hosts.into_boxed_slice();
        (Registry { methods, namespaces: merged.namespaces, hosts }, shadowed)
    }
}

#[derive(Default)]
struct Merged {
    methods: HashMap<Key, Vec<Candidate>>,
    namespaces: HashMap<Option<Box<str>>, Vec<Version>>,
}

impl Merged {
    fn add(
        &mut self,
        host: usize,
        descriptor: &'static EndpointDescriptor,
        namespace: Option<&str>,
    ) {
        let version = descriptor.version;
        let served = self.namespaces.entry(namespace.map(Box::from)).or_default();
        if !served.contains(&version) {
            served.push(version);
        }
        for (method, described) in descriptor.methods.iter().enumerate() {
            for name in names(described) {
                let key = Key { namespace: namespace.map(Box::from), method: name.into() };
                self.methods.entry(key).or_default().push(Candidate { host, method, version });
            }
        }
    }

    /// Candidates of which an earlier one serves everything that they would.
    fn shadowed(&self, hosts: &[Box<dyn Hosted>]) -> Vec<ShadowedMethod> {
        let mut found = Vec::new();
        for (key, candidates) in &self.methods {
            for (position, shadowed) in candidates.iter().enumerate() {
                let earlier = &candidates[..position];
                let Some(by) = earlier.iter().find(|by| by.version.serves(shadowed.version)) else {
                    continue;
                };
                found.push(ShadowedMethod {
                    method: key.method.to_string(),
                    namespace: key.namespace.as_deref().map(str::to_owned),
                    shadowed: (hosts[shadowed.host].descriptor().name, shadowed.version),
                    by: (hosts[by.host].descriptor().name, by.version),
                });
            }
        }
        // The table has no order of its own; the message should.
        found.sort_by(|a, b| (&a.namespace, &a.method).cmp(&(&b.namespace, &b.method)));
        found
    }
}

fn names(method: &'static MethodDescriptor) -> impl Iterator<Item = &'static str> {
    std::iter::once(method.name).chain(method.aliases.iter().copied())
}
