//! In place of what keeps events, where that is not built in.

use std::convert::Infallible;

use paneld_service::Repository;
use tokio::task::JoinSet;

pub(crate) use paneld_service::Pipeline;

use crate::{Builder, StartError};

/// What works on events: nothing.
#[derive(Debug)]
pub(crate) struct Events(Infallible);

/// Opens nothing.
pub(crate) async fn open(_: &Builder, _: &Repository) -> Result<Option<Pipeline>, StartError> {
    Ok(None)
}

pub(crate) fn id(pipeline: &Pipeline) -> String {
    match *pipeline {}
}

impl Events {
    pub(crate) fn start(pipeline: Pipeline, _: &Builder, _: &Repository) -> Self {
        match pipeline {}
    }

    pub(crate) fn pipeline(&self) -> &Pipeline {
        match self.0 {}
    }

    pub(crate) fn start_chores(&self, _: &mut JoinSet<()>) {
        match self.0 {}
    }

    pub(crate) async fn settle(&self) {
        match self.0 {}
    }

    pub(crate) async fn stop(self) {
        match self.0 {}
    }
}
