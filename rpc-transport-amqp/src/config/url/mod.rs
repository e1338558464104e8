//! Configuration from a URL. A `rabbit://` URL is a `transport_url` of oslo.messaging, and parsed as oslo.messaging does.

mod defaults;
mod hosts;
mod options;
mod oslo_options;
mod partial;
mod percent;
mod query;
mod redact;
mod scheme;
mod suggest;
mod value;

use rpc_core::transport::ConnectError;

use self::partial::PartialConfig;
use self::redact::redact;
use self::scheme::Scheme;
use crate::config::Config;
use crate::wire::name_limits;

/// Advice for errors that an unencoded character in a password may have caused.
const ENCODING_HINT: &str = "percent-encode such characters in user name, password and virtual host: `/` \
                      as `%2F`, `?` as `%3F`, `#` as `%23`, `@` as `%40`, `,` as `%2C`, `:` as \
                      `%3A`, `%` as `%25`";

/// Parses a URL. What it does not set has the default of its scheme.
pub(crate) fn parse(url: &str) -> Result<Config, ConnectError> {
    // Shells and files tend to add a line end.
    let url = url.trim();
    parse_config(url).map_err(|reason| ConnectError::new(&redact(url), reason))
}

/// The parts of a URL, not decoded yet.
struct Parts<'a> {
    scheme: Scheme,
    authority: &'a str,
    virtual_host: &'a str,
    query: &'a str,
}

fn parse_config(url: &str) -> Result<Config, String> {
    let parts = Parts::split(url)?;
    let (hosts, warning) = hosts::parse(parts.authority, parts.scheme.default_port())?;
    let mut partial = PartialConfig::new(parts.scheme, hosts, virtual_host(&parts)?);
    partial.config.warnings.extend(warning);
    query::apply(&mut partial, parts.query)?;
    partial.finish()
}

impl<'a> Parts<'a> {
    fn split(url: &'a str) -> Result<Self, String> {
        let (scheme, rest) = Scheme::split(url)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        // oslo.messaging accepts an `@` in virtual hosts. It is more likely the end of a password that contains one of these
        // characters, and logs would show half of that password as the virtual host.
        if rest.contains('@') {
            return Err(format!(
                "there is an `@` after the first `/`, `?` or `#`: {ENCODING_HINT}"
            ));
        }
        if rest.contains('#') {
            return Err(format!(
                "there is a `#`, but fragments have no meaning here: {ENCODING_HINT}"
            ));
        }
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let virtual_host = path.strip_prefix('/').unwrap_or(path);
        Ok(Self { scheme, authority, virtual_host, query })
    }
}

fn virtual_host(parts: &Parts<'_>) -> Result<String, String> {
    let mut name = percent::decode(parts.virtual_host, "the virtual host")?;
    if parts.scheme.is_oslo() {
        // oslo.messaging decodes it and passes it to a library that decodes it again.
        name = percent::decode(&name, "the virtual host")?;
    }
    if name.is_empty() {
        return Ok("/".to_owned());
    }
    check_name(&name, "the virtual host")?;
    Ok(name)
}

/// Rejects names that AMQP cannot carry.
fn check_name(name: &str, what: &str) -> Result<(), String> {
    if name_limits::fits_short_string(name) {
        return Ok(());
    }
    Err(format!("{what} has {} bytes; AMQP allows at most {}", name.len(), name_limits::MAX_LEN))
}

#[cfg(test)]
mod tests;
