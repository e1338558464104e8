//! Where a request goes, and what a server or an endpoint answers to.

use std::borrow::Cow;
use std::fmt;

use crate::version::Version;

type Name = Cow<'static, str>;

/// An address, as oslo.messaging's `Target`. Every field is optional; what uses a target requires some of them.
///
/// | field | server | endpoint | client |
/// |---|---|---|---|
/// | `exchange` | optional | – | optional |
/// | `topic` | required | – | required when sending |
/// | `server` | required | – | optional: this one server |
/// | `namespace` | – | optional | optional |
/// | `version` | – | optional | optional |
/// | `fanout` | – | – | optional: every server |
/// | `legacy_namespaces` | – | optional | – |
///
/// ```
/// use rpc_core::{Target, Version};
///
/// let target = Target::topic("bank").server("bank-1").version(Version::new(1, 2));
/// assert_eq!(target.to_string(), "<Target topic=bank, version=1.2, server=bank-1>");
/// ```
///
/// Equality compares all fields. The printed form omits fields that are unset or empty, and always
/// `legacy_namespaces`.
#[derive(Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Target {
    /// The scope of topics. Unset: the transport's default exchange.
    pub exchange: Option<Name>,
    /// The name shared by all servers of a service.
    pub topic: Option<Name>,
    /// The name of one server of the topic.
    pub server: Option<Name>,
    /// The group of methods within a server. Unset is the null namespace, which differs from the empty string.
    pub namespace: Option<Name>,
    /// The version of the namespace. Unset: [`Version::V1_0`].
    pub version: Option<Version>,
    /// Whether the target is every server of the topic. Default: no.
    pub fanout: bool,
    /// Namespaces that an endpoint also answers to. `None` is the null namespace.
    pub legacy_namespaces: Vec<Option<Name>>,
}

impl Target {
    /// Creates a target with nothing set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a target with this topic.
    #[must_use]
    pub fn topic(topic: impl Into<Name>) -> Self {
        Self::new().with_topic(topic)
    }

    /// Sets the topic.
    #[must_use]
    pub fn with_topic(mut self, topic: impl Into<Name>) -> Self {
        self.topic = Some(topic.into());
        self
    }

    /// Sets the exchange.
    #[must_use]
    pub fn exchange(mut self, exchange: impl Into<Name>) -> Self {
        self.exchange = Some(exchange.into());
        self
    }

    /// Sets the server's name.
    #[must_use]
    pub fn server(mut self, server: impl Into<Name>) -> Self {
        self.server = Some(server.into());
        self
    }

    /// Sets the namespace.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<Name>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// Sets the version.
    #[must_use]
    pub fn version(mut self, version: Version) -> Self {
        self.version = Some(version);
        self
    }

    /// Sets whether the target is every server of the topic.
    #[must_use]
    pub fn fanout(mut self, fanout: bool) -> Self {
        self.fanout = fanout;
        self
    }

    /// Sets the namespaces that an endpoint also answers to, and replaces those set before.
    #[must_use]
    pub fn legacy_namespaces<N: Into<Name>>(
        mut self,
        namespaces: impl IntoIterator<Item = Option<N>>,
    ) -> Self {
        self.legacy_namespaces = namespaces.into_iter().map(|name| name.map(N::into)).collect();
        self
    }

    /// Returns this target with some fields changed, as calling a target does in oslo.messaging.
    ///
    /// Fields that the change does not mention keep their values, except `legacy_namespaces`, which are not inherited.
    ///
    /// ```
    /// use rpc_core::{Target, TargetChange};
    ///
    /// let one = Target::topic("bank").server("bank-1");
    /// let all = one.replace(TargetChange::new().no_server().fanout(true));
    /// assert_eq!(all, Target::topic("bank").fanout(true));
    /// ```
    #[must_use]
    pub fn replace(&self, change: TargetChange) -> Self {
        Self {
            exchange: change.exchange.apply(&self.exchange),
            topic: change.topic.apply(&self.topic),
            server: change.server.apply(&self.server),
            namespace: change.namespace.apply(&self.namespace),
            version: change.version.apply(&self.version),
            fanout: change.fanout.unwrap_or(self.fanout),
            legacy_namespaces: change.legacy_namespaces,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |name: &Option<Name>| name.clone().filter(|name| !name.is_empty());
        let fields = [
            ("exchange", name(&self.exchange)),
            ("topic", name(&self.topic)),
            ("namespace", name(&self.namespace)),
            ("version", self.version.map(|version| version.to_string().into())),
            ("server", name(&self.server)),
            ("fanout", self.fanout.then_some(Cow::Borrowed("true"))),
        ];
        f.write_str("<Target")?;
        let set = fields.into_iter().filter_map(|(field, value)| Some((field, value?)));
        for (index, (field, value)) in set.enumerate() {
            let before = if index == 0 { " " } else { ", " };
            write!(f, "{before}{field}={value}")?;
        }
        f.write_str(">")
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Which fields of a target to change, for [`Target::replace`].
///
/// A field keeps its value unless it is set (by the method of its name) or cleared (by `no_…`). Of several changes of
/// one field, the last one counts.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[must_use]
pub struct TargetChange {
    exchange: Change<Name>,
    topic: Change<Name>,
    server: Change<Name>,
    namespace: Change<Name>,
    version: Change<Version>,
    fanout: Option<bool>,
    legacy_namespaces: Vec<Option<Name>>,
}

impl TargetChange {
    /// Creates a change that keeps every field except `legacy_namespaces`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the exchange.
    pub fn exchange(mut self, exchange: impl Into<Name>) -> Self {
        self.exchange = Change::Set(exchange.into());
        self
    }

    /// Clears the exchange: the transport's default is used.
    pub fn no_exchange(mut self) -> Self {
        self.exchange = Change::Clear;
        self
    }

    /// Sets the topic.
    pub fn topic(mut self, topic: impl Into<Name>) -> Self {
        self.topic = Change::Set(topic.into());
        self
    }

    /// Clears the topic.
    pub fn no_topic(mut self) -> Self {
        self.topic = Change::Clear;
        self
    }

    /// Sets the server's name.
    pub fn server(mut self, server: impl Into<Name>) -> Self {
        self.server = Change::Set(server.into());
        self
    }

    /// Clears the server's name: any server of the topic is meant.
    pub fn no_server(mut self) -> Self {
        self.server = Change::Clear;
        self
    }

    /// Sets the namespace.
    pub fn namespace(mut self, namespace: impl Into<Name>) -> Self {
        self.namespace = Change::Set(namespace.into());
        self
    }

    /// Clears the namespace: the null namespace is meant.
    pub fn no_namespace(mut self) -> Self {
        self.namespace = Change::Clear;
        self
    }

    /// Sets the version.
    pub fn version(mut self, version: Version) -> Self {
        self.version = Change::Set(version);
        self
    }

    /// Clears the version.
    pub fn no_version(mut self) -> Self {
        self.version = Change::Clear;
        self
    }

    /// Sets whether the target is every server of the topic.
    pub fn fanout(mut self, fanout: bool) -> Self {
        self.fanout = Some(fanout);
        self
    }

    /// Sets the legacy namespaces, which are dropped otherwise.
    pub fn legacy_namespaces<N: Into<Name>>(
        mut self,
        namespaces: impl IntoIterator<Item = Option<N>>,
    ) -> Self {
        self.legacy_namespaces = namespaces.into_iter().map(|name| name.map(N::into)).collect();
        self
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Default)]
enum Change<T> {
    #[default]
    Keep,
    Set(T),
    Clear,
}

impl<T: Clone> Change<T> {
    fn apply(self, old: &Option<T>) -> Option<T> {
        match self {
            Self::Keep => old.clone(),
            Self::Set(new) => Some(new),
            Self::Clear => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Target {
        Target::topic("t")
            .exchange("e")
            .server("s")
            .namespace("n")
            .version(Version::new(1, 2))
            .fanout(true)
            .legacy_namespaces([Some("old"), None])
    }

    #[test]
    fn a_target_prints_its_set_fields_in_the_original_order() {
        assert_eq!(
            full().to_string(),
            "<Target exchange=e, topic=t, namespace=n, version=1.2, server=s, fanout=true>"
        );
        assert_eq!(format!("{:?}", Target::topic("t").server("s")), "<Target topic=t, server=s>");
        assert_eq!(Target::topic("t").server("").to_string(), "<Target topic=t>");
        assert_eq!(Target::new().to_string(), "<Target>");
    }

    #[test]
    fn replacing_nothing_keeps_all_but_the_legacy_namespaces() {
        let kept = full().replace(TargetChange::new());
        assert_eq!(kept, full().legacy_namespaces([None::<&str>; 0]));
        assert_ne!(kept, full());
    }

    #[test]
    fn replacing_sets_what_is_given() {
        let change = TargetChange::new()
            .exchange("e2")
            .topic("t2")
            .server("s2")
            .namespace("n2")
            .version(Version::new(2, 0))
            .fanout(false)
            .legacy_namespaces([Some("older")]);
        let expected = Target::topic("t2")
            .exchange("e2")
            .server("s2")
            .namespace("n2")
            .version(Version::new(2, 0))
            .legacy_namespaces([Some("older")]);
        assert_eq!(full().replace(change), expected);
    }

    #[test]
    fn replacing_clears_what_is_unset_on_purpose() {
        let change = TargetChange::new()
            .no_exchange()
            .no_topic()
            .no_server()
            .no_namespace()
            .no_version()
            .fanout(false);
        assert_eq!(full().replace(change), Target::new());
    }

    #[test]
    fn of_two_changes_of_a_field_the_last_counts() {
        let change = TargetChange::new().no_server().server("s3");
        assert_eq!(Target::topic("t").replace(change), Target::topic("t").server("s3"));
    }

    #[test]
    fn targets_are_equal_when_all_fields_are() {
        assert_eq!(full(), full());
        assert_ne!(full(), full().server("other"));
        assert_ne!(full(), full().fanout(false));
        assert_ne!(Target::new().namespace(""), Target::new());
    }
}
