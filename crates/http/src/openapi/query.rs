//! Query parameters of many endpoints, described once.
//!
//! An endpoint names a type that [`query_parameters!`] declares. The names that its description
//! has are those that it is known to read: all others are told to be ignored.

use paneld_analytics::{
    Aggregate, Column, Filter, Interval, Operator, Paging, ProfileColumn, Query, Range, UtmTag,
};
use serde_json::json;
use utoipa::openapi::{
    ContentBuilder, ObjectBuilder, Ref, RefOr, Required, Schema,
    path::{Parameter, ParameterBuilder, ParameterIn, ParameterStyle},
    schema::{AdditionalProperties, AnyOfBuilder, Type},
};

use super::schemas::{
    any_of, any_whole_number, flag, list, matching, moment, one_of, one_of_many, text, whole_number,
};

/// Declares the query parameters of an endpoint, as a type for its description.
macro_rules! query_parameters {
    ($($(#[$doc:meta])* $name:ident = $parameters:expr;)+) => {
        $(
            $(#[$doc])*
            pub(crate) enum $name {}

            impl utoipa::IntoParams for $name {
                fn into_params(
                    _: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
                ) -> Vec<utoipa::openapi::path::Parameter> {
                    Vec::from($parameters)
                }
            }
        )+
    };
}
pub(crate) use query_parameters;

fn parameter(name: &str, what: &str) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(what))
}

/// A parameter that may be left out.
pub(crate) fn optional(name: &str, schema: impl Into<RefOr<Schema>>, what: &str) -> Parameter {
    parameter(name, what).schema(Some(schema)).build()
}

/// A parameter that must be there.
pub(crate) fn required(name: &str, schema: impl Into<RefOr<Schema>>, what: &str) -> Parameter {
    let parameter = parameter(name, what).required(Required::True);
    parameter.schema(Some(schema)).build()
}

/// A text.
pub(crate) fn optional_text(name: &str, what: &str) -> Parameter {
    optional(name, text(), what)
}

/// A list of texts: the parameter repeated, or JSON.
pub(crate) fn optional_texts(name: &str, what: &str) -> Parameter {
    optional(name, list(text(), 0, 100), what)
}

/// A list of names, with commas between.
pub(crate) fn comma_list<'a>(
    name: &str,
    names: impl IntoIterator<Item = &'a str>,
    what: &str,
) -> Parameter {
    parameter(name, what)
        .schema(Some(list(one_of(names), 0, 100)))
        .style(Some(ParameterStyle::Form))
        .explode(Some(false))
        .build()
}

/// Texts by name: `properties[plan]=pro`, or a JSON object.
pub(crate) fn text_map(name: &str, what: &str) -> Parameter {
    let map = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property_names(Some(matching("^[A-Za-z_][A-Za-z0-9_.]{0,100}$")))
        .max_properties(Some(Query::MOST_NAMED))
        .additional_properties(Some(AdditionalProperties::RefOr(RefOr::T(text().into()))));
    parameter(name, what)
        .schema(Some(map))
        .style(Some(ParameterStyle::DeepObject))
        .explode(Some(true))
        .build()
}

/// A parameter that is JSON.
fn json_list(name: &str, items: impl Into<RefOr<Schema>>, most: usize, what: &str) -> Parameter {
    let content = ContentBuilder::new().schema(Some(list(items, 0, most)));
    parameter(name, what)
        .content("application/json", content.build())
        .build()
}

/// A date or a moment, in the organization's time zone where it does not say which.
pub(crate) fn date(name: &str, what: &str) -> Parameter {
    optional(name, moment(), what)
}

/// `startDate`, `endDate` and `range`, and what is meant when nothing is said: "`7d`".
pub(crate) fn window(default: &str) -> [Parameter; 3] {
    [
        date("startDate", "From when on: a date, or a moment"),
        date(
            "endDate",
            "Until when: a date is taken in whole. It must not be before the start",
        ),
        range(default),
    ]
}

/// A window by name.
pub(crate) fn range(default: &str) -> Parameter {
    let what = format!("A window by name; {default} when nothing is said");
    optional("range", one_of(Range::ALL.map(Range::name)), &what)
}

/// How long a part of the window is.
pub(crate) fn interval(known: &[Interval]) -> Parameter {
    let names = known.iter().map(|interval| interval.name());
    let what = "How long a part is; a day when nothing is said";
    optional("interval", one_of(names), what)
}

/// `limit` and `cursor` of a list that is sent whole, up to 1000 entries.
pub(crate) fn paging() -> [Parameter; 2] {
    paging_within(Paging::MOST, "all, up to 1000")
}

/// `limit` and `cursor` of a list of which a caller gets `most` entries at most.
pub(crate) fn paging_within(most: u32, default: &str) -> [Parameter; 2] {
    [
        limit(most, default),
        optional(
            "cursor",
            whole_number(1, u32::MAX.into()),
            "The page; the first is 1",
        ),
    ]
}

/// How many entries are sent.
pub(crate) fn limit(most: u32, default: &str) -> Parameter {
    let what = format!("How many: {default}, unless it is given");
    optional("limit", whole_number(1, most.into()), &what)
}

/// `page` or `limit` of exports, which are clamped.
pub(crate) fn clamped(name: &str, what: &str) -> Parameter {
    optional(name, any_whole_number(), what)
}

/// The project, under either name, where the client is bound to none.
pub(crate) fn project() -> [Parameter; 2] {
    [
        optional_text(
            "projectId",
            "The project; of a client that is bound to one, its own",
        ),
        optional_text(
            "project_id",
            "The same; it counts where `projectId` is not given",
        ),
    ]
}

/// Whether countries come with their names.
pub(crate) fn labels() -> Parameter {
    optional(
        "labels",
        flag(),
        "Whether countries come with their English names",
    )
}

/// Which events or sessions count.
pub(crate) fn filters() -> Parameter {
    json_list(
        "filters",
        Ref::from_schema_name("QueryFilter"),
        Filter::MOST,
        "A JSON list of filters, all of which have to match. Brackets (`filters[0][name]=path`) \
         and one object for each time that the parameter is repeated are understood, too",
    )
}

/// The items of a chart.
pub(crate) fn chart_items(name: &str, most: usize, what: &str) -> Parameter {
    json_list(name, chart_item(), most, what)
}

/// By what a chart is split.
pub(crate) fn breakdowns(most: usize) -> Parameter {
    let breakdown = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("name", field_name())
        .required("name");
    json_list(
        "breakdowns",
        breakdown,
        most,
        "By what items are split: a list such as `[{\"name\": \"country\"}]`, each only once",
    )
}

/// A name of something that an event has.
fn field_name() -> Schema {
    let columns = Column::ALL.iter().map(|column| column.name());
    let columns = columns.filter(|name| *name != "project_id");
    let tags = UtmTag::ALL.iter().map(|tag| tag.name());
    let profile = ProfileColumn::ALL.iter().map(|column| column.name());
    let profile = profile.map(|name| format!("profile.{name}"));
    let names = columns.chain(tags).map(str::to_owned).chain(profile);
    let known = names.collect::<Vec<_>>();
    let property = r"((profile|group)\.)?properties\.[A-Za-z0-9_.]+";
    one_of_many(known.iter().map(String::as_str), Some(property)).into()
}

/// A filter as callers write it. Fields of other names, such as `has_profile` and `session.*`,
/// know fewer operators.
pub(super) fn filter_schema() -> Schema {
    let filter = |operators: &[Operator], value: Schema, least: usize| {
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .property("name", field_name())
            .property(
                "operator",
                one_of(operators.iter().map(|operator| operator.name())),
            )
            .property("value", list(value, least, 100))
            .required("name")
            .required("operator")
            .required("value")
    };
    let (about_presence, others) = Operator::ALL
        .iter()
        .copied()
        .partition::<Vec<_>, _>(|operator| operator.is_about_presence());
    let (ordering, about_texts) = others
        .into_iter()
        .partition::<Vec<_>, _>(|operator| operator.is_ordering());
    let number = ObjectBuilder::new()
        .schema_type(Type::Number)
        .minimum(Some(-1e15))
        .maximum(Some(1e15))
        .build();
    let schema = AnyOfBuilder::new()
        .item(filter(&about_texts, text().into(), 1))
        .item(filter(&ordering, number.into(), 1))
        .item(filter(&about_presence, text().into(), 0))
        .description(Some(
            "A condition on events or sessions. Of several values one has to match; of `isNot` \
             and `doesNotContain` all have to differ. The value of `regex` is a regular \
             expression.",
        ))
        .examples([json!({"name": "country", "operator": "is", "value": ["SE", "NO"]})]);
    Schema::AnyOf(schema.build())
}

/// An item of a chart: events, or a formula over the items before it.
fn chart_item() -> Schema {
    let counted = [
        "event",
        "user",
        "session",
        "group",
        "user_average",
        "one_event_per_user",
    ];
    let aggregates = Aggregate::ALL.iter().map(|aggregate| aggregate.name());
    let segments = counted.into_iter().chain(aggregates);
    let events = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("type", one_of(["event"]))
        .property("name", text())
        .property("segment", one_of(segments))
        .property(
            "property",
            any_of([
                one_of(["revenue", "duration"]),
                matching(r"^(profile\.)?properties\.[A-Za-z0-9_.]+$"),
            ]),
        )
        .property(
            "filters",
            list(Ref::from_schema_name("QueryFilter"), 0, Filter::MOST),
        )
        .required("name");
    let formula = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("type", one_of(["formula"]))
        .property("formula", text())
        .property("displayName", text())
        .property("hideSeries", list(matching("^[A-J]$"), 0, 10))
        .required("type")
        .required("formula");
    any_of([events, formula])
}
