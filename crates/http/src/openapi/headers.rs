//! Headers, as the document describes them.

use utoipa::openapi::{Header, HeaderBuilder, ObjectBuilder, schema::Type};

pub(super) fn text_header(what: &str) -> Header {
    HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .description(Some(what))
        .build()
}

pub(super) fn number_header(what: &str) -> Header {
    let number = ObjectBuilder::new().schema_type(Type::Integer);
    HeaderBuilder::new()
        .schema(Some(number))
        .description(Some(what))
        .build()
}
