//! Properties as they are kept: flat, and all of them text. `docs/contract/track.md` §5.3, with the
//! limits of `docs/contract/auth-and-limits.md` §5.

use std::{collections::BTreeMap, fmt};

use paneld_domain::{PathStep, Problem, bounds};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;

use crate::request::{
    body::has_prototype,
    bounded::{Bounded, Room},
};

/// How many properties there may be, after they were made flat.
const MOST: usize = bounds::MOST_PROPERTIES;
/// How deep they may be nested, the outermost object included.
const DEEPEST: usize = 10;
/// How many bytes a name may have, after it was made flat.
pub(crate) const LONGEST_KEY: usize = bounds::LONGEST_PROPERTY_NAME;
/// How many bytes a value may have.
pub(crate) const LONGEST_VALUE: usize = bounds::LONGEST_PROPERTY_VALUE;

/// What is wrong with properties that are something else.
pub(crate) const NOT_AN_OBJECT: &str = "must be an object";

/// How many problems are told: whoever sends more has them all for the same reason.
const MOST_TOLD: usize = 50;

/// Properties of an event, a profile or a group.
///
/// What is nested has a name with dots (`cart.items.0`), numbers and truth values are texts as
/// JavaScript writes them, and what is null or empty is not there.
#[derive(Debug, Default, PartialEq)]
pub struct Properties {
    /// The properties, by name. Of two with the same name, the later one.
    pub values: BTreeMap<String, String>,
    /// The properties that were to be set aside, as they came.
    pub set_aside: BTreeMap<String, Json>,
    /// What is wrong with them. Then they are incomplete.
    pub problems: Vec<Problem>,
}

/// Whether one more property is within the limits.
pub(crate) fn may_be_added(there: &BTreeMap<String, String>, name: &str, value: &str) -> bool {
    name.len() <= LONGEST_KEY
        && !has_prototype(name)
        && value.len() <= LONGEST_VALUE
        && (there.len() < MOST || there.contains_key(name))
}

/// Reads [`Properties`] straight from the text of a request: they are the most of it, and are
/// wanted as a tree by nobody. An object in the wrong form is read to its end; only what is no
/// JSON is an error.
#[derive(Debug, Clone, Copy)]
pub struct PropertiesSeed<'a> {
    /// The names of what must be set aside.
    pub set_aside: &'a [&'a str],
}

impl<'de> DeserializeSeed<'de> for PropertiesSeed<'_> {
    type Value = Properties;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Properties, D::Error> {
        let mut flat = Flat {
            names: self.set_aside,
            properties: Properties::default(),
            room: Room::default(),
            key: String::new(),
            path: Vec::new(),
        };
        input.deserialize_any(Outermost(&mut flat))?;
        Ok(flat.properties)
    }
}

/// What was read so far, and where the reader is.
struct Flat<'a> {
    names: &'a [&'a str],
    properties: Properties,
    /// For what is set aside.
    room: Room,
    key: String,
    path: Vec<PathStep>,
}

impl Flat<'_> {
    /// Goes one step in, for as long as the work takes.
    fn within<T>(&mut self, step: PathStep, work: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.key.len();
        if !self.path.is_empty() {
            self.key.push('.');
        }
        match &step {
            PathStep::Key(name) => self.key.push_str(name),
            PathStep::Index(index) => self.key.push_str(&index.to_string()),
        }
        self.path.push(step);
        let result = work(self);
        self.path.pop();
        self.key.truncate(length);
        result
    }

    fn object<'de, A: MapAccess<'de>>(&mut self, mut object: A) -> Result<(), A::Error> {
        while let Some(mut name) = object.next_key::<String>()? {
            let told = name.contains('\0').then(|| name.clone());
            // A database of ours has no such character in its texts.
            name.retain(|c| c != '\0');
            if has_prototype(&name) {
                object.next_value::<IgnoredAny>()?;
                self.path.push(PathStep::Key(told.unwrap_or(name)));
                self.problem("must not have this name".to_owned());
                self.path.pop();
            } else if self.path.is_empty() && self.names.contains(&name.as_str()) {
                let value = object.next_value_seed(Bounded(&mut self.room))?;
                self.properties.set_aside.insert(name, value);
            } else {
                let step = PathStep::Key(name);
                self.within(step, |flat| object.next_value_seed(Nested(flat)))?;
            }
        }
        Ok(())
    }

    fn list<'de, A: SeqAccess<'de>>(&mut self, mut list: A) -> Result<(), A::Error> {
        let mut index = 0;
        while let Some(()) = self.within(PathStep::Index(index), |flat| {
            list.next_element_seed(Nested(flat))
        })? {
            index += 1;
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        let text = text.replace('\0', "");
        if text.is_empty() {
            return;
        }
        if text.len() > LONGEST_VALUE {
            return self.problem(format!("must be at most {LONGEST_VALUE} bytes long"));
        }
        if self.key.len() > LONGEST_KEY {
            return self.problem(format!("must have a name of at most {LONGEST_KEY} bytes"));
        }
        let values = &mut self.properties.values;
        if let Some(value) = values.get_mut(&self.key) {
            *value = text;
        } else if values.len() < MOST {
            values.insert(self.key.clone(), text);
        } else {
            self.too_many();
        }
    }

    fn problem(&mut self, message: String) {
        if self.properties.problems.len() < MOST_TOLD {
            let path = self.path.iter().map(shortened);
            self.properties.problems.push(Problem::at(path, message));
        }
    }

    /// Told once, of all.
    fn too_many(&mut self) {
        let problem = Problem::at([], format!("must have at most {MOST} values"));
        if !self.properties.problems.contains(&problem) {
            self.properties.problems.push(problem);
        }
    }
}

/// The value of a property.
struct Nested<'f, 'a>(&'f mut Flat<'a>);

impl<'de> DeserializeSeed<'de> for Nested<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        if self.0.path.len() > DEEPEST {
            self.0
                .problem(format!("must not be nested deeper than {DEEPEST} levels"));
            return input.deserialize_any(IgnoredAny).map(drop);
        }
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<(), A::Error> {
        self.0.object(object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        self.0.list(list)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.0.text(if value { "true" } else { "false" });
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.0.text(&value.to_string());
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.0.text(&value.to_string());
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.0.text(ryu_js::Buffer::new().format(value));
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.0.text(value);
        Ok(())
    }
}

/// The object with the properties; or what SDKs send for an empty one: null, an empty list, an empty
/// text.
struct Outermost<'f, 'a>(&'f mut Flat<'a>);

impl Outermost<'_, '_> {
    fn wrong<E>(self) -> Result<(), E> {
        self.0.problem(NOT_AN_OBJECT.to_owned());
        Ok(())
    }
}

impl<'de> Visitor<'de> for Outermost<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<(), A::Error> {
        self.0.object(object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut is_empty = true;
        while let Some(IgnoredAny) = list.next_element()? {
            is_empty = false;
        }
        if is_empty { Ok(()) } else { self.wrong() }
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _value: bool) -> Result<(), E> {
        self.wrong()
    }

    fn visit_i64<E>(self, _value: i64) -> Result<(), E> {
        self.wrong()
    }

    fn visit_u64<E>(self, _value: u64) -> Result<(), E> {
        self.wrong()
    }

    fn visit_f64<E>(self, _value: f64) -> Result<(), E> {
        self.wrong()
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        if value.trim().is_empty() {
            Ok(())
        } else {
            self.wrong()
        }
    }
}

/// A name of any length must not be repeated in each problem behind it.
fn shortened(step: &PathStep) -> PathStep {
    match step {
        PathStep::Key(name) => PathStep::from(&name[..name.floor_char_boundary(LONGEST_KEY)]),
        PathStep::Index(index) => PathStep::Index(*index),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Properties {
        let mut input = serde_json::Deserializer::from_str(text);
        let set_aside = &["__path", "__identify"];
        let properties = PropertiesSeed { set_aside }.deserialize(&mut input);
        let properties = properties.unwrap();
        input.end().unwrap();
        properties
    }

    fn flat(text: &str) -> Json {
        let properties = read(text);
        assert_eq!(properties.problems, []);
        assert_eq!(properties.set_aside, BTreeMap::new());
        json!(properties.values)
    }

    fn problems(text: &str) -> Vec<(String, String)> {
        let told = read(text).problems.into_iter().map(|problem| {
            let path = problem.path.iter().map(|step| match step {
                PathStep::Key(name) => format!("/{name}"),
                PathStep::Index(index) => format!("/{index}"),
            });
            (path.collect(), problem.message)
        });
        told.collect()
    }

    #[test]
    fn what_is_nested_gets_a_name_with_dots() {
        let text = r#"{"a": {"b": 1, "c": [true, {"d": "x"}, []]}, "list": ["p", "q"], "e": {}}"#;
        let expected =
            json!({"a.b": "1", "a.c.0": "true", "a.c.1.d": "x", "list.0": "p", "list.1": "q"});
        assert_eq!(flat(text), expected);
    }

    #[test]
    fn what_is_null_or_empty_is_not_there() {
        for text in [
            r#"{"a": null, "b": "", "c": " \n\ufeff", "d": [null], "e": "\u0000"}"#,
            "{}",
            "null",
            "[]",
        ] {
            assert_eq!(flat(text), json!({}), "{text}");
        }
    }

    #[test]
    fn numbers_are_written_as_javascript_does() {
        let text = r#"{"a": 1.0, "b": 0.1, "c": 1e21, "d": -0.0, "e": 1e-7, "f": 9007199254740993,
            "g": -5, "h": 123456.789}"#;
        let expected = json!({"a": "1", "b": "0.1", "c": "1e+21", "d": "0", "e": "1e-7",
            "f": "9007199254740993", "g": "-5", "h": "123456.789"});
        assert_eq!(flat(text), expected);
    }

    #[test]
    fn texts_stay_texts() {
        let text = r#"{"a": " x ", "b": "{\"c\": 1}", "d": "[open", "e": "nul\u0000byte"}"#;
        let expected = json!({"a": "x", "b": "{\"c\": 1}", "d": "[open", "e": "nulbyte"});
        assert_eq!(flat(text), expected);
    }

    #[test]
    fn of_two_with_one_name_the_later_one_is_kept() {
        for (text, expected) in [
            (r#"{"a.b": 1, "a": {"b": 2}}"#, "2"),
            (r#"{"a": {"b": 2}, "a.b": 1}"#, "1"),
            (r#"{"a.b": 1, "a.b": 3, "a": {"b": null}}"#, "3"),
        ] {
            assert_eq!(flat(text), json!({"a.b": expected}));
        }
    }

    #[test]
    fn what_has_a_meaning_is_set_aside_at_the_top_only() {
        let properties = read(r#"{"__path": "/", "a": {"__path": "x"}, "__identify": {"p": [1]}}"#);
        assert_eq!(json!(properties.values), json!({"a.__path": "x"}));
        let expected = json!({"__path": "/", "__identify": {"p": [1]}});
        assert_eq!(json!(properties.set_aside), expected);
    }

    #[test]
    fn what_is_no_object_is_told() {
        for text in ["[1]", "true", "1", "-1", "1.5", "\"x\""] {
            assert_eq!(
                problems(text),
                [(String::new(), "must be an object".into())]
            );
        }
    }

    #[test]
    fn limits_are_told_with_the_place() {
        let long = "x".repeat(LONGEST_VALUE);
        assert_eq!(flat(&json!({"a": long}).to_string()), json!({"a": long}));
        let longer = json!({"a": ["x", long.clone() + "y"]}).to_string();
        let expected = "must be at most 16384 bytes long";
        assert_eq!(problems(&longer), [("/a/1".into(), expected.into())]);

        let half = "k".repeat(LONGEST_KEY / 2);
        let at_limit = json!({&half: {&half[1..]: 1}}).to_string();
        assert_eq!(problems(&at_limit), []);
        let beyond = json!({&half: {&half: 1}}).to_string();
        let expected = "must have a name of at most 256 bytes";
        assert_eq!(
            problems(&beyond),
            [(format!("/{half}/{half}"), expected.into())]
        );

        let nested = |levels: usize| "{\"a\":".repeat(levels) + "1" + &"}".repeat(levels);
        assert_eq!(problems(&nested(DEEPEST)), []);
        let expected = "must not be nested deeper than 10 levels";
        assert_eq!(
            problems(&nested(60)),
            [("/a".repeat(DEEPEST + 1), expected.into())]
        );

        let many = |count: usize| {
            json!(
                (0..count)
                    .map(|n| (n.to_string(), n))
                    .collect::<BTreeMap<_, _>>()
            )
        };
        assert_eq!(problems(&many(MOST).to_string()), []);
        let expected = "must have at most 500 values";
        assert_eq!(
            problems(&many(MOST + 9).to_string()),
            [(String::new(), expected.into())]
        );
    }

    #[test]
    fn what_is_told_does_not_grow_with_what_is_wrong() {
        let name = "ä".repeat(1_000);
        let told = problems(&json!({&name: vec![1; 1_000]}).to_string());
        assert_eq!(told.len(), MOST_TOLD);
        assert_eq!(told[0].0, format!("/{}/0", &name[..LONGEST_KEY]));
    }

    fn any_json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<f64>().prop_map(Json::from),
            any::<String>().prop_map(Json::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Json::from),
                prop::collection::btree_map(any::<String>(), inner, 0..8)
                    .prop_map(|object| Json::Object(object.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_json_is_read_and_reading_it_again_changes_nothing(value in any_json()) {
            let properties = read(&value.to_string());
            let again = read(&json!(properties.values).to_string());
            prop_assert_eq!(again.values, properties.values);
        }
    }
}
