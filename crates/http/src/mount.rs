//! Where the routes are mounted, and what their handlers work with.

use std::{collections::BTreeMap, sync::Arc};

use actix_web::{
    HttpResponse,
    http::Method,
    middleware::from_fn,
    web::{self, ServiceConfig},
};
use paneld_auth::Api;
use paneld_guard::{ApiError, BodyBudget, Guard};
use paneld_service::{Compute, Console, Health, Identity, Manage};
#[cfg(feature = "events")]
use paneld_service::{Erasure, Live, Profiles, Reports, Track};

#[cfg(feature = "console")]
use crate::console;
#[cfg(all(feature = "console", feature = "insights"))]
use crate::sharing;
#[cfg(feature = "track")]
use crate::track;
use crate::{
    endpoint::{Endpoint, route_for},
    health,
    openapi::{self, Document},
    prefix::Prefix,
    routes::{gated, identity, overview, sharing},
    welcome,
};

/// What handlers work with. Clones share it.
#[derive(Debug, Clone)]
pub struct Services {
    /// The guard at the gates of the APIs.
    pub guard: Arc<Guard>,
    /// The budget for bodies in flight.
    pub body_budget: web::Data<BodyBudget>,
    /// Where long replies are made.
    pub compute: web::Data<Compute>,
    /// The use cases of the Manage API.
    pub manage: web::Data<Manage>,
    /// Sessions of people, and share links; `None` where there is no console.
    pub console: Option<web::Data<Console>>,
    /// The use case of who am I.
    pub identity: web::Data<Identity>,
    /// What needs events; `None` where no events are kept.
    #[cfg(feature = "events")]
    pub events: Option<EventServices>,
    /// The state of the backends.
    pub health: web::Data<Health>,
}

/// What handlers work with where events are kept. Clones share it.
#[cfg(feature = "events")]
#[derive(Debug, Clone)]
pub struct EventServices {
    /// The use cases of Track and Import.
    pub track: web::Data<Track>,
    /// Answers about what was tracked.
    pub reports: web::Data<Reports>,
    /// The use cases of live streams.
    pub live: web::Data<Live>,
    /// The use cases that erase people.
    pub erasure: web::Data<Erasure>,
    /// The use cases that change profiles by hand.
    pub profiles: web::Data<Profiles>,
}

impl Services {
    /// Whether what needs events can be served.
    #[cfg(feature = "events")]
    fn has_events(&self) -> bool {
        self.events.is_some()
    }

    #[cfg(not(feature = "events"))]
    fn has_events(&self) -> bool {
        false
    }
}

/// Mounts everything in an app or scope, at its root and under `/api`, where self-hosters' SDKs
/// look for it. The document says where that is.
pub fn configure(config: &mut ServiceConfig, services: &Services, document: &web::Data<Document>) {
    config
        .app_data(document.clone())
        .app_data(web::Data::new(document.prefix().clone()))
        .app_data(services.body_budget.clone())
        .app_data(services.compute.clone())
        .app_data(services.manage.clone())
        .app_data(services.identity.clone())
        .app_data(web::Data::from(Arc::clone(&services.guard)))
        .app_data(services.health.clone());
    #[cfg(feature = "events")]
    if let Some(events) = &services.events {
        config
            .app_data(events.track.clone())
            .app_data(events.reports.clone())
            .app_data(events.live.clone())
            .app_data(events.erasure.clone())
            .app_data(events.profiles.clone());
    }
    if let Some(console) = &services.console {
        config.app_data(console.clone());
    }
    config
        .service(web::scope("/api").configure(|config| mount(config, services)))
        .service(
            web::resource("/")
                .route(route_for(&Method::GET).to(welcome::serve))
                .default_service(refuse_others(vec![Method::GET, Method::HEAD])),
        )
        .configure(|config| mount(config, services))
        .configure(|config| mount_page(config, services, document.prefix()))
        .default_service(web::to(route_not_found));
}

/// The files of the page, which are not under `/api`; and beside them the scripts with which sites
/// track, also where nobody looks at a page.
#[cfg(feature = "console")]
fn mount_page(config: &mut ServiceConfig, services: &Services, prefix: &Prefix) {
    paneld_web::configure_tracker(config);
    if services.console.is_some() {
        paneld_web::configure(config, prefix.as_str());
    }
}

#[cfg(not(feature = "console"))]
fn mount_page(_: &mut ServiceConfig, _: &Services, _: &Prefix) {}

fn mount(config: &mut ServiceConfig, services: &Services) {
    let gate = |api| services.guard.gate(api);
    let has_events = services.has_events();
    let with_events = |endpoints: Vec<Endpoint>| {
        if has_events {
            endpoints
        } else {
            endpoints.into_iter().map(Endpoint::refused).collect()
        }
    };
    // Resources are tried in this order, and nothing is asked for as often as to track. SDKs put
    // their path behind whatever base they are told; a path of each resource's own is compared,
    // where several would be searched for with regular expressions.
    #[cfg(feature = "track")]
    for pattern in [exactly, with_slash] {
        for resource in resources(with_events(track::endpoints()), "", pattern) {
            config.service(resource.wrap(from_fn(track::allow_any_origin)));
        }
    }
    for resource in resources(health::endpoints(), "", exactly) {
        config.service(resource);
    }
    #[cfg(feature = "console")]
    if services.console.is_some() {
        for resource in resources(console::endpoints(), "", exactly) {
            config.service(resource);
        }
        #[cfg(feature = "insights")]
        for resource in resources(sharing::open_endpoints(), "", exactly) {
            config.service(resource);
        }
    }
    let document = web::resource("/openapi.json")
        .route(route_for(&Method::GET).to(openapi::serve))
        .default_service(refuse_others(vec![Method::GET, Method::HEAD]));
    config.service(document);
    for resource in resources(identity(), "", exactly) {
        config.service(resource.wrap(gate(Api::IDENTITY)));
    }
    for resource in resources(overview(with_events), "", exactly) {
        config.service(resource.wrap(gate(Api::OVERVIEW)));
    }
    if services.console.is_some() {
        for resource in resources(sharing(), "", exactly) {
            config.service(resource.wrap(gate(Api::SHARING)));
        }
    }
    for (prefix, api, endpoints) in gated(with_events) {
        let mut scope = web::scope(prefix);
        for resource in resources(endpoints, prefix, exactly) {
            scope = scope.service(resource);
        }
        config.service(closed(scope).wrap(gate(api)));
    }
}

/// A scope in which what has no route is told so, behind the scope's gate.
fn closed(scope: actix_web::Scope) -> actix_web::Scope {
    scope.default_service(web::to(route_not_found))
}

/// The endpoints as resources by path, below a prefix. Each refuses other methods than its own.
fn resources(
    endpoints: Vec<Endpoint>,
    prefix: &str,
    pattern: fn(&str) -> String,
) -> Vec<actix_web::Resource> {
    let mut by_path = BTreeMap::<String, Vec<Endpoint>>::new();
    for endpoint in endpoints {
        let path = endpoint
            .path()
            .strip_prefix(prefix)
            .unwrap_or(endpoint.path());
        by_path.entry(path.to_owned()).or_default().push(endpoint);
    }
    let resources = by_path.into_iter().map(|(path, endpoints)| {
        let mut allowed = endpoints
            .iter()
            .map(|e| e.method().clone())
            .collect::<Vec<_>>();
        if allowed.contains(&Method::GET) {
            allowed.push(Method::HEAD);
        }
        let mut resource = web::resource(pattern(&path)).default_service(refuse_others(allowed));
        for endpoint in endpoints {
            resource = resource.route(endpoint.into_route());
        }
        resource
    });
    resources.collect()
}

fn exactly(path: &str) -> String {
    path.to_owned()
}

fn with_slash(path: &str) -> String {
    format!("{path}/")
}

/// Tells what methods a path knows.
fn refuse_others(allowed: Vec<Method>) -> actix_web::Route {
    web::to(move || {
        let refusal = ApiError::method_not_allowed(&allowed);
        std::future::ready(Err::<HttpResponse, _>(refusal))
    })
}

async fn route_not_found() -> Result<HttpResponse, ApiError> {
    Err(ApiError::not_found("Route not found"))
}
