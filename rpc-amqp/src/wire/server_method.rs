//! Methods that the broker sends.

use std::sync::Arc;

use super::Malformed;
use super::reader::Reader;
use super::text::Text;
use crate::{BrokerError, Error};

/// A method from the broker. Methods that are of no use to this client are not listed, and so are an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerMethod<'a> {
    Start { mechanisms: Text<'a> },
    Secure,
    Tune { channel_max: u16, frame_max: u32, heartbeat: u16 },
    OpenOk,
    ConnectionClose(Close<'a>),
    ConnectionCloseOk,
    Blocked { reason: Text<'a> },
    Unblocked,
    UpdateSecretOk,
    ChannelOpenOk,
    Flow { active: bool },
    ChannelClose(Close<'a>),
    ChannelCloseOk,
    ExchangeDeclareOk,
    ExchangeDeleteOk,
    QueueDeclareOk { name: Text<'a>, messages: u32, consumers: u32 },
    QueueBindOk,
    QueueUnbindOk,
    QueueDeleteOk { messages: u32 },
    QosOk,
    ConsumeOk { tag: Text<'a> },
    Cancel { tag: Text<'a> },
    CancelOk { tag: Text<'a> },
    Return { code: u16, text: Text<'a>, exchange: Text<'a>, routing_key: Text<'a> },
    Deliver(Deliver<'a>),
    Ack { tag: u64, multiple: bool },
    Nack { tag: u64, multiple: bool },
    SelectOk,
}

/// Why the broker closes a channel or the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Close<'a> {
    pub(crate) code: u16,
    pub(crate) text: Text<'a>,
    pub(crate) class: u16,
    pub(crate) method: u16,
}

impl Close<'_> {
    /// Returns the error of everybody who used what is closed.
    pub(crate) fn to_error(self, closes_connection: bool) -> Error {
        Error::Broker(Arc::new(BrokerError {
            closes_connection,
            code: self.code,
            text: self.text.to_string_lossy().into_owned(),
            class: self.class,
            method: self.method,
        }))
    }
}

/// The method in front of a delivered message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deliver<'a> {
    pub(crate) consumer: Text<'a>,
    pub(crate) tag: u64,
    pub(crate) redelivered: bool,
    pub(crate) exchange: Text<'a>,
    pub(crate) routing_key: Text<'a>,
}

/// Reads the payload of a method frame.
///
/// # Errors
///
/// Fails if it is cut short or not a method that this client knows. More bytes than expected are ignored, as a later revision
/// could add arguments.
pub(crate) fn read(payload: &[u8]) -> Result<ServerMethod<'_>, Malformed> {
    let mut reader = Reader::new(payload);
    let r = &mut reader;
    let (class, method) = (r.u16()?, r.u16()?);
    Ok(match (class, method) {
        (10, 10) => start(r)?,
        (10, 20) => ServerMethod::Secure,
        (10, 30) => {
            ServerMethod::Tune { channel_max: r.u16()?, frame_max: r.u32()?, heartbeat: r.u16()? }
        }
        (10, 41) => ServerMethod::OpenOk,
        (10, 50) => ServerMethod::ConnectionClose(close(r)?),
        (10, 51) => ServerMethod::ConnectionCloseOk,
        (10, 60) => ServerMethod::Blocked { reason: short(r)? },
        (10, 61) => ServerMethod::Unblocked,
        (10, 71) => ServerMethod::UpdateSecretOk,
        (20, 11) => ServerMethod::ChannelOpenOk,
        (20, 20) => ServerMethod::Flow { active: bit(r)? },
        (20, 40) => ServerMethod::ChannelClose(close(r)?),
        (20, 41) => ServerMethod::ChannelCloseOk,
        (40, 11) => ServerMethod::ExchangeDeclareOk,
        (40, 21) => ServerMethod::ExchangeDeleteOk,
        (50, 11) => ServerMethod::QueueDeclareOk {
            name: short(r)?,
            messages: r.u32()?,
            consumers: r.u32()?,
        },
        (50, 21) => ServerMethod::QueueBindOk,
        (50, 41) => ServerMethod::QueueDeleteOk { messages: r.u32()? },
        (50, 51) => ServerMethod::QueueUnbindOk,
        (60, 11) => ServerMethod::QosOk,
        (60, 21) => ServerMethod::ConsumeOk { tag: short(r)? },
        (60, 30) => ServerMethod::Cancel { tag: short(r)? },
        (60, 31) => ServerMethod::CancelOk { tag: short(r)? },
        (60, 50) => ServerMethod::Return {
            code: r.u16()?,
            text: short(r)?,
            exchange: short(r)?,
            routing_key: short(r)?,
        },
        (60, 60) => ServerMethod::Deliver(deliver(r)?),
        (60, 80) => ServerMethod::Ack { tag: r.u64()?, multiple: bit(r)? },
        (60, 120) => ServerMethod::Nack { tag: r.u64()?, multiple: r.u8()? & 1 != 0 },
        (85, 11) => ServerMethod::SelectOk,
        _ => return Err(Malformed("it is a method that this client does not know")),
    })
}

fn short<'a>(reader: &mut Reader<'a>) -> Result<Text<'a>, Malformed> {
    reader.short().map(Text::new)
}

fn bit(reader: &mut Reader<'_>) -> Result<bool, Malformed> {
    Ok(reader.u8()? & 1 != 0)
}

fn start<'a>(reader: &mut Reader<'a>) -> Result<ServerMethod<'a>, Malformed> {
    let (_major, _minor, _properties) = (reader.u8()?, reader.u8()?, reader.long()?);
    let mechanisms = Text::new(reader.long()?);
    let _locales = reader.long()?;
    Ok(ServerMethod::Start { mechanisms })
}

fn close<'a>(reader: &mut Reader<'a>) -> Result<Close<'a>, Malformed> {
    let (code, text) = (reader.u16()?, short(reader)?);
    Ok(Close { code, text, class: reader.u16()?, method: reader.u16()? })
}

fn deliver<'a>(reader: &mut Reader<'a>) -> Result<Deliver<'a>, Malformed> {
    let consumer = short(reader)?;
    let (tag, redelivered) = (reader.u64()?, bit(reader)?);
    Ok(Deliver {
        consumer,
        tag,
        redelivered,
        exchange: short(reader)?,
        routing_key: short(reader)?,
    })
}
