//! URLs in errors.

use super::hosts;

/// Returns `url` without what is or may be secret: user names, passwords and option values. Where the hosts cannot be
/// parsed, a password may be anywhere, so everything after the scheme is left out.
pub(super) fn redact(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) else {
        return "…".to_owned();
    };
    let (users, rest) = match rest.rsplit_once('@') {
        Some((_, rest)) => ("…@", rest),
        None => ("", rest),
    };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let authority = rest.split('/').next().unwrap_or_default();
    match hosts::parse(authority, 0) {
        Ok(_) => format!("{scheme}://{users}{rest}"),
        Err(_) => format!("{scheme}://…"),
    }
}

fn is_scheme(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
