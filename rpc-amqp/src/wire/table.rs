//! Tables: the arguments of declarations, and the headers of messages.

use std::fmt;

use super::reader::Reader;
use super::text::Text;
use super::{MAX_NAME, Malformed, put_long, put_short};
use crate::InvalidArgument;

/// A table of fields, kept as its bytes.
///
/// A received table is never decoded as a whole. Tables and arrays within it are skipped by their length, so neither their
/// depth nor their content matters.
///
/// ```
/// use rpc_amqp::{Field, FieldTable};
///
/// let mut arguments = FieldTable::new();
/// arguments.insert("x-queue-type", Field::Text("quorum"))?;
/// arguments.insert("x-delivery-limit", Field::I64(20))?;
/// let mut fields = arguments.iter();
/// assert!(fields.any(|(name, _)| name.as_bytes() == b"x-delivery-limit"));
/// # Ok::<(), rpc_amqp::InvalidArgument>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct FieldTable(Vec<u8>);

/// A value to be put into a table.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Field<'a> {
    /// A truth value.
    Bool(bool),
    /// A signed integer of 64 bits, which RabbitMQ also takes for its limits and times.
    I64(i64),
    /// A long string.
    Text(&'a str),
    /// A table.
    Table(&'a FieldTable),
}

/// A value of a received table, as its type and bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'a> {
    kind: u8,
    bytes: &'a [u8],
}

impl<'a> Value<'a> {
    /// Returns the text of a long string; `None` for values of other types.
    #[must_use]
    pub fn as_text(self) -> Option<Text<'a>> {
        (self.kind == b'S').then(|| Text::new(self.bytes))
    }

    /// Returns the integer, of whatever width it is; `None` for values of other types.
    #[must_use]
    pub fn as_i64(self) -> Option<i64> {
        let mut reader = Reader::new(self.bytes);
        match self.kind {
            b'b' => reader.u8().ok().map(|value| i64::from(value.cast_signed())),
            b'B' => reader.u8().ok().map(i64::from),
            b's' => reader.u16().ok().map(|value| i64::from(value.cast_signed())),
            b'u' => reader.u16().ok().map(i64::from),
            b'I' => reader.u32().ok().map(|value| i64::from(value.cast_signed())),
            b'i' => reader.u32().ok().map(i64::from),
            b'l' | b'L' | b'T' => reader.u64().ok().map(u64::cast_signed),
            _ => None,
        }
    }

    /// Returns the fields of a table within the table; `None` for values of other types.
    #[must_use]
    pub fn as_table(self) -> Option<Fields<'a>> {
        (self.kind == b'F').then(|| Fields(Reader::new(self.bytes)))
    }
}

/// The fields of a table, in order. Ends where the bytes mean nothing.
#[derive(Debug, Clone)]
pub struct Fields<'a>(Reader<'a>);

impl<'a> Fields<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(Reader::new(bytes))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Text<'a>, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let name = Text::new(self.0.short().ok()?);
        let kind = self.0.u8().ok()?;
        let bytes = value(kind, &mut self.0).ok()?;
        Some((name, Value { kind, bytes }))
    }
}

/// Reads the bytes of one value. The types are RabbitMQ's, which differ from those of the standard.
fn value<'a>(kind: u8, reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    match kind {
        b'V' => Ok(&[]),
        b't' | b'b' | b'B' => reader.take(1),
        b's' | b'u' => reader.take(2),
        b'I' | b'i' | b'f' => reader.take(4),
        b'D' => reader.take(5),
        b'l' | b'L' | b'd' | b'T' => reader.take(8),
        b'S' | b'x' | b'F' | b'A' => reader.long(),
        _ => Err(Malformed("a field has an unknown type")),
    }
}

impl FieldTable {
    /// Creates an empty table.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Creates a table from its bytes, without the length in front.
    #[cfg(test)]
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// Adds a field at the end. Does not look for another one of the name.
    ///
    /// # Errors
    ///
    /// Fails if the name takes more than 255 bytes.
    pub fn insert(&mut self, name: &str, value: Field<'_>) -> Result<(), InvalidArgument> {
        if name.len() > MAX_NAME {
            return Err(InvalidArgument::NameTooLong {
                what: "the name of a field",
                bytes: name.len(),
            });
        }
        let out = &mut self.0;
        put_short(out, name.as_bytes());
        match value {
            Field::Bool(value) => out.extend_from_slice(&[b't', value.into()]),
            Field::I64(value) => {
                out.push(b'l');
                out.extend_from_slice(&value.to_be_bytes());
            }
            Field::Text(text) => {
                out.push(b'S');
                put_long(out, text.as_bytes());
            }
            Field::Table(table) => {
                out.push(b'F');
                put_long(out, &table.0);
            }
        }
        Ok(())
    }

    /// Returns the fields in order.
    #[must_use]
    pub fn iter(&self) -> Fields<'_> {
        Fields::new(&self.0)
    }

    /// Returns the first field of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value<'_>> {
        self.iter().find(|(known, _)| known.as_bytes() == name.as_bytes()).map(|(_, value)| value)
    }

    /// Returns whether there are no fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl<'a> IntoIterator for &'a FieldTable {
    type Item = (Text<'a>, Value<'a>);
    type IntoIter = Fields<'a>;

    fn into_iter(self) -> Fields<'a> {
        self.iter()
    }
}

impl fmt::Debug for FieldTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_every_type_are_passed_over() {
        let mut bytes = Vec::new();
        let values: [(u8, &[u8]); 16] = [
            (b't', &[1]),
            (b'b', &[0xff]),
            (b'B', &[0xff]),
            (b's', &[0xff; 2]),
            (b'u', &[0xff; 2]),
            (b'I', &[0xff; 4]),
            (b'i', &[0xff; 4]),
            (b'l', &[0xff; 8]),
            (b'f', &[0; 4]),
            (b'd', &[0; 8]),
            (b'D', &[0; 5]),
            (b'T', &[0; 8]),
            (b'S', &[0, 0, 0, 1, 0xff]),
            (b'x', &[0, 0, 0, 1, 0xff]),
            (b'A', &[0, 0, 0, 2, b'A', 0xff]),
            (b'V', &[]),
        ];
        for (kind, value) in values {
            put_short(&mut bytes, &[kind]);
            bytes.push(kind);
            bytes.extend_from_slice(value);
        }
        let table = FieldTable::from_bytes(&bytes);
        let names: Vec<_> = table.iter().map(|(name, _)| name.as_bytes()[0]).collect();
        assert_eq!(names, values.map(|(kind, _)| kind));
        let integers: Vec<_> = table.iter().filter_map(|(_, value)| value.as_i64()).collect();
        assert_eq!(integers, [-1, 255, -1, 65_535, -1, 4_294_967_295, -1, 0]);
    }

    #[test]
    fn a_table_ends_where_its_bytes_mean_nothing() {
        let mut table = FieldTable::new();
        table.insert("a", Field::I64(1)).unwrap();
        table.insert("b", Field::Text("x")).unwrap();
        let whole = table.as_bytes().to_vec();
        for length in 0..whole.len() {
            assert!(FieldTable::from_bytes(&whole[..length]).iter().count() < 2);
        }
        let mut unknown = whole;
        unknown.extend_from_slice(&[1, b'c', b'?', 0]);
        assert_eq!(FieldTable::from_bytes(&unknown).iter().count(), 2);
    }
}
