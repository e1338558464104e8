//! The schemes of URLs, and what each says.

use crate::wire::{Dialect, NATIVE, OSLO};

#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(super) enum Scheme {
    Amqp,
    Amqps,
    /// A `transport_url` of oslo.messaging.
    Rabbit,
}

impl Scheme {
    /// Splits a URL into its scheme and the rest.
    pub(super) fn split(url: &str) -> Result<(Self, &str), String> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        match scheme.to_ascii_lowercase().as_str() {
            "amqp" => Ok((Self::Amqp, rest)),
            "amqps" => Ok((Self::Amqps, rest)),
            "rabbit" => Ok((Self::Rabbit, rest)),
            _ => Err("it must begin with `amqp://`, `amqps://` or, to interoperate with \
                      oslo.messaging, `rabbit://`"
                .to_owned()),
        }
    }

    pub(super) fn dialect(self) -> &'static dyn Dialect {
        match self {
            Self::Amqp | Self::Amqps => NATIVE,
            Self::Rabbit => OSLO,
        }
    }

    pub(super) fn has_tls(self) -> bool {
        self == Self::Amqps
    }

    pub(super) fn default_port(self) -> u16 {
        if self.has_tls() { 5671 } else { 5672 }
    }

    /// Returns whether the URL is read as oslo.messaging reads it, options included.
    pub(super) fn is_oslo(self) -> bool {
        self == Self::Rabbit
    }
}
