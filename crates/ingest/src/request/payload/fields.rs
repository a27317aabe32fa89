//! The fields of a payload, taken one by one; and what is wrong with them.

mod stored;

use std::{collections::BTreeMap, fmt, ops::RangeInclusive};

use paneld_domain::{
    PathStep, Problem, Timestamp,
    bounds::{self, MOST_PROPERTY_BYTES},
    parse_timestamp,
};
use paneld_enrich::Network;
use serde::{
    Deserializer as _,
    de::{DeserializeSeed as _, IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Number, Value as Json};
use uuid::Uuid;

use crate::{
    NotJson, Properties, PropertiesSeed,
    request::{
        body::{is_prototype, not_json},
        bounded::{Bounded, Room},
        properties::{LONGEST_VALUE, NOT_AN_OBJECT},
    },
};

/// How many bytes an id may have.
const LONGEST_ID: usize = bounds::LONGEST_ID;
/// How many bytes a text of an imported row may have that is no value.
pub(crate) const LONGEST_TEXT: usize = 255;
/// How many fields an object may have, beside its properties.
const MOST_FIELDS: usize = 1_000;
/// How many groups may be named at once.
const MOST_TEXTS: usize = bounds::MOST_GROUPS;

/// Properties with a meaning of their own (`docs/contract/track.md` §4.4), which are not kept under
/// these names.
const RESERVED: &[&str] = &[
    "__path",
    "__referrer",
    "__timestamp",
    "__revenue",
    "__ip",
    "__deviceId",
    "__identify",
    "__bot",
    "__bot_reasons",
    "__bounce",
    OF_NETWORKS[0],
    OF_NETWORKS[1],
    OF_NETWORKS[2],
];

/// All of them, or this would not compile.
const OF_NETWORKS: [&str; 3] = Network::PROPERTIES;

/// The fields of a payload. A field that is null is not there, nor is one that is a blank text:
/// typed SDKs send it for what they do not have.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    values: BTreeMap<String, Json>,
    properties: Properties,
    problems: Vec<Problem>,
}

impl Fields {
    /// Reads an object. Of two fields with the same name, the later one.
    pub(crate) fn read(text: &str) -> Result<Self, NotJson> {
        let mut input = serde_json::Deserializer::from_str(text);
        let fields = input.deserialize_map(FieldsVisitor).map_err(not_json)?;
        input.end().map_err(not_json)?;
        Ok(fields)
    }

    /// Fields of something that is none at all.
    pub(super) fn wrong(why: String) -> Self {
        Self {
            problems: vec![Problem::at([], why)],
            ..Self::default()
        }
    }

    /// Puts a field in that stood beside the payload, unless it is there.
    pub(super) fn lift(&mut self, name: &str, value: &Json) {
        let is_there = self.values.get(name).is_some_and(|there| !is_absent(there));
        if !is_there && !value.is_null() {
            self.values.insert(name.to_owned(), value.clone());
        }
    }

    /// Old SDKs write some reserved names without underscores.
    pub(super) fn take_old_names(&mut self) {
        for (old, name) in [("path", "__path"), ("referrer", "__referrer")] {
            let Properties {
                values, set_aside, ..
            } = &mut self.properties;
            if let (Some(value), false) = (values.get(old), set_aside.contains_key(name)) {
                set_aside.insert(name.to_owned(), Json::from(value.as_str()));
            }
        }
    }

    /// All that is wrong, each with the way to it from the body on.
    pub(crate) fn problems(self, prefix: Option<&str>) -> Vec<Problem> {
        let of_properties = self.properties.problems.into_iter();
        let of_properties = of_properties.map(|problem| problem.within("properties"));
        let all = self.problems.into_iter().chain(of_properties);
        all.map(|problem| match prefix {
            Some(prefix) => problem.within(prefix),
            None => problem,
        })
        .collect()
    }

    /// Adds what is beyond a bound in an object that is a property; what else is wrong with it
    /// does not matter.
    pub(super) fn add_problems_of(&mut self, name: &str, inner: Self) {
        for problem in inner.problems(None) {
            if problem.message != NOT_AN_OBJECT {
                self.problems
                    .push(problem.within(name).within("properties"));
            }
        }
    }

    pub(crate) fn problem(&mut self, name: &str, message: &str) {
        self.problems.push(Problem::at([name.into()], message));
    }

    pub(super) fn problem_in_properties(&mut self, name: &str, message: &str) {
        let path = ["properties", name].map(PathStep::from);
        self.problems.push(Problem::at(path, message));
    }

    /// The properties, flat.
    pub(crate) fn properties(&mut self) -> BTreeMap<String, String> {
        std::mem::take(&mut self.properties.values)
    }

    /// The properties of a profile or a group, flat: no more than are kept of one.
    pub(super) fn kept_properties(&mut self) -> BTreeMap<String, String> {
        let properties = self.properties();
        if bounds::size_of(&properties) > MOST_PROPERTY_BYTES {
            let why = format!("must have at most {MOST_PROPERTY_BYTES} bytes of names and values");
            self.problem("properties", &why);
        }
        properties
    }

    /// A property with a meaning of its own.
    pub(super) fn reserved(&mut self, name: &str) -> Option<Json> {
        let value = self.properties.set_aside.remove(name);
        value.filter(|value| !value.is_null())
    }

    /// Such a property, when it is a text; else empty. It may be as long as any other property.
    pub(super) fn reserved_text(&mut self, name: &str) -> String {
        match self.reserved(name) {
            Some(Json::String(text)) if text.len() > LONGEST_VALUE => {
                let why = format!("must be at most {LONGEST_VALUE} bytes long");
                self.problem_in_properties(name, &why);
                String::new()
            }
            Some(Json::String(text)) => without_nul(text),
            _ => String::new(),
        }
    }

    /// Keeps such a property like all others after all, where its meaning is not wanted.
    pub(super) fn keep(&mut self, name: &str, value: Json) {
        let one = Json::Object([(name.to_owned(), value)].into_iter().collect());
        let seed = PropertiesSeed { set_aside: &[] };
        // A value that was read once can be read again.
        let kept = seed.deserialize(one).unwrap_or_default();
        self.properties.values.extend(kept.values);
        self.properties.problems.extend(kept.problems);
    }

    /// A field, unless it is null.
    fn take_told(&mut self, name: &str) -> Option<Json> {
        self.values.remove(name).filter(|value| !value.is_null())
    }

    /// A field, whatever it is.
    pub(crate) fn take(&mut self, name: &str) -> Option<Json> {
        self.values.remove(name).filter(|value| !is_absent(value))
    }

    /// A text. It may be as long as the value of a property.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        let told = self.take(name)?;
        if !told.is_string() {
            self.problem(name, "must be a text");
        }
        self.short(name, told)
    }

    /// The same, of the length of a name.
    pub(super) fn name(&mut self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        self.demand_name(name, &text).then_some(text)
    }

    /// A text where it is one.
    pub(super) fn lenient_text(&mut self, name: &str) -> Option<String> {
        let told = self.take(name)?;
        self.short(name, told)
    }

    /// The same, of the length of a name.
    pub(super) fn lenient_name(&mut self, name: &str) -> Option<String> {
        let text = self.lenient_text(name)?;
        self.demand_name(name, &text).then_some(text)
    }

    /// A text, if it is one and not too long. A blank one is not there.
    fn short(&mut self, name: &str, told: Json) -> Option<String> {
        match told {
            Json::String(text) if text.len() <= LONGEST_VALUE => {
                Some(without_nul(text)).filter(|text| !text.trim().is_empty())
            }
            Json::String(_) => {
                self.problem(name, &format!("must be at most {LONGEST_VALUE} bytes long"));
                None
            }
            _ => None,
        }
    }

    fn demand_name(&mut self, name: &str, text: &str) -> bool {
        let is_name = bounds::is_name(text);
        if !is_name {
            self.problem(name, "must be at most 255 characters long");
        }
        is_name
    }

    /// A text that must be there, and have a character at least.
    pub(crate) fn required_text(&mut self, name: &str) -> Option<String> {
        let message = match self.take_told(name) {
            Some(Json::String(text)) => match without_nul(text) {
                text if text.is_empty() => "must not be empty",
                text => return Some(text),
            },
            Some(_) => "must be a text",
            None => "is required",
        };
        self.problem(name, message);
        None
    }

    /// The same, of the length of a name.
    pub(crate) fn required_name(&mut self, name: &str) -> Option<String> {
        let text = self.required_text(name)?;
        self.demand_name(name, &text);
        Some(text)
    }

    /// An id: a text, or a number. An empty one is not there.
    pub(crate) fn id(&mut self, name: &str) -> Option<String> {
        let told = self.take_told(name)?;
        match as_id(told) {
            Some(id) if id.is_empty() => None,
            Some(id) if id.len() > LONGEST_ID => {
                self.problem(name, "must be at most 255 bytes long");
                None
            }
            Some(id) => Some(id),
            None => {
                self.problem(name, "must be a text or a number");
                None
            }
        }
    }

    pub(super) fn required_id(&mut self, name: &str) -> Option<String> {
        let problems = self.problems.len();
        let id = self.id(name);
        if id.is_none() && self.problems.len() == problems {
            self.problem(name, "is required");
        }
        id
    }

    /// A list of ids; or one, which is a list of one.
    pub(crate) fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        let list = match self.take(name)? {
            Json::Array(list) => list,
            one => vec![one],
        };
        if list.len() > MOST_TEXTS {
            self.problem(name, "must be at most 500");
            return Some(Vec::new());
        }
        let mut texts = Vec::with_capacity(list.len());
        for (index, told) in list.into_iter().enumerate() {
            match as_id(told) {
                Some(text) if (1..=LONGEST_ID).contains(&text.len()) => texts.push(text),
                _ => {
                    let path = [name.into(), index.into()];
                    let why = "must be a text of 1 to 255 bytes";
                    self.problems.push(Problem::at(path, why));
                }
            }
        }
        Some(texts)
    }

    /// A UUID.
    pub(crate) fn uuid(&mut self, name: &str) -> Option<Uuid> {
        let told = self.take(name)?;
        let uuid = told.as_str().and_then(|text| text.parse().ok());
        if uuid.is_none() {
            self.problem(name, "must be a UUID");
        }
        uuid
    }

    /// A number above zero.
    pub(super) fn number_above_zero(&mut self, name: &str) -> Option<f64> {
        let told = self.take(name)?;
        let number = as_number(&told).filter(|number| *number > 0.0);
        if number.is_none() {
            self.problem(name, "must be a number above 0");
        }
        number
    }

    /// A whole number up to 65,535 that must be there.
    pub(super) fn count(&mut self, name: &str, least: u16) -> Option<u16> {
        let told = self.take(name).unwrap_or_default();
        let number = told.as_u64().and_then(|number| u16::try_from(number).ok());
        let number = number.filter(|number| *number >= least);
        if number.is_none() {
            self.problem(
                name,
                &format!("must be a whole number from {least} to 65535"),
            );
        }
        number
    }

    /// A truth value that must be there.
    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        let flag = self.take(name).and_then(|told| told.as_bool());
        if flag.is_none() {
            self.problem(name, "must be true or false");
        }
        flag
    }

    /// A moment in UTC that must be there, and be one of these.
    pub(super) fn moment(
        &mut self,
        name: &str,
        near: &RangeInclusive<Timestamp>,
    ) -> Option<Timestamp> {
        let told = self.take(name).unwrap_or_default();
        let in_utc = told.as_str().filter(|text| text.ends_with('Z'));
        let moment = in_utc.and_then(|text| parse_timestamp(text).ok());
        match moment {
            Some(moment) if near.contains(&moment) => return Some(moment),
            Some(_) => self.problem(name, "must be at most a day away from now"),
            None => self.problem(name, "must be an ISO 8601 date-time in UTC, ending with Z"),
        }
        None
    }
}

pub(super) fn is_absent(value: &Json) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// Whole minor units, as a number or as the text of one.
pub(super) fn amount(told: &Json) -> Option<u64> {
    let of_number = |number: &Number| number.as_u64().or_else(|| whole(number.as_f64()?));
    match told {
        Json::Number(number) => of_number(number),
        Json::String(text) => {
            let text = text.trim();
            let number = || serde_json::from_str(text).ok();
            text.parse().ok().or_else(|| of_number(&number()?))
        }
        _ => None,
    }
}

/// As far as every program can count: 2^53.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "only what is whole, and not negative, and small enough"
)]
fn whole(number: f64) -> Option<u64> {
    let fits = number.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&number);
    fits.then_some(number as u64)
}

/// A number, or the text of one.
fn as_number(told: &Json) -> Option<f64> {
    match told {
        Json::String(text) => text
            .trim()
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite()),
        told => told.as_f64(),
    }
}

fn as_id(told: Json) -> Option<String> {
    match told {
        Json::String(text) => Some(without_nul(text)),
        // JavaScript knows no difference between 42.0 and 42.
        Json::Number(number) if number.is_f64() => {
            let mut text = ryu_js::Buffer::new();
            Some(text.format(number.as_f64()?).to_owned())
        }
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A database of ours has no such character in its texts.
fn without_nul(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "")
    } else {
        text
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::default();
        let (mut room, mut has_too_many) = (Room::default(), false);
        while let Some(name) = object.next_key::<String>()? {
            if is_prototype(&name) {
                object.next_value::<IgnoredAny>()?;
                fields.problem(&name, "must not have this name");
            } else if name == "properties" {
                let seed = PropertiesSeed {
                    set_aside: RESERVED,
                };
                fields.properties = object.next_value_seed(seed)?;
            } else if fields.values.len() < MOST_FIELDS {
                let value = object.next_value_seed(Bounded(&mut room))?;
                fields.values.insert(name, value);
            } else {
                object.next_value::<IgnoredAny>()?;
                has_too_many = true;
            }
        }
        if has_too_many {
            let why = format!("must have at most {MOST_FIELDS} fields");
            fields.problems.push(Problem::at([], why));
        }
        Ok(fields)
    }
}
