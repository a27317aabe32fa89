//! A project that a body or query names.

use std::str::FromStr;

use deserr::Deserr;
use paneld_domain::{InvalidValue, ProjectId};
use paneld_guard::ApiError;
use utoipa::IntoParams;

use crate::{
    decode::{Maybe, Problems, Text},
    path_id::parse_id,
};

/// The id of a project in a body or query. Whether it can be one is found out with whether it
/// is: both are 404. Only what is far too long is a mistake of another kind.
#[derive(Debug)]
pub(crate) struct GivenProjectId(String);

impl FromStr for GivenProjectId {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.chars().count() > 255 {
            return Err(InvalidValue::new("must be at most 255 characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl GivenProjectId {
    pub(crate) fn parse(&self) -> Result<ProjectId, ApiError> {
        parse_id(&self.0)
    }
}

/// Which clients or references to show.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Problems, rename_all = camelCase)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct ProjectQuery {
    /// Only those of this project; empty for all.
    #[deserr(default)]
    #[param(value_type = Option<String>, required = false)]
    project_id: Maybe<Text<GivenProjectId>>,
}

impl ProjectQuery {
    /// The project by which a list is filtered; empty text is no filter.
    pub(crate) fn into_filter(self) -> Result<Option<ProjectId>, ApiError> {
        let given = self.project_id.into_option();
        let given = given.filter(|given| !given.0.is_empty());
        given.map(|given| given.parse()).transpose()
    }
}
