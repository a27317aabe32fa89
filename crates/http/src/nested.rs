//! Properties as the objects that they were when they were tracked.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

/// Properties with dots in their names, as the objects that they were. Where a name is both a
/// value and the begin of others, the others win.
pub(crate) fn nested(properties: &BTreeMap<String, String>) -> Map<String, Json> {
    let mut root = Map::new();
    for (name, value) in properties {
        put(&mut root, name, value);
    }
    root
}

fn put(object: &mut Map<String, Json>, name: &str, value: &str) {
    let Some((first, rest)) = name.split_once('.') else {
        object.insert(name.to_owned(), json!(value));
        return;
    };
    let entry = object.entry(first).or_insert_with(|| json!({}));
    if !entry.is_object() {
        *entry = json!({});
    }
    if let Json::Object(inner) = entry {
        put(inner, rest, value);
    }
}
