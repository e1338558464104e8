//! The attributes that `#[endpoint]` consumes, and those that look like one of them.

use strsim::osa_distance;
use syn::punctuated::Punctuated;
use syn::{Meta, Path, Token};

/// The attributes that `#[endpoint]` consumes.
pub(crate) const ENDPOINT_ATTRS: [&str; 4] = ["expected", "since", "rpc", "local"];

/// An attribute that looks like one of `#[endpoint]`.
pub(crate) enum LookAlike {
    /// `#[rpc_core::since]`. Only `expected` is a macro and may have a path.
    Qualified(&'static str),
    /// `#[expect(SomeType)]`, the compiler's attribute for lints.
    Expect,
    /// `#[cfg_attr(…, since(…))]`.
    Conditional(&'static str),
    /// `#[expeted]`.
    Misspelt,
}

/// Returns whether `#[endpoint]` removes the attribute: its own attributes, and those that it
/// reports as look-alikes.
pub(crate) fn is_consumed(meta: &Meta) -> bool {
    endpoint_attr_name(meta.path()).is_some() || look_alike(meta).is_some()
}

/// Returns the name of the endpoint attribute with this path, if it is one.
pub(crate) fn endpoint_attr_name(path: &Path) -> Option<&'static str> {
    let last = path.segments.last()?;
    let name = ENDPOINT_ATTRS.into_iter().find(|name| last.ident == name)?;
    // `since`, `rpc` and `local` are not macros. A path that ends with one of these names is an
    // attribute of another crate.
    (path.segments.len() == 1 || name == "expected").then_some(name)
}

/// Returns which endpoint attribute this one looks like, if any.
pub(crate) fn look_alike(meta: &Meta) -> Option<LookAlike> {
    let segments = &meta.path().segments;
    let (first, last) = (segments.first()?, segments.last()?.ident.to_string());
    if segments.len() > 1 {
        let ours = first.ident == "rpc_core" || first.ident == "rpc_macros";
        let name = ENDPOINT_ATTRS.into_iter().find(|name| *name == last && *name != "expected")?;
        return ours.then_some(LookAlike::Qualified(name));
    }
    match last.as_str() {
        "expect" => names_types(meta).then_some(LookAlike::Expect),
        "cfg_attr" => conditional(meta).map(LookAlike::Conditional),
        "expected" => None,
        name => (osa_distance(name, "expected") <= 2).then_some(LookAlike::Misspelt),
    }
}

/// Returns whether the arguments contain a type. The names of lints begin with a lower-case letter.
fn names_types(meta: &Meta) -> bool {
    let Meta::List(list) = meta else { return false };
    let paths = Punctuated::<Path, Token![,]>::parse_terminated;
    let is_type = |path: &Path| {
        let last = path.segments.last().map(|segment| segment.ident.to_string());
        last.is_some_and(|last| last.starts_with(char::is_uppercase))
    };
    list.parse_args_with(paths).is_ok_and(|paths| paths.iter().any(is_type))
}

/// Returns the endpoint attribute that a `cfg_attr` would add.
fn conditional(meta: &Meta) -> Option<&'static str> {
    let Meta::List(list) = meta else { return None };
    let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()?;
    parts.iter().skip(1).find_map(|added| endpoint_attr_name(added.path()))
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn slips_of_the_finger_are_near() {
        for near in ["expeted", "exepcted", "expectd", "expects", "Expected", "expectedd"] {
            assert!(osa_distance(near, "expected") <= 2, "{near}");
        }
        for far in ["inline", "must_use", "deprecated", "test", "instrument", "except_all"] {
            assert!(osa_distance(far, "expected") > 2, "{far}");
        }
    }

    #[test]
    fn attributes_of_others_stay() {
        let stays = |meta: Meta| !is_consumed(&meta);
        assert!(stays(parse_quote!(expect(dead_code, clippy::todo))));
        assert!(stays(parse_quote!(cfg_attr(unix, inline))));
        assert!(stays(parse_quote!(other::rpc(name = "a"))));
        assert!(stays(parse_quote!(doc = "since")));
        assert!(!stays(parse_quote!(rpc_core::expected(NotFound))));
        assert!(!stays(parse_quote!(since("1.0"))));
    }
}
