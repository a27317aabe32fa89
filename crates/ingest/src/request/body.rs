//! The body of a request, read in two steps: first who sends it and what it is, so that strangers
//! learn nothing of it; then the rest.
//!
//! Real SDKs cut texts in the middle of an emoji. What is left of one is no character, but no
//! reason to refuse an event either: it is taken out before anything is read.

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer as _,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Value as Json, value::RawValue};

use crate::request::bounded::{Bounded, Room};

/// A name that no key may have: what reads it as JavaScript does would get a changed object.
pub(crate) const PROTOTYPE: &str = "__proto__";

/// Whether a name would be that one where it is kept: there is no NUL in what is kept.
pub(crate) fn is_prototype(name: &str) -> bool {
    let kept = name.chars().filter(|&c| c != '\0');
    kept.eq(PROTOTYPE.chars())
}

/// The same of a name with dots, and of what is between them: what reads it as a path gets there.
pub fn has_prototype(name: &str) -> bool {
    name.split('.').any(is_prototype)
}

/// Why a body cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotJson {
    /// The body is not UTF-8 text.
    #[error("must be UTF-8")]
    NotText,
    /// The body is not JSON, for this reason.
    #[error("must be JSON: {0}")]
    Malformed(String),
    /// It is JSON of another kind.
    #[error("must be an object")]
    NotAnObject,
    /// It has a key called `__proto__`.
    #[error("must not have a key called {PROTOTYPE}")]
    Prototype,
}

/// The text of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body<'a>(Cow<'a, str>);

impl<'a> Body<'a> {
    /// The text of these bytes, without the byte-order mark that some programs write before it.
    ///
    /// # Errors
    /// When they are not UTF-8.
    pub fn new(bytes: &'a [u8]) -> Result<Self, NotJson> {
        let text = std::str::from_utf8(without_byte_order_mark(bytes))
            .map_err(|_where| NotJson::NotText)?;
        Ok(Self(without_lone_surrogates(text)))
    }

    /// The text of the body.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands at the top. All of the body is read, so that it is JSON after this.
    ///
    /// # Errors
    /// When it is no JSON, or no object.
    pub fn envelope(&self) -> Result<Envelope<'_>, NotJson> {
        let mut input = serde_json::Deserializer::from_str(&self.0);
        let envelope = input.deserialize_map(EnvelopeVisitor).map_err(not_json)?;
        input.end().map_err(not_json)?;
        envelope.ok_or(NotJson::Prototype)
    }
}

/// The same bytes behind the byte-order mark of UTF-8, where there is one.
fn without_byte_order_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes)
}

pub(crate) fn not_json(error: serde_json::Error) -> NotJson {
    if error.is_data() {
        NotJson::NotAnObject
    } else {
        NotJson::Malformed(error.to_string())
    }
}

/// What stands at the top of a body. What is not there is null.
#[derive(Debug, Default)]
pub struct Envelope<'a> {
    /// What kind of request it is.
    pub kind: Json,
    /// The payload of the request, as JSON that is not read yet.
    pub payload: Option<&'a RawValue>,
    /// Who sends it, when the headers do not tell.
    pub client_id: Json,
    /// The secret, when the headers do not tell.
    pub client_secret: Json,
    /// For which project, when the client has none of its own.
    pub project_id: Json,
    /// Who did it; some SDKs put it here.
    pub profile_id: Json,
}

struct EnvelopeVisitor;

impl<'de> Visitor<'de> for EnvelopeVisitor {
    /// None when a key is called [`PROTOTYPE`].
    type Value = Option<Envelope<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let (mut envelope, mut is_clean) = (Envelope::default(), true);
        let mut room = Room::default();
        while let Some(key) = object.next_key::<Cow<'de, str>>()? {
            is_clean &= !is_prototype(&key);
            match &*key {
                "type" => envelope.kind = object.next_value_seed(Bounded(&mut room))?,
                "payload" => envelope.payload = Some(object.next_value()?),
                "clientId" => envelope.client_id = object.next_value_seed(Bounded(&mut room))?,
                "clientSecret" => {
                    envelope.client_secret = object.next_value_seed(Bounded(&mut room))?
                }
                "projectId" => envelope.project_id = object.next_value_seed(Bounded(&mut room))?,
                "profileId" => envelope.profile_id = object.next_value_seed(Bounded(&mut room))?,
                _ => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(is_clean.then_some(envelope))
    }
}

/// Takes out escapes that are one half of a pair: JSON allows them, texts do not.
fn without_lone_surrogates(text: &str) -> Cow<'_, str> {
    let mut kept = String::new();
    let (mut from, mut at) = (0, 0);
    while let Some(found) = text[at..].find('\\') {
        at += found;
        let length = match surrogate(&text[at..]) {
            Some(Half::High) if surrogate(&text[at + 6..]) == Some(Half::Low) => 12,
            Some(_) => {
                kept.push_str(&text[from..at]);
                from = at + 6;
                6
            }
            // Whatever is escaped: another backslash above all.
            None => 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
        };
        at += length;
    }
    if from == 0 {
        return Cow::Borrowed(text);
    }
    kept.push_str(&text[from..]);
    Cow::Owned(kept)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    High,
    Low,
}

/// Which half of a pair the text begins with, if any.
fn surrogate(text: &str) -> Option<Half> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xD800..=0xDBFF => Some(Half::High),
        0xDC00..=0xDFFF => Some(Half::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn halves_of_pairs_are_taken_out() {
        for (text, expected) in [
            (r#""a""#, r#""a""#),
            (r#""\ud83d""#, r#""""#),
            (r#""a\ud83db""#, r#""ab""#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\uD83D\uDE00\uDE00""#, r#""\uD83D\uDE00""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\\\ud83d""#, r#""\\""#),
            (r#""\ud83"#, r#""\ud83"#),
            ("\\", "\\"),
            ("\\ä", "\\ä"),
        ] {
            assert_eq!(without_lone_surrogates(text), expected);
        }
    }

    #[test]
    fn of_what_stands_twice_the_last_counts() {
        let text = br#"{"type": "a", "payload": {"x": "\ud83d"}, "type": "track", "clientId": 1}"#;
        let body = Body::new(text).unwrap();
        let envelope = body.envelope().unwrap();
        assert_eq!(envelope.kind, json!("track"));
        assert_eq!(envelope.client_id, json!(1));
        assert_eq!(envelope.payload.unwrap().get(), r#"{"x": ""}"#);
        assert_eq!(envelope.client_secret, Json::Null);
    }

    #[test]
    fn what_is_no_object_is_told() {
        for (bytes, is_json) in [
            (&b"[]"[..], true),
            (b"\"text\"", true),
            (b"null", true),
            (b"", false),
            (b"{", false),
            (b"{} {}", false),
            (b"{\"a\":}", false),
        ] {
            let error = Body::new(bytes).unwrap().envelope().unwrap_err();
            assert_eq!(error == NotJson::NotAnObject, is_json, "{error:?}");
        }
        assert_eq!(Body::new(b"\"\xff\"").unwrap_err(), NotJson::NotText);
    }

    proptest! {
        #[test]
        fn any_json_text_can_be_read_after_it(text in ".*", halves in prop::collection::vec(0xD7F0_u16..0xE010, 0..8)) {
            let mut json = Json::from(text).to_string();
            let mut at = 1;
            for half in halves {
                json.insert_str(at, &format!("\\u{half:04x}"));
                at = json.len() - 1;
            }
            let body = Body::new(json.as_bytes()).unwrap();
            prop_assert!(serde_json::from_str::<String>(body.as_str()).is_ok());
        }
    }
}
