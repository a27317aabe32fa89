//! What handlers work with.

use std::sync::Arc;

use actix_web::web;
use paneld_auth::Authenticator;
use paneld_guard::{BodyBudget, Guard};
#[cfg(feature = "events")]
use paneld_http::EventServices;
use paneld_http::Services;
use paneld_ratelimit::{Limiter, RedisDown};
use paneld_redis::Redis;
use paneld_service::{
    Compute, Console, Health, Identity, Manage, ManageSettings, Repository, Revocations, Standing,
};
#[cfg(feature = "events")]
use paneld_service::{Erasure, Live, Pipeline, Profiles, Reports, Track};

use crate::{Builder, StartError, builder, events::Events};

impl builder::Redis {
    /// Connects. That it is away is no error.
    pub async fn connect(&self) -> Redis {
        Redis::connect(self.url.clone(), self.prefix.clone()).await
    }
}

/// Where everything is kept, and whether events may be taken.
pub(crate) struct Stores<'a> {
    pub(crate) repository: Repository,
    pub(crate) events: Option<&'a Events>,
    pub(crate) standing: Standing,
}

/// Makes all use cases.
pub(crate) fn services(
    builder: &Builder,
    stores: &Stores<'_>,
    authenticator: &Arc<Authenticator>,
    redis: Option<(Redis, RedisDown)>,
) -> Result<Services, StartError> {
    let repository = &stores.repository;
    let clock = || builder.clock.clone();
    let pipeline = stores.events.map(|events| events.pipeline().clone());
    let mut health = Health::new(repository.clone(), pipeline, clock());
    let (limiter, revocations) = match redis {
        Some((redis, down)) => {
            health = health.with_redis(redis.clone(), down == RedisDown::Closed);
            let revocations = Revocations::shared(Arc::clone(authenticator), &redis);
            (Limiter::shared(redis, down, clock()), revocations)
        }
        None => (
            Limiter::new(clock()),
            Revocations::local(Arc::clone(authenticator)),
        ),
    };
    let limiter = Arc::new(limiter);
    let settings = ManageSettings {
        limits: builder.limits,
        allow_root_creation: builder.allow_root_creation,
    };
    let console = Console::new(repository.clone(), revocations.clone(), clock());
    let console = builder.has_console().then(|| web::Data::new(console));
    let manage = Manage::new(repository.clone(), revocations, clock(), settings);
    let mut guard = Guard::builder()
        .authenticator(Arc::clone(authenticator))
        .limiter(Arc::clone(&limiter))
        .limits(&builder.limits)
        .trusted_proxies(builder.trusted_proxies.clone())
        .visitor_address(builder.visitor_address);
    if console.is_some() {
        guard = guard.sessions();
    }
    if let Some(url) = &builder.public_url {
        guard = guard.public_url(url.clone());
    }
    let compute = Compute::default();
    Ok(Services {
        guard: guard.build()?,
        body_budget: web::Data::new(BodyBudget::new(clock())),
        #[cfg(feature = "events")]
        events: event_services(builder, stores, compute.clone()),
        compute: web::Data::new(compute),
        manage: web::Data::new(manage),
        console,
        identity: web::Data::new(Identity::new(limiter, builder.limits)),
        health: web::Data::new(health),
    })
}

/// The use cases that need events.
#[cfg(feature = "events")]
fn event_services(
    builder: &Builder,
    stores: &Stores<'_>,
    compute: Compute,
) -> Option<EventServices> {
    let pipeline = stores.events?.pipeline().clone();
    let Pipeline { ingest, store } = pipeline.clone();
    let repository = || stores.repository.clone();
    let clock = || builder.clock.clone();
    let track = Track::new(pipeline, repository(), stores.standing.clone(), clock());
    let reports = Reports::new(repository(), store.clone(), clock(), compute);
    let live = Live::new(reports.clone(), ingest.clone(), clock());
    let erasure = Erasure::new(repository(), ingest.clone(), store, clock());
    let profiles = Profiles::new(repository(), ingest, clock());
    Some(EventServices {
        track: web::Data::new(track),
        reports: web::Data::new(reports),
        live: web::Data::new(live),
        erasure: web::Data::new(erasure),
        profiles: web::Data::new(profiles),
    })
}
