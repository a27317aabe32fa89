//! What is sent to change a profile, and what is shown of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

use deserr::{Deserr, IntoValue, Map as _, Sequence as _, Value, ValueKind, ValuePointerRef};
use paneld_analytics::Shown;
use paneld_domain::{InvalidValue, Profile, ProfileEdit, bounds};
use paneld_service::ingest::{has_prototype, is_email, is_picture};
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::{
    ToSchema,
    openapi::{
        Object, ObjectBuilder, Schema,
        schema::{SchemaType, Type},
    },
};

use crate::{
    decode::{Blank, Body, Maybe, Problems, Text, wrong_kind, wrong_value},
    openapi::schemas::{NO_NUL, any_of, e_mail, ids, matching, name_or_empty, or_null, picture},
    reply::WireTime,
};

/// A profile.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Profile, example = json!({
    "id": "anna", "firstName": "Anna", "lastName": "Berg", "email": "anna@example.com",
    "avatar": "", "properties": {"plan": "pro"}, "groups": ["acme"], "leftOut": 0,
    "createdAt": "2026-01-15T10:30:00.000Z", "lastSeenAt": "2026-01-15T10:30:00.000Z"
}))]
pub(crate) struct ProfileBody {
    id: String,
    first_name: String,
    last_name: String,
    email: String,
    avatar: String,
    properties: BTreeMap<String, String>,
    groups: BTreeSet<String>,
    /// How many values and groups were not kept since it was last changed by hand, because it has
    /// as much as is kept of one.
    left_out: u64,
    #[schema(value_type = String, format = DateTime)]
    created_at: WireTime,
    #[schema(value_type = String, format = DateTime)]
    last_seen_at: WireTime,
    /// True when it has more properties or groups than this answer has room for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    cut: bool,
}

impl From<Shown<Profile>> for ProfileBody {
    fn from(shown: Shown<Profile>) -> Self {
        let Shown {
            row: profile,
            is_cut,
        } = shown;
        Self {
            id: profile.id,
            first_name: profile.first_name,
            last_name: profile.last_name,
            email: profile.email,
            avatar: profile.avatar,
            properties: profile.properties,
            groups: profile.groups,
            left_out: profile.left_out,
            created_at: WireTime(profile.created_at),
            last_seen_at: WireTime(profile.last_seen_at),
            cut: is_cut,
        }
    }
}

/// What to change of a profile; absent fields stay as they are.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Problems, rename_all = camelCase)]
#[schema(rename_all = "camelCase", example = json!({"properties": {"plan": "pro", "old": null}}))]
pub(crate) struct UpdateProfile {
    /// Null or empty clears it.
    #[deserr(default)]
    #[schema(schema_with = name_or_null, required = false)]
    first_name: Maybe<Blank<ShortText>>,
    /// Null or empty clears it.
    #[deserr(default)]
    #[schema(schema_with = name_or_null, required = false)]
    last_name: Maybe<Blank<ShortText>>,
    /// Null or empty clears it.
    #[deserr(default)]
    #[schema(schema_with = e_mail_or_null, required = false)]
    email: Maybe<Blank<Email>>,
    /// A URL, which may hold the picture itself, or a path on a site of yours; null or empty clears
    /// it.
    #[deserr(default)]
    #[schema(schema_with = picture_or_null, required = false)]
    avatar: Maybe<Blank<Picture>>,
    /// Texts, numbers or truth values by name; null or an empty text removes one. All others stay.
    #[deserr(default)]
    #[schema(schema_with = property_edits, required = false)]
    properties: Maybe<PropertyEdits>,
    /// All groups it belongs to from now on.
    #[deserr(default)]
    #[schema(schema_with = ids, required = false)]
    groups: Maybe<GroupIds>,
}

fn name_or_null() -> Schema {
    or_null(name_or_empty())
}

fn e_mail_or_null() -> Schema {
    or_null(any_of([e_mail(), nothing()]))
}

fn picture_or_null() -> Schema {
    or_null(any_of([picture(), nothing()]))
}

/// The empty text.
fn nothing() -> Object {
    matching("^$")
}

/// What properties become, by name; null removes one.
fn property_edits() -> Object {
    let kinds = vec![Type::String, Type::Number, Type::Boolean, Type::Null];
    // In bytes these are four times as much at most.
    let value = ObjectBuilder::new()
        .schema_type(SchemaType::Array(kinds))
        .pattern(Some(NO_NUL))
        .max_length(Some(bounds::LONGEST_PROPERTY_VALUE / 4));
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property_names(Some(matching(r"^[^\u0000]{1,64}$")))
        .additional_properties(Some(value))
        .build()
}

impl Body for UpdateProfile {
    fn decode(json: Json) -> Result<Self, Problems> {
        deserr::deserialize(json)
    }
}

impl From<UpdateProfile> for ProfileEdit {
    fn from(body: UpdateProfile) -> Self {
        Self {
            first_name: text(body.first_name),
            last_name: text(body.last_name),
            email: text(body.email),
            avatar: text(body.avatar),
            properties: body.properties.0.map(|edits| edits.0).unwrap_or_default(),
            groups: body.groups.0.map(|groups| groups.0),
        }
    }
}

/// What a field becomes; empty when it is cleared.
fn text<T: Into<String>>(field: Maybe<Blank<T>>) -> Option<String> {
    let Blank(text) = field.0?;
    Some(text.map(Into::into).unwrap_or_default())
}

/// Declares a text that is checked. `$check` tells what is wrong with it.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        struct $name(String);

        impl FromStr for $name {
            type Err = InvalidValue;

            fn from_str(text: &str) -> Result<Self, InvalidValue> {
                let check: fn(&str) -> Option<&'static str> = $check;
                let why = if text.contains('\0') {
                    Some("must not contain NUL")
                } else {
                    check(text)
                };
                match why {
                    Some(why) => Err(InvalidValue::new(why)),
                    None => Ok(Self(text.to_owned())),
                }
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }
    };
}

checked_text!(
    /// A name.
    ShortText,
    |text| (!bounds::is_name(text)).then_some("must be at most 255 characters")
);

checked_text!(
    /// An e-mail address.
    Email,
    |text| match bounds::is_name(text) {
        false => Some("must be at most 255 characters"),
        true => (!is_email(text)).then_some("must be an e-mail address"),
    }
);

checked_text!(
    /// The URL of a picture.
    Picture,
    |text| match text.len() <= bounds::LONGEST_PROPERTY_VALUE {
        false => Some("must be at most 16384 bytes long"),
        true => (!is_picture(text)).then_some("must be a URL"),
    }
);

checked_text!(
    /// The id of a group.
    GroupId,
    |text| match text.len() {
        1..=bounds::LONGEST_ID => None,
        _ => Some("must be a text of 1 to 255 bytes"),
    }
);

checked_text!(
    /// The name of a property.
    PropertyName,
    |text| match text.len() {
        _ if has_prototype(text) => Some("must not have this name"),
        1..=bounds::LONGEST_PROPERTY_NAME => None,
        _ => Some("must have a name of 1 to 256 bytes"),
    }
);

checked_text!(
    /// The value of a property.
    PropertyValue,
    |text| (text.len() > bounds::LONGEST_PROPERTY_VALUE)
        .then_some("must be at most 16384 bytes long")
);

/// The ids of all groups of a profile.
#[derive(Debug)]
struct GroupIds(BTreeSet<String>);

impl Deserr<Problems> for GroupIds {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef<'_>,
    ) -> Result<Self, Problems> {
        if let Value::Sequence(entries) = &value
            && entries.len() > bounds::MOST_GROUPS
        {
            return wrong_value(
                &InvalidValue::new("must have at most 500 entries"),
                location,
            );
        }
        let ids = Vec::<Text<GroupId>>::deserialize_from_value(value, location)?;
        Ok(Self(ids.into_iter().map(|Text(id)| id.into()).collect()))
    }
}

/// What becomes of properties; nothing of those that are removed.
#[derive(Debug)]
struct PropertyEdits(BTreeMap<String, Option<String>>);

impl Deserr<Problems> for PropertyEdits {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef<'_>,
    ) -> Result<Self, Problems> {
        let object = match value {
            Value::Map(object) => object,
            other => return wrong_kind(other, &[ValueKind::Map], location),
        };
        let (mut edits, mut problems) = (BTreeMap::new(), Problems::default());
        for (name, value) in object.into_iter() {
            let location = location.push_key(&name);
            let read = name.parse::<PropertyName>();
            let read = read.or_else(|why| wrong_value(&why, location));
            match read.and_then(|_| property(value.into_value(), location)) {
                Ok(value) => {
                    edits.insert(name, value);
                }
                Err(more) => problems.0.extend(more.0),
            }
            if problems.0.len() >= MOST_TOLD {
                break;
            }
        }
        if problems.0.is_empty() {
            Ok(Self(edits))
        } else {
            Err(problems)
        }
    }
}

/// How many problems are told: whoever sends more has them all for the same reason.
const MOST_TOLD: usize = 50;

/// What a property becomes.
fn property<V: IntoValue>(
    value: Value<V>,
    location: ValuePointerRef<'_>,
) -> Result<Option<String>, Problems> {
    const ACCEPTED: &[ValueKind] = &[
        ValueKind::String,
        ValueKind::Float,
        ValueKind::Boolean,
        ValueKind::Null,
    ];
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text,
        Value::Boolean(flag) => flag.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::NegativeInteger(number) => number.to_string(),
        // As Track writes them.
        Value::Float(number) => ryu_js::Buffer::new().format(number).to_owned(),
        other => return wrong_kind(other, ACCEPTED, location),
    };
    let PropertyValue(text) = match text.parse() {
        Ok(value) => value,
        Err(why) => return wrong_value(&why, location),
    };
    Ok((!text.is_empty()).then_some(text))
}
