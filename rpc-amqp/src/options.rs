//! Settings of a connection.

use std::fmt;
use std::time::Duration;

/// Settings of a connection.
///
/// ```
/// use std::time::Duration;
/// use rpc_amqp::{Login, Options};
///
/// let login = Login::Plain { user: "guest".into(), password: "guest".into() };
/// let options = Options { heartbeat: Duration::from_secs(10), ..Options::new(login) };
/// assert_eq!(options.virtual_host, "/");
/// ```
#[derive(Debug, Clone)]
pub struct Options {
    /// How to log in.
    pub login: Login,
    /// The virtual host; `/` by default.
    pub virtual_host: String,
    /// What the broker's operator sees as the connection's name; the crate's name by default.
    pub name: String,
    /// The wanted heartbeat interval, in whole seconds; 60 s by default. The shorter of this and the broker's is used. Zero: the
    /// broker's.
    pub heartbeat: Duration,
    /// The largest frame in bytes; 128 KiB by default. The smaller of this and the broker's is used. RabbitMQ resets the connection
    /// if it is less than 4,096, since version 4.1 if it is less than 8,192.
    pub frame_max: u32,
    /// How many channels may be open; 2,047 by default. The smaller of this and the broker's is used.
    pub channel_max: u16,
    /// The largest body of a delivery in bytes; 16 MiB by default. Larger ones are discarded while they arrive; see
    /// [`Delivery::oversized`](crate::Delivery::oversized).
    pub max_body: usize,
}

/// How to log in. Its `Debug` form shows no password.
#[derive(Clone)]
#[non_exhaustive]
pub enum Login {
    /// User and password, as one text.
    Plain {
        /// The user.
        user: String,
        /// Its password, or a token.
        password: String,
    },
    /// User and password, as a table.
    AmqPlain {
        /// The user.
        user: String,
        /// Its password, or a token.
        password: String,
    },
    /// By what the stream proves already, such as a certificate.
    External,
}

impl Options {
    /// Creates the default settings.
    #[must_use]
    pub fn new(login: Login) -> Self {
        Self {
            login,
            virtual_host: "/".to_owned(),
            name: env!("CARGO_PKG_NAME").to_owned(),
            heartbeat: Duration::from_secs(60),
            frame_max: 128 * 1024,
            channel_max: 2047,
            max_body: 16 * 1024 * 1024,
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain { user, .. } => {
                f.debug_struct("Plain").field("user", user).finish_non_exhaustive()
            }
            Self::AmqPlain { user, .. } => {
                f.debug_struct("AmqPlain").field("user", user).finish_non_exhaustive()
            }
            Self::External => f.write_str("External"),
        }
    }
}
