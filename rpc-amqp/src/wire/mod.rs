//! The bytes of AMQP 0-9-1: frames, methods, properties and tables. Knows no connection and no channel.
//!
//! What the broker sends is read without recursion and without a copy: names are slices, tables and property lists stay
//! encoded until one of their fields is asked for.

pub(crate) mod client_method;
pub(crate) mod frame;
#[cfg(test)]
mod oracle;
pub(crate) mod properties;
pub(crate) mod reader;
pub(crate) mod server_method;
pub(crate) mod table;
pub(crate) mod text;

/// The bytes of an AMQP structure end early, or do not mean anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// The longest name in bytes: names are AMQP's short strings, whose length is one byte.
pub const MAX_NAME: usize = 255;

/// Appends a short string.
///
/// The caller has checked that it takes at most [`MAX_NAME`] bytes. What is longer is cut, so that a mistake cannot break
/// the frame.
pub(crate) fn put_short(out: &mut Vec<u8>, text: &[u8]) {
    let text = text.get(..MAX_NAME).unwrap_or(text);
    // At most `MAX_NAME`, which fits.
    out.push(text.len() as u8);
    out.extend_from_slice(text);
}

/// Appends a long string.
pub(crate) fn put_long(out: &mut Vec<u8>, bytes: &[u8]) {
    let bytes = bytes.get(..u32::MAX as usize).unwrap_or(bytes);
    // Cut to what fits.
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
}
