//! What commands print: tables for people, and for scripts the JSON of the Manage API.

use comfy_table::Table;
use serde::Serialize;
use serde_json::{Value as Json, json};

/// What a command has to say.
pub(super) enum Output {
    /// A list, of whose things a table shows these fields.
    List(&'static [&'static str], Vec<Json>),
    /// One thing, of which a table shows all fields, these first.
    Thing(&'static [&'static str], Json),
    /// That it is done.
    Done(String),
}

impl Output {
    pub(super) fn list(
        columns: &'static [&'static str],
        things: impl Iterator<Item = impl Serialize>,
    ) -> anyhow::Result<Self> {
        let things = things.map(serde_json::to_value).collect::<Result<_, _>>();
        Ok(Self::List(columns, things?))
    }

    pub(super) fn thing(
        columns: &'static [&'static str],
        thing: impl Serialize,
    ) -> anyhow::Result<Self> {
        Ok(Self::Thing(columns, serde_json::to_value(thing)?))
    }

    pub(super) fn render(self, as_json: bool) -> anyhow::Result<String> {
        if as_json {
            let value = match self {
                Self::List(_, things) => Json::Array(things),
                Self::Thing(_, thing) => thing,
                Self::Done(_) => json!({"success": true}),
            };
            return Ok(serde_json::to_string_pretty(&value)? + "\n");
        }
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        match self {
            Self::List(_, things) if things.is_empty() => return Ok("There are none.\n".to_owned()),
            Self::List(columns, things) => {
                table.set_header(columns);
                for thing in things {
                    table.add_row(columns.iter().map(|name| plain(&thing[name])));
                }
            }
            Self::Thing(columns, thing) => {
                let others = thing.as_object().into_iter().flat_map(|thing| thing.keys());
                let others = others.map(String::as_str);
                let others = others.filter(|name| !columns.contains(name));
                for name in columns.iter().copied().chain(others) {
                    table.add_row([name.to_owned(), plain(&thing[name])]);
                }
            }
            Self::Done(sentence) => return Ok(format!("{sentence}\n")),
        }
        Ok(format!("{}\n", table.trim_fmt()))
    }
}

fn plain(value: &Json) -> String {
    match value {
        Json::Null => "-".to_owned(),
        Json::String(text) => without_controls(text),
        other => other.to_string(),
    }
}

/// A text whose control characters are spelled out: names come from API clients, and must not
/// steer the operator's terminal.
fn without_controls(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            plain.extend(character.escape_default());
        } else {
            plain.push(character);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        let name = json!("x\u{1b}]0;pwn\u{7}\u{9b}2J\nfake row 🚀");
        let shown = plain(&name);
        assert!(!shown.contains(char::is_control), "{shown:?}");
        assert!(shown.contains("🚀"));
    }
}
