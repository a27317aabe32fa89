//! Schemas of values, as exact as a schema can be: what fits one is accepted.

use paneld_auth::Api;
use paneld_domain::{ClientType, ProjectType, Zone};
use utoipa::openapi::{
    AllOfBuilder, Array, KnownFormat, Object, ObjectBuilder, Ref, RefOr, Schema, SchemaFormat,
    schema::{AdditionalProperties, AnyOfBuilder, ArrayBuilder, SchemaType, Type},
};

/// What no text may contain: no store keeps NUL characters.
pub(crate) const NO_NUL: &str = r"^[^\u0000]*$";
/// A text that is not blank.
pub(crate) const FILLED: &str = r"^[^\u0000]*[^\s\u0000][^\u0000]*$";

/// A schema of the fields of others, some of which must be there.
pub(crate) fn with_required(schemas: &[&str], required: &[&str]) -> RefOr<Schema> {
    let mut all = AllOfBuilder::new();
    for name in schemas {
        all = all.item(Ref::from_schema_name(*name));
    }
    let mut demand = ObjectBuilder::new();
    for field in required {
        demand = demand.required(*field);
    }
    Schema::AllOf(all.item(demand).build()).into()
}

fn texts() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// One of these texts.
pub(crate) fn one_of<'a>(values: impl IntoIterator<Item = &'a str>) -> Object {
    texts().enum_values(Some(values)).build()
}

/// Any text without NUL characters.
pub(crate) fn text() -> Object {
    texts().pattern(Some(NO_NUL)).build()
}

/// A text that matches a regular expression.
pub(crate) fn matching(pattern: &str) -> Object {
    texts().pattern(Some(pattern)).build()
}

/// A name or title: not blank, of at most 255 characters.
pub(crate) fn name() -> Object {
    texts()
        .pattern(Some(FILLED))
        .min_length(Some(1))
        .max_length(Some(255))
        .build()
}

/// A name that may be empty: at most 255 characters.
pub(crate) fn name_or_empty() -> Object {
    matching(r"^[^\u0000]{0,255}$")
}

/// A whole number from `least` to `most`.
pub(crate) fn whole_number(least: i64, most: i64) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(least))
        .maximum(Some(most))
        .build()
}

/// A whole number from `least` to `most`, or null.
pub(crate) fn whole_number_or_null(least: i64, most: i64) -> Schema {
    or_null(whole_number(least, most))
}

/// A whole number, whatever its size.
pub(crate) fn any_whole_number() -> Object {
    ObjectBuilder::new().schema_type(Type::Integer).build()
}

/// Yes or no.
pub(crate) fn flag() -> Object {
    ObjectBuilder::new().schema_type(Type::Boolean).build()
}

/// A list of `items`.
pub(crate) fn list(items: impl Into<RefOr<Schema>>, least: usize, most: usize) -> Array {
    let items = ArrayBuilder::new().items(items.into());
    let items = items.min_items((least > 0).then_some(least));
    items.max_items(Some(most)).build()
}

/// A date, or a moment: ISO 8601.
pub(crate) fn moment() -> Schema {
    let of = |format| texts().format(Some(SchemaFormat::KnownFormat(format)));
    any_of([of(KnownFormat::Date), of(KnownFormat::DateTime)])
}

/// A moment of an imported row: also as column stores print it, in UTC.
pub(crate) fn imported_moment() -> Schema {
    let printed = "^[12][0-9]{3}-\
        ((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31) \
        ([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?$";
    any_of([moment(), Schema::Object(matching(printed))])
}

/// A moment, or null.
pub(crate) fn moment_or_null() -> Schema {
    or_null(moment())
}

/// An id that callers gave: 1 to 255 bytes.
pub(crate) fn id() -> Schema {
    any_of([matching("^[ -~]{1,255}$"), matching(r"^[^\u0000]{1,63}$")])
}

/// At most 500 ids.
pub(crate) fn ids() -> Array {
    list(id(), 0, 500)
}

/// An e-mail address.
pub(crate) fn e_mail() -> Object {
    matching(r"^[a-z0-9]{1,20}([._+-][a-z0-9]{1,20})?@[a-z]([a-z0-9]{0,20})\.[a-z]{2,12}$")
}

/// The URL of a picture.
pub(crate) fn picture() -> Object {
    matching(r"^https?://[a-z]([a-z0-9]{0,20})(\.[a-z]{2,6})?(/[A-Za-z0-9._~-]{0,60})*$")
}

/// What fits one of these schemas.
pub(crate) fn any_of<S: Into<RefOr<Schema>>>(schemas: impl IntoIterator<Item = S>) -> Schema {
    let any = schemas
        .into_iter()
        .fold(AnyOfBuilder::new(), AnyOfBuilder::item);
    Schema::AnyOf(any.build())
}

/// What fits a schema, or null.
pub(crate) fn or_null(schema: impl Into<RefOr<Schema>>) -> Schema {
    any_of([schema.into(), null().into()])
}

fn null() -> Object {
    ObjectBuilder::new().schema_type(Type::Null).build()
}

/// One of many texts, or what another pattern matches. Who tries every value of an enumeration
/// is spared hundreds of them.
pub(crate) fn one_of_many<'a>(
    values: impl IntoIterator<Item = &'a str>,
    or: Option<&str>,
) -> Object {
    let escaped = values
        .into_iter()
        .map(|text| text.replace('.', r"\.").replace('+', r"\+"));
    let all = escaped.chain(or.map(str::to_owned)).collect::<Vec<_>>();
    matching(&format!("^({})$", all.join("|")))
}

/// An IANA time zone.
pub(crate) fn time_zone() -> Object {
    one_of_many(Zone::names(), None)
}

/// The site of a project.
pub(crate) fn site() -> Schema {
    let url = texts()
        .max_length(Some(2_048))
        .pattern(Some(&format!("^(https?://{HOST})?$")));
    or_null(url)
}

/// A host name with a port, if any.
const HOST: &str = "[a-z]([a-z0-9-]{0,40}[a-z0-9])?(\\.[a-z]([a-z0-9]{0,40})?){0,3}\
                    (:[1-9][0-9]{0,3})?";

/// An allowed origin.
pub(crate) fn origin() -> Object {
    let pattern = format!(r"^(\*|([a-z][a-z0-9+.-]{{0,20}}://)?(\*\.)?{HOST})$");
    texts()
        .max_length(Some(255))
        .pattern(Some(&pattern))
        .build()
}

/// At most 100 allowed origins.
pub(crate) fn origins() -> Array {
    list(origin(), 0, 100)
}

/// At most 100 allowed origins, or null.
pub(crate) fn origins_or_null() -> Schema {
    or_null(origins())
}

/// An address or a network.
pub(crate) fn network() -> Schema {
    const BYTE: &str = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
    let ipv4 = format!(r"^({BYTE}\.){{3}}{BYTE}(/(3[0-2]|[12]?[0-9]))?$");
    let ipv6 = "^([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}(/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?$";
    any_of([matching(&ipv4), matching(ipv6)])
}

/// At most 100 addresses and networks.
pub(crate) fn networks() -> Array {
    list(network(), 0, 100)
}

/// A type of client.
pub(crate) fn client_type() -> Object {
    one_of(ClientType::ALL.map(ClientType::as_str))
}

/// A value of any kind.
pub(crate) fn any_value() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::AnyValue)
        .additional_properties(Some(AdditionalProperties::FreeForm(true)))
        .build()
}

/// An object with any fields.
pub(crate) fn any_object() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .additional_properties(Some(AdditionalProperties::FreeForm(true)))
        .build()
}

/// The types of a project.
pub(crate) fn project_types() -> Array {
    list(one_of(ProjectType::ALL.map(ProjectType::as_str)), 0, 100)
}

/// The APIs that a client may call.
pub(crate) fn permissions() -> Array {
    let apis = Api::ALL.into_iter().filter(|api| *api != Api::IDENTITY);
    ArrayBuilder::new()
        .items(one_of(apis.map(|api| api.name())))
        .build()
}
