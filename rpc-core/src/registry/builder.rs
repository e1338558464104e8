//! Builds a registry from endpoints.

use std::fmt;
use std::sync::Arc;

use hashbrown::HashMap;

use super::erased::ErasedEndpoint;
use super::{Candidate, Key, NamespaceDisplay, Registry};
use crate::endpoint::{Endpoint, EndpointDescriptor, MethodDescriptor};
use crate::version::Version;

#[derive(Default)]
pub(crate) struct RegistryBuilder {
    endpoints: Vec<Box<dyn ErasedEndpoint>>,
}

/// A method that no request can reach.
///
/// An endpoint that was registered earlier has the same method in the same namespace and serves
/// every version that this one would serve.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShadowedMethod {
    /// The wire name of the method.
    pub method: String,
    /// The namespace. `None` is the null namespace.
    pub namespace: Option<String>,
    /// The name and version of the shadowed endpoint.
    pub shadowed: (&'static str, Version),
    /// The name and version of the endpoint that receives the requests instead.
    pub by: (&'static str, Version),
}

impl fmt::Display for ShadowedMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "method `{}` of `{}` {} is unreachable: `{}` {} shadows it in {}; ",
            self.method,
            self.shadowed.0,
            self.shadowed.1,
            self.by.0,
            self.by.1,
            NamespaceDisplay(self.namespace.as_deref()),
        )?;
        f.write_str(match self.shadowed.1 == self.by.1 {
            true => "register it once, or change the namespace or version of one of them",
            false => "register the older version first, or change the namespace of one of them",
        })
    }
}

impl RegistryBuilder {
    pub(crate) fn add<E: Endpoint + Send + Sync>(&mut self, endpoint: Arc<E>) {
        self.endpoints.push(Box::new(endpoint));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.endpoints.is_empty()
    }

    /// Builds the registry. Fails if methods are shadowed.
    pub(crate) fn build(self) -> Result<Registry, Vec<ShadowedMethod>> {
        let (registry, shadowed) = self.merge();
        if shadowed.is_empty() { Ok(registry) } else { Err(shadowed) }
    }

    /// Builds the registry, and allows shadowed methods.
    pub(crate) fn build_first_wins(self) -> Registry {
        self.merge().0
    }

    fn merge(self) -> (Registry, Vec<ShadowedMethod>) {
        let mut merged = Merged::default();
        for (index, endpoint) in self.endpoints.iter().enumerate() {
            for &namespace in endpoint.descriptor().namespaces {
                merged.add(index, endpoint.descriptor(), namespace);
            }
        }
        let shadowed = merged.shadowed(&self.endpoints);
        let methods = merged.methods.into_iter();
        let methods = methods.map(|(key, all)| (key, all.into_boxed_slice())).collect();
        let endpoints = self.endpoints.into_boxed_slice();
        (Registry { methods, namespaces: merged.namespaces, endpoints }, shadowed)
    }
}

/// The tables of all endpoints, under construction.
#[derive(Default)]
struct Merged {
    methods: HashMap<Key, Vec<Candidate>>,
    namespaces: HashMap<Option<Box<str>>, Vec<Version>>,
}

impl Merged {
    fn add(
        &mut self,
        endpoint: usize,
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
                self.methods.entry(key).or_default().push(Candidate { endpoint, method, version });
            }
        }
    }

    /// Finds the methods that are shadowed by an earlier one.
    fn shadowed(&self, endpoints: &[Box<dyn ErasedEndpoint>]) -> Vec<ShadowedMethod> {
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
                    shadowed: (endpoints[shadowed.endpoint].descriptor().name, shadowed.version),
                    by: (endpoints[by.endpoint].descriptor().name, by.version),
                });
            }
        }
        // The hash table has no defined order, but the error message needs one.
        found.sort_by(|a, b| (&a.namespace, &a.method).cmp(&(&b.namespace, &b.method)));
        found
    }
}

/// Returns the wire names of a method: its own name, then its aliases.
fn names(method: &'static MethodDescriptor) -> impl Iterator<Item = &'static str> {
    std::iter::once(method.name).chain(method.aliases.iter().copied())
}
