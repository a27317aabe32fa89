//! What an exported row has, whatever it is written as.

use paneld_service::{
    ProfilesBeside,
    arrow::array::{Array, RecordBatch, StringArray},
};

use super::{super::exported_event, error::EncodeError};

/// What rows are like.
#[derive(Debug)]
pub(crate) struct RowLayout {
    /// The names of the columns, as callers know them.
    pub(crate) names: Vec<&'static str>,
    /// The project of the events.
    pub(crate) project: String,
    /// Whether the profile comes last.
    pub(crate) has_profile: bool,
}

impl RowLayout {
    /// The profiles of the events of a batch as JSON, if they are wanted: those that are known,
    /// by the id that stands in events.
    pub(super) fn profiles(
        &self,
        batch: &RecordBatch,
        known: &ProfilesBeside,
    ) -> Result<Option<Vec<String>>, EncodeError> {
        if !self.has_profile {
            return Ok(None);
        }
        let place = self.names.iter().position(|name| *name == "profileId");
        let place = place.unwrap_or_default();
        let ids = batch.columns().get(place);
        let ids = ids.and_then(|ids| ids.as_any().downcast_ref::<StringArray>());
        let ids = ids.ok_or(EncodeError::Column(place))?.iter();
        let profiles = ids.map(|id| {
            let id = id.unwrap_or_default();
            exported_event::profile(id, known.get(id), &self.project).to_string()
        });
        Ok(Some(profiles.collect()))
    }
}
