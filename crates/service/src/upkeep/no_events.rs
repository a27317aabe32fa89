//! In place of the upkeep of events, where they are not built in.

use paneld_domain::Clock;
use paneld_repository::Repository;

use crate::{Pipeline, ServiceError};

/// The upkeep of events, of which there are none.
#[derive(Debug)]
pub(super) enum EventUpkeep {}

impl EventUpkeep {
    pub(super) fn new(pipeline: Pipeline, _repository: Repository, _clock: Clock) -> Self {
        match pipeline {}
    }

    pub(super) async fn retain(&self) -> Result<(), ServiceError> {
        match *self {}
    }

    pub(super) async fn renew_salts(&self) -> Result<(), ServiceError> {
        match *self {}
    }

    pub(super) async fn reload_databases(&self) {
        match *self {}
    }

    pub(super) async fn end_idle_sessions(&self) -> Result<(), ServiceError> {
        match *self {}
    }

    pub(super) async fn purge(&self) -> Result<(), ServiceError> {
        match *self {}
    }
}
