//! TLS. The broker's certificate and host name are always verified.

#[cfg(any(feature = "tls-ring", feature = "tls-aws-lc-rs"))]
mod rustls;
#[cfg(not(any(feature = "tls-ring", feature = "tls-aws-lc-rs")))]
mod without;

#[cfg(any(feature = "tls-ring", feature = "tls-aws-lc-rs"))]
pub(super) use self::rustls::Connector;
#[cfg(not(any(feature = "tls-ring", feature = "tls-aws-lc-rs")))]
pub(super) use self::without::Connector;
