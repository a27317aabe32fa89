//! What a handler says of itself in its `#[utoipa::path]`.

use utoipa::{
    __dev::{SchemaReferences, Tags},
    openapi::{
        RefOr, Schema,
        path::{Operation, ParameterIn},
    },
};

/// What `#[utoipa::path]` makes of what stands at a handler. utoipa has no public name for all of
/// it: its own derived documents, and its sister crates, use these.
pub(crate) trait Documentation: utoipa::Path + SchemaReferences + Tags<'static> {}

impl<P: utoipa::Path + SchemaReferences + Tags<'static>> Documentation for P {}

/// What a handler says of itself, and the schemas that it refers to.
pub(crate) struct Description {
    pub(crate) operation: Operation,
    pub(crate) schemas: Vec<(String, RefOr<Schema>)>,
}

impl Description {
    /// The description that belongs to a handler.
    pub(crate) fn of<P: Documentation>() -> Self {
        let mut schemas = Vec::new();
        P::schemas(&mut schemas);
        let mut operation = P::operation();
        operation.tags = Some(P::tags().into_iter().map(str::to_owned).collect());
        Self { operation, schemas }
    }

    /// The names of the query parameters.
    pub(crate) fn query_parameters(&self) -> impl Iterator<Item = &str> {
        let parameters = self.operation.parameters.iter().flatten();
        parameters.filter_map(|parameter| match parameter {
            RefOr::T(parameter) if matches!(parameter.parameter_in, ParameterIn::Query) => {
                Some(parameter.name.as_str())
            }
            _ => None,
        })
    }

    /// Only what says of itself that it needs no credentials needs none.
    pub(super) fn needs_credentials(&self) -> bool {
        self.operation.security.is_none()
    }
}
