//! Values of a body that take no more memory than their text several times over: lists and
//! objects of tiny things would take a tree sixteen times as large.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value as Json};

/// How many parts of lists and objects are kept.
const MOST_PARTS: usize = 10_000;

/// How many parts may still be kept.
#[derive(Debug)]
pub(crate) struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(MOST_PARTS)
    }
}

impl Room {
    fn take(&mut self) -> bool {
        let fits = self.0 > 0;
        self.0 = self.0.saturating_sub(1);
        fits
    }
}

/// Reads a value, whose lists and objects end where there is no room for more: that is far behind
/// where anything is refused for its length that has a meaning.
pub(crate) struct Bounded<'a>(pub(crate) &'a mut Room);

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Json, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut kept = Vec::new();
        while self.0.take() {
            match list.next_element_seed(Bounded(self.0))? {
                Some(value) => kept.push(value),
                None => return Ok(Json::Array(kept)),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Json::Array(kept))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Json, A::Error> {
        let mut kept = Map::new();
        while self.0.take() {
            match object.next_key::<String>()? {
                Some(name) => {
                    let value = object.next_value_seed(Bounded(self.0))?;
                    kept.insert(name, value);
                }
                None => return Ok(Json::Object(kept)),
            }
        }
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Json::Object(kept))
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Number::from_f64(value).map_or(Json::Null, Json::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Json {
        let mut input = serde_json::Deserializer::from_str(text);
        let value = Bounded(&mut Room::default())
            .deserialize(&mut input)
            .unwrap();
        input.end().unwrap();
        value
    }

    fn parts(value: &Json) -> usize {
        match value {
            Json::Array(list) => list.iter().map(|value| 1 + parts(value)).sum(),
            Json::Object(object) => object.values().map(|value| 1 + parts(value)).sum(),
            _ => 0,
        }
    }

    #[test]
    fn a_value_is_what_it_is() {
        let value = json!({"a": [null, true, -1, 2, 0.5, "x", {"b": {}}, []], "c": u64::MAX});
        assert_eq!(read(&value.to_string()), value);
    }

    #[test]
    fn of_a_large_value_the_first_parts_are_kept() {
        let long = read(&json!(vec![0; 1_000_000]).to_string());
        assert_eq!(long, json!(vec![0; MOST_PARTS]));
        let wide = read(&json!(vec![json!({"a": [0, 0], "b": {}}); 100_000]).to_string());
        assert!(parts(&wide) <= MOST_PARTS);
        let object = (0..100_000).map(|n| (n.to_string(), json!([n])));
        let object = read(&Json::Object(object.collect()).to_string());
        assert!((MOST_PARTS / 2..=MOST_PARTS).contains(&parts(&object)));
    }
}
