//! Settings from a URL: `amqp://` and `amqps://` for programs that all run this crate, `rabbit://` for an OpenStack
//! `transport_url`, read as oslo.messaging reads it.

mod draft;
mod hosts;
mod near;
mod options;
mod oslo;
mod percent;
mod query;
mod shown;
mod value;

use rpc_core::transport::ConnectError;

use self::draft::Draft;
use self::shown::shown;
use crate::config::{Config, Form};

/// How characters with a meaning in URLs are written where they have none.
const ENCODE: &str = "percent-encode such characters in user name, password and virtual host: `/` \
                      as `%2F`, `?` as `%3F`, `#` as `%23`, `@` as `%40`, `,` as `%2C`, `:` as \
                      `%3A`, `%` as `%25`";

/// The longest text of AMQP's short strings, in bytes.
const SHORT_STRING: usize = 255;

/// The settings that `url` asks for, and the defaults of its form for the rest.
pub(crate) fn parse(url: &str) -> Result<Config, ConnectError> {
    // Shell and files like to add a line end.
    let url = url.trim();
    settings(url).map_err(|reason| ConnectError::new(&shown(url), reason))
}

/// A URL that is told apart but not decoded yet.
struct Parts<'a> {
    form: Form,
    tls: bool,
    authority: &'a str,
    virtual_host: &'a str,
    query: &'a str,
}

fn settings(url: &str) -> Result<Config, String> {
    let parts = Parts::of(url)?;
    let default_port = if parts.tls { 5671 } else { 5672 };
    let (hosts, guests) = hosts::parse(parts.authority, default_port)?;
    let mut draft = Draft::new(parts.form, hosts, virtual_host(&parts)?);
    draft.tls_on = parts.tls;
    if let Some(warning) = guests {
        draft.config.warnings.push(warning);
    }
    query::apply(&mut draft, parts.query)?;
    draft.settle()
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Result<Self, String> {
        let (form, tls, rest) = scheme(url)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, behind) = rest.split_at(end);
        // oslo.messaging takes an `@` in virtual hosts. Here it is more likely the end of a password that holds one of
        // these characters, and half of that password would show as the virtual host from now on.
        if behind.contains('@') {
            return Err(format!("an `@` stands behind the first `/`, `?` or `#`: {ENCODE}"));
        }
        if behind.contains('#') {
            return Err(format!("a `#` stands in it, which begins nothing here: {ENCODE}"));
        }
        let (path, query) = behind.split_once('?').unwrap_or((behind, ""));
        let virtual_host = path.strip_prefix('/').unwrap_or(path);
        Ok(Self { form, tls, authority, virtual_host, query })
    }
}

fn scheme(url: &str) -> Result<(Form, bool, &str), String> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    match scheme.to_ascii_lowercase().as_str() {
        "amqp" => Ok((Form::Native, false, rest)),
        "amqps" => Ok((Form::Native, true, rest)),
        "rabbit" => Ok((Form::Oslo, false, rest)),
        _ => Err("it must begin with `amqp://`, `amqps://` or, where oslo.messaging takes part, \
                  `rabbit://`"
            .to_owned()),
    }
}

fn virtual_host(parts: &Parts<'_>) -> Result<String, String> {
    let mut name = percent::decode(parts.virtual_host, "the virtual host")?;
    if parts.form == Form::Oslo {
        // oslo.messaging decodes it and hands it to a library that decodes it again.
        name = percent::decode(&name, "the virtual host")?;
    }
    if name.is_empty() {
        return Ok("/".to_owned());
    }
    short(&name, "the virtual host")?;
    Ok(name)
}

/// Refuses what AMQP's short strings cannot carry.
fn short(text: &str, what: &str) -> Result<(), String> {
    if text.len() <= SHORT_STRING {
        return Ok(());
    }
    Err(format!("{what} has {} bytes; AMQP carries at most {SHORT_STRING}", text.len()))
}

#[cfg(test)]
mod tests;
