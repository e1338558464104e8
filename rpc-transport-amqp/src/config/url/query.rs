//! The options in a URL's query.

use super::partial::PartialConfig;
use super::scheme::Scheme;
use super::suggest::suggest;
use super::value::OptionValue;
use super::{options, oslo_options, percent};

/// An option's name, and what sets it.
pub(super) type Entry =
    (&'static str, fn(&mut PartialConfig, &OptionValue<'_>) -> Result<(), String>);

/// Sets the options of the query. As in Python, a `+` is a space, and an option without a value counts as missing.
pub(super) fn apply(partial: &mut PartialConfig, query: &str) -> Result<(), String> {
    let mut seen = Vec::new();
    for pair in query.split('&') {
        let Some((name, text)) = pair.split_once('=').filter(|(_, text)| !text.is_empty()) else {
            continue;
        };
        let name = percent::decode(&name.replace('+', " "), "an option's name")?;
        let text = percent::decode(&text.replace('+', " "), "an option's value")?;
        // oslo.messaging joins the values with commas, which only strings survive.
        if seen.contains(&name) {
            return Err(format!("the option `{name}` is given twice"));
        }
        set(partial, &OptionValue { name: &name, text: &text })?;
        seen.push(name);
    }
    Ok(())
}

fn set(partial: &mut PartialConfig, value: &OptionValue<'_>) -> Result<(), String> {
    let is_oslo = partial.scheme.is_oslo();
    let oslo_options: &[Entry] = if is_oslo { oslo_options::OPTIONS } else { &[] };
    let mut entries = options::OPTIONS.iter().chain(oslo_options);
    if let Some((_, set)) = entries.find(|(name, _)| *name == value.name) {
        return set(partial, value);
    }
    if is_oslo && let Some(known) = oslo_options::IGNORED.iter().find(|name| **name == value.name) {
        partial.config.ignored_options.push(known);
        return Ok(());
    }
    Err(unknown(partial.scheme, value.name))
}

/// Returns the error for an unknown option. It leaves the value out, which may be a secret.
fn unknown(scheme: Scheme, name: &str) -> String {
    let own = options::OPTIONS.iter().map(|(name, _)| *name);
    let oslo = oslo_options::OPTIONS
        .iter()
        .map(|(name, _)| *name)
        .chain(oslo_options::IGNORED.iter().copied());
    if scheme.is_oslo() {
        return match suggest(name, own.chain(oslo)) {
            Some(known) => did_you_mean(name, known),
            None => format!(
                "unknown option `{name}`: it is neither in oslo.messaging's group \
                 `oslo_messaging_rabbit` nor an option of this transport"
            ),
        };
    }
    let all = || own.clone().collect::<Vec<_>>().join(", ");
    if oslo.clone().any(|known| known == name) {
        return format!("the option `{name}` is for `rabbit://`; the options here are {}", all());
    }
    match suggest(name, own.clone()) {
        Some(known) => did_you_mean(name, known),
        None => format!("unknown option `{name}`; the options are {}", all()),
    }
}

fn did_you_mean(name: &str, known: &str) -> String {
    format!("unknown option `{name}`; did you mean `{known}`?")
}
