//! Hosts with their credentials.

use std::net::Ipv6Addr;

use super::{ENCODING_HINT, percent};
use crate::config::{Credentials, Host, Secret};

/// Parses `user:password@host:port,…`, with a warning if only some of the hosts have credentials.
///
/// As in oslo.messaging, the host is `localhost` if there is none, and missing credentials are `guest`, whatever those of
/// the other hosts are.
pub(super) fn parse(
    authority: &str,
    default_port: u16,
) -> Result<(Vec<Host>, Option<String>), String> {
    let texts: Vec<_> = authority.split(',').filter(|text| !text.is_empty()).collect();
    if texts.is_empty() {
        let name = "localhost".to_owned();
        let credentials = Credentials::default();
        return Ok((vec![Host { name, port: default_port, credentials }], None));
    }
    let hosts = texts.iter().map(|text| host(text, default_port)).collect::<Result<_, _>>()?;
    let without = texts.iter().filter(|text| !text.contains('@')).count();
    let warning = (without != 0 && without != texts.len()).then(|| {
        format!(
            "{without} of {} hosts have no credentials in the URL, so `guest` is used for them: \
             credentials belong to one host each",
            texts.len()
        )
    });
    Ok((hosts, warning))
}

fn host(text: &str, default_port: u16) -> Result<Host, String> {
    // A second `@` belongs to the user or the password.
    let (credentials, address) = match text.rsplit_once('@') {
        Some((user, address)) => (credentials(user)?, address),
        None => (Credentials::default(), text),
    };
    let (name, port) = name_and_port(address)?;
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(format!(
            "a host name is missing or contains white space; otherwise, {ENCODING_HINT}"
        ));
    }
    let port = match port {
        Some(port) => port_number(port)?,
        None => default_port,
    };
    Ok(Host { name: name.to_owned(), port, credentials })
}

fn credentials(text: &str) -> Result<Credentials, String> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let mut credentials = Credentials::default();
    if !user.is_empty() {
        credentials.user = percent::decode(user, "a user name")?;
    }
    if !password.is_empty() {
        credentials.password = Secret::new(percent::decode(password, "a password")?);
    }
    Ok(credentials)
}

fn name_and_port(address: &str) -> Result<(&str, Option<&str>), String> {
    let literal = if let Some(bracketed) = address.strip_prefix('[') {
        match bracketed.split_once(']') {
            Some((name, "")) => Some((name, None)),
            Some((name, port)) => port.strip_prefix(':').map(|port| (name, Some(port))),
            None => None,
        }
    } else if address.matches(':').count() > 1 {
        // Without brackets a port looks like a last group, so there is none.
        Some((address, None))
    } else {
        return Ok(address.split_once(':').map_or((address, None), |(n, p)| (n, Some(p))));
    };
    // A link-local address may have a zone: `fe80::1%eth0`.
    let is_ip =
        |name: &str| name.split('%').next().is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok());
    literal.filter(|(name, _)| is_ip(name)).ok_or_else(|| {
        format!(
            "an IPv6 address must be written as `[::1]` or `[::1]:5672`; otherwise, {ENCODING_HINT}"
        )
    })
}

// The text may be part of a password, where its `@` is missing or a `/` in it ended the host, so it is not quoted.
fn port_number(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(port) if port != 0 => Ok(port),
        _ => Err(format!("a port is not a number from 1 to 65535; otherwise, {ENCODING_HINT}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(authority: &str) -> Vec<(String, u16)> {
        let (hosts, _) = parse(authority, 5672).unwrap();
        hosts.into_iter().map(|host| (host.name, host.port)).collect()
    }

    fn users(authority: &str) -> Vec<(String, String)> {
        let (hosts, _) = parse(authority, 5672).unwrap();
        let pair = |c: Credentials| (c.user, c.password.reveal().to_owned());
        hosts.into_iter().map(|host| pair(host.credentials)).collect()
    }

    fn pairs<T>(pairs: &[(&str, T)]) -> Vec<(String, T)>
    where
        T: Copy,
    {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), *b)).collect()
    }

    #[test]
    fn several_hosts_keep_their_order_and_their_ports() {
        let expected = pairs(&[("one", 5672), ("two", 1234)]);
        assert_eq!(addresses("a:b@one,c:d@two:1234"), expected);
        assert_eq!(addresses("one,,two:1234,"), expected);
    }

    #[test]
    fn no_host_is_this_machine() {
        assert_eq!(addresses(""), pairs(&[("localhost", 5672)]));
    }

    #[test]
    fn ipv6_addresses_are_read_with_and_without_brackets() {
        assert_eq!(
            addresses("[::1]:99,[fe80::1%eth0]"),
            pairs(&[("::1", 99), ("fe80::1%eth0", 5672)])
        );
        assert_eq!(addresses("2001:db8::7"), pairs(&[("2001:db8::7", 5672)]));
        for wrong in ["[::1", "[::1]5672", "[one]:5672", "a:b:c"] {
            assert!(parse(wrong, 5672).unwrap_err().contains("[::1]"), "{wrong}");
        }
    }

    #[test]
    fn each_host_has_its_own_credentials_and_guest_fills_the_gaps() {
        let own = |user: &str, password: &str| (user.to_owned(), password.to_owned());
        assert_eq!(
            users("ada:x@one,bob@two,three,:y@four"),
            [own("ada", "x"), own("bob", "guest"), own("guest", "guest"), own("guest", "y")]
        );
    }

    #[test]
    fn credentials_are_decoded_and_may_hold_at_signs_and_colons() {
        let own = |user: &str, password: &str| (user.to_owned(), password.to_owned());
        assert_eq!(users("a%40b:%2F%3a%C3%A4@h"), [own("a@b", "/:ä")]);
        assert_eq!(users("ada:p@ss:word@h"), [own("ada", "p@ss:word")]);
        assert_eq!(users("ada:100%@h"), [own("ada", "100%")]);
        assert!(parse("ada:%ff@h", 5672).unwrap_err().contains("a password is not UTF-8"));
    }

    #[test]
    fn hosts_with_and_without_credentials_draw_a_warning() {
        let (_, warning) = parse("ada:secret@one,two", 5672).unwrap();
        let warning = warning.unwrap();
        assert!(warning.contains("1 of 2 hosts") && !warning.contains("secret"), "{warning}");
        assert_eq!(parse("a:b@one,c:d@two", 5672).unwrap().1, None);
        assert_eq!(parse("one,two", 5672).unwrap().1, None);
    }

    #[test]
    fn invalid_addresses_are_rejected() {
        for wrong in ["a:b@", ":5672", "one:", "one:0", "one:65536", "one:-1", "o ne", "a:b@ one"] {
            assert!(parse(wrong, 5672).is_err(), "{wrong}");
        }
    }
}
