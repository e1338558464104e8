//! Golden messages: files of messages in hexadecimal digits, quoted text and comments.
//!
//! A message begins with its name in brackets. Its properties follow, one a line, and then its body.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use lapin::BasicProperties;
use lapin::types::ShortString;

/// A message as it is on the broker.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// All properties that are set, by their names in AMQP.
    pub properties: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Message {
    pub fn new(properties: &BasicProperties, body: &[u8]) -> Self {
        let text = |name: &str, value: &Option<ShortString>| {
            value.as_ref().map(|value| (name.to_owned(), value.to_string()))
        };
        let other = |name: &str, value: Option<String>| value.map(|value| (name.to_owned(), value));
        let headers = properties.headers().as_ref().map(|headers| format!("{headers:?}"));
        let set = [
            text("content-type", properties.content_type()),
            text("content-encoding", properties.content_encoding()),
            other("headers", headers),
            other("delivery-mode", properties.delivery_mode().map(|mode| mode.to_string())),
            other("priority", properties.priority().map(|priority| priority.to_string())),
            text("correlation-id", properties.correlation_id()),
            text("reply-to", properties.reply_to()),
            text("expiration", properties.expiration()),
            text("message-id", properties.message_id()),
            other("timestamp", properties.timestamp().map(|time| time.to_string())),
            text("type", properties.kind()),
            text("user-id", properties.user_id()),
            text("app-id", properties.app_id()),
            text("cluster-id", properties.cluster_id()),
        ];
        Self { properties: set.into_iter().flatten().collect(), body: body.to_vec() }
    }

    /// Returns a property, which must be set.
    pub fn property(&self, name: &str) -> &str {
        self.properties.get(name).unwrap_or_else(|| panic!("no `{name}`: {self:?}"))
    }

    /// Returns the message with another value for a property.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut message = self.clone();
        message.properties.insert(name.to_owned(), value.to_owned());
        message
    }

    /// Returns the message with the values that differ from run to run replaced: the id of the call, the unique part of a
    /// reply queue's name, and how much time is left.
    pub fn masked(&self) -> Self {
        let mut message = self.clone();
        for (name, value) in &mut message.properties {
            let masked = match &**name {
                "correlation-id" if value.len() == 32 => "the id of the call",
                "reply-to" if value.starts_with("rpc.reply/") => "a reply queue",
                "expiration" if value.parse().is_ok_and(|left| (1..=30_000).contains(&left)) => {
                    "at most 30000"
                }
                _ => continue,
            };
            masked.clone_into(value);
        }
        message
    }

    /// Returns the properties as the AMQP library has them.
    pub fn amqp_properties(&self) -> BasicProperties {
        let mut properties = BasicProperties::default();
        for (name, value) in &self.properties {
            let value = value.as_str();
            properties = match &**name {
                "delivery-mode" => properties.with_delivery_mode(value.parse().unwrap()),
                "correlation-id" => properties.with_correlation_id(value.into()),
                "reply-to" => properties.with_reply_to(value.into()),
                "expiration" => properties.with_expiration(value.into()),
                other => panic!("no golden message has the property `{other}`"),
            };
        }
        properties
    }
}

/// Shows a message in the form of the files, so that it can be compared with them.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.properties {
            write!(f, "\n{name}: {value}")?;
        }
        for chunk in self.body.chunks(16) {
            let hex: Vec<_> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
            write!(f, "\n{:47} # {}", hex.join(" "), chunk.escape_ascii())?;
        }
        Ok(())
    }
}

/// Reads the messages of a file, by their names.
pub fn messages(file: &str) -> BTreeMap<String, Message> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("wire/golden").join(file);
    let text = fs::read_to_string(&path).unwrap();
    let mut messages: BTreeMap<String, Message> = BTreeMap::new();
    let mut current = None;
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            let empty = Message { properties: BTreeMap::new(), body: Vec::new() };
            assert!(messages.insert(name.to_owned(), empty).is_none(), "{file}: two {name:?}");
            current = Some(name);
            continue;
        }
        let message = messages.get_mut(current.expect("a name comes first")).unwrap();
        match line.split_once(": ").filter(|(name, _)| is_property(name)) {
            Some((name, value)) => {
                message.properties.insert(name.to_owned(), value.to_owned());
            }
            None => read_bytes(line, &mut message.body),
        }
    }
    messages
}

/// Reads one message of a file.
pub fn message(file: &str, name: &str) -> Message {
    messages(file).remove(name).unwrap_or_else(|| panic!("{file} has no {name:?}"))
}

fn is_property(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// Reads hexadecimal digits and quoted text up to a comment.
fn read_bytes(line: &str, bytes: &mut Vec<u8>) {
    // Every second part is between quotes.
    for (index, part) in line.split('"').enumerate() {
        if index % 2 == 1 {
            bytes.extend_from_slice(part.as_bytes());
            continue;
        }
        let (digits, comment) = part.split_once('#').map_or((part, false), |(it, _)| (it, true));
        for digits in digits.split_whitespace() {
            let byte = u8::from_str_radix(digits, 16);
            bytes.push(byte.unwrap_or_else(|_| panic!("not a byte: {digits:?} in {line:?}")));
        }
        if comment {
            return;
        }
    }
}
