//! What callers of Track send, for the document alone: bodies are read more tolerantly than this,
//! and by `ingest`.

use serde::Serialize;
use serde_json::{Value as Json, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Object, ObjectBuilder, OneOfBuilder, Ref, RefOr, Schema, schema::Type},
};

use crate::openapi::schemas::{
    any_object, e_mail, flag, id, ids, imported_moment, matching, name, name_or_empty, one_of,
    picture, text, whole_number,
};

/// Something that happened, or who somebody is.
pub(crate) enum Tracked {}

impl PartialSchema for Tracked {
    fn schema() -> RefOr<Schema> {
        let of = |types: &[&str], payload: RefOr<Schema>| {
            ObjectBuilder::new()
                .schema_type(Type::Object)
                .property("type", one_of(types.iter().copied()))
                .property("payload", payload)
                .property("clientId", text())
                .property("clientSecret", text())
                .property("projectId", text())
                .required("type")
                .required("payload")
        };
        let named = |name| RefOr::Ref(Ref::from_schema_name(name));
        OneOfBuilder::new()
            .item(of(&["track"], named("EventPayload")))
            .item(of(&["identify"], named("ProfilePayload")))
            .item(of(&["increment", "decrement"], named("NumberPayload")))
            .item(of(&["alias"], AliasPayload::schema()))
            .item(of(&["group"], GroupPayload::schema()))
            .item(of(&["assign_group"], AssignGroupPayload::schema()))
            .item(of(&["replay"], ReplayPayload::schema()))
            .description(Some(
                "Something that happened, or who somebody is. `eventId` in the payload, a UUID, \
                 makes it safe to send the same once more. `clientId` and `clientSecret` are the \
                 credentials where no header has them.",
            ))
            .examples([json!({"type": "track", "payload": {"name": "screen_view",
                "properties": {"__path": "https://shop.example/", "__title": "Home"}}})])
            .into()
    }
}

impl ToSchema for Tracked {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        for (name, schema) in [
            (EventPayload::name(), EventPayload::schema()),
            (ProfilePayload::name(), ProfilePayload::schema()),
            (NumberPayload::name(), NumberPayload::schema()),
        ] {
            schemas.push((name.into(), schema));
        }
    }
}

/// A text that is not empty.
fn filled_text() -> Object {
    matching(r"^[^\u0000]+$")
}

/// The name of an event: one line of at most 80 characters.
fn event_name() -> Object {
    matching(r"^[^\u0000\r\n]{1,80}$")
}

fn property_name() -> Object {
    matching("^[A-Za-z_][A-Za-z0-9_. -]{0,60}$")
}

fn above_zero() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Number)
        .exclusive_minimum(Some(0.0))
        .build()
}

fn chunk_index() -> Object {
    whole_number(0, u16::MAX.into())
}

fn events_count() -> Object {
    whole_number(1, u16::MAX.into())
}

/// The payload of an event.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only for the document")]
pub(crate) struct EventPayload {
    /// What happened: one line of at most 80 characters.
    #[schema(schema_with = event_name)]
    name: String,
    /// Who did it.
    #[schema(schema_with = id, required = false)]
    profile_id: String,
    /// The ids of groups.
    #[schema(schema_with = ids, required = false)]
    groups: Vec<String>,
    /// Everything else.
    #[schema(schema_with = any_object, required = false)]
    properties: Json,
}

/// The payload of an `identify`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only for the document")]
pub(crate) struct ProfilePayload {
    /// The id of the profile.
    #[schema(schema_with = id)]
    profile_id: String,
    /// The first name.
    #[schema(schema_with = name_or_empty, required = false)]
    first_name: String,
    /// The last name.
    #[schema(schema_with = name_or_empty, required = false)]
    last_name: String,
    /// The e-mail address.
    #[schema(schema_with = e_mail, required = false)]
    email: String,
    /// The URL of a picture.
    #[schema(schema_with = picture, required = false)]
    avatar: String,
    /// Everything else.
    #[schema(schema_with = any_object, required = false)]
    properties: Json,
}

/// The payload of an `increment` or a `decrement`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only for the document")]
pub(crate) struct NumberPayload {
    /// The id of the profile.
    #[schema(schema_with = id)]
    profile_id: String,
    /// The name of the property.
    #[schema(schema_with = property_name)]
    property: String,
    /// How much; 1 if it is not told.
    #[schema(schema_with = above_zero, required = false)]
    value: f64,
}

/// The payload of an `alias`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only for the document")]
struct AliasPayload {
    /// The id of the profile.
    #[schema(schema_with = id)]
    profile_id: String,
    /// Another id of it.
    #[schema(schema_with = id)]
    alias: String,
}

/// The payload of a `group`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only for the document")]
struct GroupPayload {
    /// Its id.
    #[schema(schema_with = id)]
    id: String,
    /// What kind of group.
    #[schema(schema_with = name)]
    r#type: String,
    /// Its name.
    #[schema(schema_with = name)]
    name: String,
    /// Everything else.
    #[schema(schema_with = any_object, required = false)]
    properties: Json,
}

/// The payload of an `assign_group`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only for the document")]
struct AssignGroupPayload {
    /// The ids of the groups.
    #[schema(schema_with = ids)]
    group_ids: Vec<String>,
    /// Who; else the visitor of the caller's device.
    #[schema(schema_with = id, required = false)]
    profile_id: String,
}

/// The payload of a `replay`: a piece of a recording, of the last day.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only for the document")]
struct ReplayPayload {
    /// Its number on its page.
    #[schema(schema_with = chunk_index)]
    chunk_index: u16,
    /// How many recorded events it has.
    #[schema(schema_with = events_count)]
    events_count: u16,
    /// Whether it begins with a full snapshot.
    #[schema(schema_with = flag)]
    is_full_snapshot: bool,
    /// When its first recorded event happened, in UTC.
    #[schema(value_type = String, format = DateTime, pattern = "Z$")]
    started_at: String,
    /// When its last recorded event happened, in UTC.
    #[schema(value_type = String, format = DateTime, pattern = "Z$")]
    ended_at: String,
    /// The recorded events.
    #[schema(schema_with = filled_text)]
    payload: String,
}

/// An event in stored form. Every other column of an event may be there, too.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only for the document")]
pub(crate) struct ImportedRow {
    /// Its id.
    #[schema(value_type = String, format = "uuid", required = false)]
    id: String,
    /// What happened.
    #[schema(schema_with = name)]
    name: String,
    /// When: ISO 8601, or `2026-01-15 10:00:00.000` in UTC.
    #[schema(schema_with = imported_moment)]
    created_at: String,
    /// On which device.
    #[schema(schema_with = id, required = false)]
    device_id: String,
    /// Who did it.
    #[schema(schema_with = id, required = false)]
    profile_id: String,
    /// In which session.
    #[schema(schema_with = id, required = false)]
    session_id: String,
    /// The path of the page.
    #[schema(schema_with = text, required = false)]
    path: String,
    /// Everything else.
    #[schema(schema_with = any_object, required = false)]
    properties: Json,
}

/// What is answered for a listed bot.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"bot": {"name": "Googlebot", "type": "Search bot"}}))]
pub(crate) struct Bot {
    /// Who it is.
    pub(super) bot: BotName,
}

/// A listed bot.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BotName {
    /// What it is called.
    pub(super) name: String,
    /// What kind of bot.
    pub(super) r#type: String,
}
