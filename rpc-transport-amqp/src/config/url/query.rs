//! The query of a URL.

use super::draft::Draft;
use super::near::nearest;
use super::value::Value;
use super::{options, oslo, percent};
use crate::config::Form;

/// An option's name and what it does.
pub(super) type Entry = (&'static str, fn(&mut Draft, &Value<'_>) -> Result<(), String>);

/// Sets what the query's options say. As with Python's parser a `+` is a blank, and options without value are as if they
/// were not there.
pub(super) fn apply(draft: &mut Draft, query: &str) -> Result<(), String> {
    let mut seen = Vec::new();
    for pair in query.split('&') {
        let Some((name, text)) = pair.split_once('=').filter(|(_, text)| !text.is_empty()) else {
            continue;
        };
        let name = percent::decode(&name.replace('+', " "), "an option's name")?;
        let text = percent::decode(&text.replace('+', " "), "an option's value")?;
        // oslo.messaging joins the values with commas, and fails on the result for all but texts.
        if seen.contains(&name) {
            return Err(format!("the option `{name}` is given twice"));
        }
        set(draft, &Value { name: &name, text: &text })?;
        seen.push(name);
    }
    Ok(())
}

fn set(draft: &mut Draft, value: &Value<'_>) -> Result<(), String> {
    let theirs: &[Entry] = match draft.config.form {
        Form::Native => &[],
        Form::Oslo => oslo::OPTIONS,
    };
    let mut entries = options::OPTIONS.iter().chain(theirs);
    if let Some((_, set)) = entries.find(|(name, _)| *name == value.name) {
        return set(draft, value);
    }
    if draft.config.form == Form::Oslo
        && let Some(known) = oslo::WITHOUT_EFFECT.iter().find(|name| **name == value.name)
    {
        draft.config.ignored.push(known);
        return Ok(());
    }
    Err(unknown(draft.config.form, value.name))
}

// The value is left out: nothing is known about it, not even that it is no secret.
fn unknown(form: Form, name: &str) -> String {
    let ours = options::OPTIONS.iter().map(|(name, _)| *name);
    let theirs = oslo::OPTIONS.iter().map(|(name, _)| *name);
    let theirs = theirs.chain(oslo::WITHOUT_EFFECT.iter().copied());
    if form == Form::Native && theirs.clone().any(|known| known == name) {
        return format!(
            "the option `{name}` is for `rabbit://`; here there are {}",
            ours.collect::<Vec<_>>().join(", ")
        );
    }
    let near = match form {
        Form::Native => nearest(name, ours.clone()),
        Form::Oslo => nearest(name, ours.clone().chain(theirs)),
    };
    match (near, form) {
        (Some(near), _) => format!("there is no option `{name}`; perhaps `{near}` is meant"),
        (None, Form::Native) => {
            let ours = ours.collect::<Vec<_>>().join(", ");
            format!("there is no option `{name}`; there are {ours}")
        }
        (None, Form::Oslo) => format!(
            "there is no option `{name}`, neither in oslo.messaging's group \
             `oslo_messaging_rabbit` nor of this transport"
        ),
    }
}
