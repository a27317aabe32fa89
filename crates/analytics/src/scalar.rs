//! Single values of JSON as texts.

use serde_json::Value;

/// A value as JavaScript would print it; `None` for lists and objects.
pub(crate) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Null => Some("null".to_owned()),
        Value::Number(number) if number.is_f64() => {
            let number = number.as_f64()?;
            Some(ryu_js::Buffer::new().format(number).to_owned())
        }
        Value::Number(number) => Some(number.to_string()),
        Value::Array(_) | Value::Object(_) => None,
    }
}
