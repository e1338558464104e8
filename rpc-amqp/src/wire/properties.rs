//! The properties of a message.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use super::reader::Reader;
use super::table::{FieldTable, Fields, Value};
use super::text::Text;
use super::{MAX_NAME, Malformed, put_long, put_short};
use crate::InvalidArgument;

/// The properties of a message, kept as their bytes.
///
/// A field is looked for when it is asked for, so properties that nobody asks for cost nothing. Clones share the bytes.
///
/// ```
/// use rpc_amqp::PropertiesBuilder;
///
/// let properties = PropertiesBuilder::new().delivery_mode(2).correlation_id("7").build()?;
/// assert_eq!(properties.correlation_id().and_then(|id| id.as_str()), Some("7"));
/// # Ok::<(), rpc_amqp::InvalidArgument>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Properties(Bytes);

/// The fields, in the order of the wire. The flag of the first is bit 15.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    ContentType,
    ContentEncoding,
    Headers,
    DeliveryMode,
    Priority,
    CorrelationId,
    ReplyTo,
    Expiration,
    MessageId,
    Timestamp,
    Type,
    UserId,
    AppId,
    ClusterId,
}

impl Name {
    const ALL: [Self; 14] = [
        Self::ContentType,
        Self::ContentEncoding,
        Self::Headers,
        Self::DeliveryMode,
        Self::Priority,
        Self::CorrelationId,
        Self::ReplyTo,
        Self::Expiration,
        Self::MessageId,
        Self::Timestamp,
        Self::Type,
        Self::UserId,
        Self::AppId,
        Self::ClusterId,
    ];

    fn flag(self) -> u16 {
        0x8000 >> self as u16
    }

    /// Reads the bytes of the field's value.
    fn read<'a>(self, reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
        match self {
            Self::Headers => reader.long(),
            Self::DeliveryMode | Self::Priority => reader.take(1),
            Self::Timestamp => reader.take(8),
            _ => reader.short(),
        }
    }
}

/// The flags that AMQP does not define. The last bit would say that more flags follow.
const UNDEFINED_FLAGS: u16 = 0b11;

impl Default for Properties {
    fn default() -> Self {
        Self(Bytes::from_static(&[0, 0]))
    }
}

impl Properties {
    /// Wraps the bytes behind the body size of a content header.
    pub(crate) fn from_bytes(bytes: Bytes) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns whether the bytes end early or have flags that AMQP does not define. Fields behind that place are not found.
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        let mut reader = Reader::new(&self.0);
        let Ok(flags) = reader.u16() else { return true };
        let known = Name::ALL.into_iter().filter(|name| flags & name.flag() != 0);
        flags & UNDEFINED_FLAGS != 0
            || known.into_iter().any(|name| name.read(&mut reader).is_err())
            || !reader.is_empty()
    }

    fn field(&self, wanted: Name) -> Option<&[u8]> {
        let mut reader = Reader::new(&self.0);
        let flags = reader.u16().ok()?;
        if flags & wanted.flag() == 0 {
            return None;
        }
        for name in Name::ALL {
            if flags & name.flag() != 0 {
                let value = name.read(&mut reader).ok()?;
                if name == wanted {
                    return Some(value);
                }
            }
        }
        None
    }

    fn text(&self, name: Name) -> Option<Text<'_>> {
        self.field(name).map(Text::new)
    }

    fn byte(&self, name: Name) -> Option<u8> {
        self.field(name)?.first().copied()
    }

    /// Returns the MIME type of the body.
    #[must_use]
    pub fn content_type(&self) -> Option<Text<'_>> {
        self.text(Name::ContentType)
    }

    /// Returns how the body is encoded.
    #[must_use]
    pub fn content_encoding(&self) -> Option<Text<'_>> {
        self.text(Name::ContentEncoding)
    }

    /// Returns the headers.
    #[must_use]
    pub fn headers(&self) -> Option<Fields<'_>> {
        self.field(Name::Headers).map(Fields::new)
    }

    /// Returns the first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<Value<'_>> {
        self.headers()?.find(|(known, _)| known.as_bytes() == name.as_bytes()).map(|it| it.1)
    }

    /// Returns 2 for a message that the broker writes to disk, in a durable queue.
    #[must_use]
    pub fn delivery_mode(&self) -> Option<u8> {
        self.byte(Name::DeliveryMode)
    }

    /// Returns the priority.
    #[must_use]
    pub fn priority(&self) -> Option<u8> {
        self.byte(Name::Priority)
    }

    /// Returns the id by which a reply finds its request.
    #[must_use]
    pub fn correlation_id(&self) -> Option<Text<'_>> {
        self.text(Name::CorrelationId)
    }

    /// Returns the queue to which a reply goes.
    #[must_use]
    pub fn reply_to(&self) -> Option<Text<'_>> {
        self.text(Name::ReplyTo)
    }

    /// Returns how long the message may wait in a queue: milliseconds, as digits.
    #[must_use]
    pub fn expiration(&self) -> Option<Text<'_>> {
        self.text(Name::Expiration)
    }

    /// Returns the id of the message.
    #[must_use]
    pub fn message_id(&self) -> Option<Text<'_>> {
        self.text(Name::MessageId)
    }

    /// Returns the time that the publisher gave, in seconds since 1970.
    #[must_use]
    pub fn timestamp(&self) -> Option<u64> {
        Reader::new(self.field(Name::Timestamp)?).u64().ok()
    }

    /// Returns the type of the message.
    #[must_use]
    pub fn kind(&self) -> Option<Text<'_>> {
        self.text(Name::Type)
    }

    /// Returns the user who published the message. The broker has verified it.
    #[must_use]
    pub fn user_id(&self) -> Option<Text<'_>> {
        self.text(Name::UserId)
    }

    /// Returns the program that published the message.
    #[must_use]
    pub fn app_id(&self) -> Option<Text<'_>> {
        self.text(Name::AppId)
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_map();
        for name in Name::ALL {
            if let Some(bytes) = self.field(name) {
                match name {
                    Name::Headers => {
                        let headers: Vec<_> = Fields::new(bytes).collect();
                        fields.entry(&name, &headers)
                    }
                    Name::DeliveryMode | Name::Priority | Name::Timestamp => {
                        fields.entry(&name, &bytes)
                    }
                    _ => fields.entry(&name, &Text::new(bytes)),
                };
            }
        }
        fields.finish()
    }
}

/// Builds [`Properties`]. Fields may be set in any order.
#[derive(Debug, Clone, Default)]
pub struct PropertiesBuilder<'a> {
    /// By [`Name`]; those that are not short strings stay empty here.
    names: [Option<&'a [u8]>; Name::ALL.len()],
    headers: Option<Cow<'a, [u8]>>,
    delivery_mode: Option<u8>,
    priority: Option<u8>,
    timestamp: Option<u64>,
}

impl<'a> PropertiesBuilder<'a> {
    /// Creates a builder without fields.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn name(mut self, name: Name, text: &'a [u8]) -> Self {
        if let Some(slot) = self.names.get_mut(name as usize) {
            *slot = Some(text);
        }
        self
    }

    /// Sets the MIME type of the body.
    #[must_use]
    pub fn content_type(self, text: &'a str) -> Self {
        self.name(Name::ContentType, text.as_bytes())
    }

    /// Sets how the body is encoded.
    #[must_use]
    pub fn content_encoding(self, text: &'a str) -> Self {
        self.name(Name::ContentEncoding, text.as_bytes())
    }

    /// Sets the headers.
    #[must_use]
    pub fn headers(mut self, headers: &'a FieldTable) -> Self {
        self.headers = Some(headers.as_bytes().into());
        self
    }

    /// Sets whether the broker writes the message to disk, in a durable queue: 2 for yes, 1 for no.
    #[must_use]
    pub fn delivery_mode(mut self, mode: u8) -> Self {
        self.delivery_mode = Some(mode);
        self
    }

    /// Sets the priority.
    #[must_use]
    pub fn priority(mut self, priority: u8) -> Self {
        self.priority = Some(priority);
        self
    }

    /// Sets the id by which a reply finds its request. It may be any bytes, as a reply repeats what its request said.
    #[must_use]
    pub fn correlation_id(self, id: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        self.name(Name::CorrelationId, id.as_ref())
    }

    /// Sets the queue to which a reply goes.
    #[must_use]
    pub fn reply_to(self, queue: &'a str) -> Self {
        self.name(Name::ReplyTo, queue.as_bytes())
    }

    /// Sets how long the message may wait in a queue: milliseconds, as digits.
    #[must_use]
    pub fn expiration(self, milliseconds: &'a str) -> Self {
        self.name(Name::Expiration, milliseconds.as_bytes())
    }

    /// Sets the id of the message.
    #[must_use]
    pub fn message_id(self, id: &'a str) -> Self {
        self.name(Name::MessageId, id.as_bytes())
    }

    /// Sets the time, in seconds since 1970.
    #[must_use]
    pub fn timestamp(mut self, seconds: u64) -> Self {
        self.timestamp = Some(seconds);
        self
    }

    /// Sets the type of the message.
    #[must_use]
    pub fn kind(self, kind: &'a str) -> Self {
        self.name(Name::Type, kind.as_bytes())
    }

    /// Sets the user. RabbitMQ closes the channel if it is not the user who publishes.
    #[must_use]
    pub fn user_id(self, user: &'a str) -> Self {
        self.name(Name::UserId, user.as_bytes())
    }

    /// Sets the program that publishes the message.
    #[must_use]
    pub fn app_id(self, program: &'a str) -> Self {
        self.name(Name::AppId, program.as_bytes())
    }

    /// Builds the properties.
    ///
    /// # Errors
    ///
    /// Fails if a text takes more than 255 bytes.
    pub fn build(&self) -> Result<Properties, InvalidArgument> {
        let names = self.names.iter().flatten();
        if let Some(long) = names.clone().find(|text| text.len() > MAX_NAME) {
            return Err(InvalidArgument::NameTooLong { what: "a property", bytes: long.len() });
        }
        let headers = self.headers.as_ref().map_or(0, |headers| headers.len() + 4);
        let length = 12 + headers + names.map(|text| text.len() + 1).sum::<usize>();
        let mut out = Vec::with_capacity(length);
        out.extend_from_slice(&[0, 0]);
        let mut flags = 0;
        for (name, text) in Name::ALL.into_iter().zip(self.names) {
            let before = out.len();
            match name {
                Name::Headers => {
                    self.headers.iter().for_each(|headers| put_long(&mut out, headers));
                }
                Name::DeliveryMode => out.extend(self.delivery_mode),
                Name::Priority => out.extend(self.priority),
                Name::Timestamp => {
                    out.extend(self.timestamp.iter().flat_map(|it| it.to_be_bytes()));
                }
                _ => text.into_iter().for_each(|text| put_short(&mut out, text)),
            }
            if out.len() > before {
                flags |= name.flag();
            }
        }
        out.splice(..2, u16::to_be_bytes(flags));
        Ok(Properties(out.into()))
    }
}

/// Sets all fields of received properties, byte by byte as they came, except the reserved `cluster-id`.
impl<'a> From<&'a Properties> for PropertiesBuilder<'a> {
    fn from(properties: &'a Properties) -> Self {
        let mut builder = Self::new();
        for name in Name::ALL {
            let Some(value) = properties.field(name) else { continue };
            match name {
                Name::Headers => builder.headers = Some(value.into()),
                Name::DeliveryMode => builder.delivery_mode = value.first().copied(),
                Name::Priority => builder.priority = value.first().copied(),
                Name::Timestamp => builder.timestamp = properties.timestamp(),
                Name::ClusterId => {}
                _ => builder = builder.name(name, value),
            }
        }
        builder
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Field;

    fn headers(names: &[&str]) -> FieldTable {
        let mut headers = FieldTable::new();
        for name in names {
            headers.insert(name, Field::Text("x")).unwrap();
        }
        headers
    }

    fn all(headers: &FieldTable) -> PropertiesBuilder<'_> {
        PropertiesBuilder::new()
            .app_id("g")
            .user_id("someone")
            .kind("f")
            .timestamp(5)
            .message_id("e")
            .expiration("4")
            .reply_to("d")
            .correlation_id("c")
            .priority(3)
            .delivery_mode(2)
            .headers(headers)
            .content_encoding("b")
            .content_type("a")
    }

    #[test]
    fn every_field_comes_back_as_it_was_set() {
        let headers = headers(&["h"]);
        let properties = all(&headers).build().unwrap();
        let text = |text: Option<Text<'_>>| text.unwrap().as_str().unwrap().to_owned();
        assert_eq!(text(properties.content_type()), "a");
        assert_eq!(text(properties.content_encoding()), "b");
        assert_eq!(text(properties.header("h").unwrap().as_text()), "x");
        assert_eq!((properties.delivery_mode(), properties.priority()), (Some(2), Some(3)));
        assert_eq!(text(properties.correlation_id()), "c");
        assert_eq!(text(properties.reply_to()), "d");
        assert_eq!(text(properties.expiration()), "4");
        assert_eq!(text(properties.message_id()), "e");
        assert_eq!(properties.timestamp(), Some(5));
        assert_eq!(text(properties.kind()), "f");
        assert_eq!(text(properties.user_id()), "someone");
        assert_eq!(text(properties.app_id()), "g");
        assert!(!properties.is_malformed());
        assert_eq!(PropertiesBuilder::from(&properties).build().unwrap(), properties);
    }

    #[test]
    fn a_text_that_is_too_long_is_refused() {
        let long = "x".repeat(256);
        let error = PropertiesBuilder::new().reply_to(&long).build().unwrap_err();
        assert_eq!(error.to_string(), "a property takes 256 bytes, and AMQP takes 255");
        assert!(PropertiesBuilder::new().reply_to(&long[1..]).build().is_ok());
    }

    #[test]
    fn properties_that_are_cut_short_are_malformed() {
        let headers = headers(&["h"]);
        let whole = all(&headers).build().unwrap();
        for length in 0..whole.as_bytes().len() {
            let cut = Properties(whole.0.slice(..length));
            assert!(cut.is_malformed(), "{length}");
            assert_eq!(cut.app_id(), None);
            let _ = PropertiesBuilder::from(&cut).build();
        }
        assert!(Properties(Bytes::from_static(&[0, 1])).is_malformed(), "more flags");
        assert!(Properties(Bytes::from_static(&[0, 0, 0])).is_malformed(), "more bytes");
        assert!(!Properties::default().is_malformed());
    }
}
