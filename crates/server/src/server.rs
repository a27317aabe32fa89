//! A server: its stores, and what is at work on them.

use std::sync::Arc;

use actix_web::web::{self, ServiceConfig};
use paneld_auth::{Authenticator, CredentialStore};
use paneld_guard::Requests;
use paneld_http::{Document, Prefix, Services};
use paneld_service::{Admin, Beside, NewServer, Registration, Repository, Upkeep};
#[cfg(feature = "events")]
use paneld_service::{Compaction, Live};
use tokio::task::JoinSet;
use uuid::Uuid;

#[cfg(feature = "events")]
use crate::backup::BackupSocket;
use crate::{
    Builder, Chores, StartError, chores,
    data_dir::{self, Lock},
    events::{self, Events, Pipeline},
    first_start::Place,
    services::{Stores, services},
    tls::Tls,
};

/// A server at work: it takes, keeps and answers what comes through the routes that are
/// [mounted](Self::mount). It is to be [stopped](Self::stop) in the end; dropped, it writes what it
/// has still to write after the next start.
#[derive(Debug)]
pub struct Server {
    pub(crate) services: Services,
    requests: Requests,
    admin: Admin,
    upkeep: Upkeep,
    /// `None` where no events are kept.
    events: Option<Events>,
    registration: Registration,
    chores: JoinSet<()>,
    /// `None` where it could not be made.
    #[cfg(feature = "events")]
    backups: Option<BackupSocket>,
    _lock: Lock,
}

impl Server {
    /// A server that is to be started.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Opens the stores and registers; `place` says in the registration where the server is.
    pub(crate) async fn open(builder: &Builder, place: &str) -> Result<Self, StartError> {
        builder.check()?;
        data_dir::prepare(&builder.data_dir)?;
        let lock = Lock::take(&builder.data_dir)?;
        let repository = Repository::open(&builder.catalog_url()).await;
        let repository = repository.map_err(|error| StartError::Catalog(error.into()))?;
        let clock = &builder.clock;
        let store: Arc<dyn CredentialStore> = Arc::new(repository.clone());
        let authenticator = Arc::new(Authenticator::new(store, clock.clone()));
        let redis = match &builder.redis {
            Some(redis) => Some((redis.connect().await, redis.down)),
            None => None,
        };
        let pipeline = events::open(builder, &repository).await?;
        let this_server = this_server(builder, place, pipeline.as_ref());
        let registration = Registration::take(repository.clone(), this_server).await?;
        // Nothing is written to events before it is known that no other server has some.
        let events = pipeline.map(|pipeline| Events::start(pipeline, builder, &repository));
        let stores = Stores {
            repository: repository.clone(),
            events: events.as_ref(),
            standing: registration.standing().clone(),
        };
        let services = services(builder, &stores, &authenticator, redis)?;
        let pipeline = events.as_ref().map(|events| events.pipeline().clone());
        #[cfg(feature = "events")]
        let backups = BackupSocket::open(&builder.data_dir, &repository, events.as_ref());
        Ok(Self {
            services,
            requests: Requests::new(clock.clone()),
            admin: Admin::new(repository.clone(), clock.clone()),
            upkeep: Upkeep::new(repository, authenticator, pipeline, clock.clone()),
            events,
            registration,
            chores: JoinSet::new(),
            #[cfg(feature = "events")]
            backups,
            _lock: lock,
        })
    }

    /// Makes the first credentials, which are shown with the address for somebody on this machine,
    /// if it is known; and begins with the chores.
    pub(crate) async fn begin(
        &mut self,
        builder: &Builder,
        local_url: Option<String>,
    ) -> Result<(), StartError> {
        let first_start = &builder.first_start;
        let public_url = builder.public_url.as_ref();
        let place = Place::of(local_url, public_url, builder.has_console());
        first_start
            .run(&self.admin, &builder.data_dir, &place)
            .await?;
        if builder.chores == Chores::ByThemselves {
            let health = self.services.health.clone().into_inner();
            self.chores = chores::start(&self.upkeep, &health, self.events.as_ref());
            #[cfg(feature = "events")]
            if let Some(live) = self.live().cloned() {
                chores::start_beats(live, &mut self.chores);
            }
        }
        Ok(())
    }

    /// Renews the certificate from now on.
    pub(crate) fn renew(&mut self, builder: &Builder, tls: Tls) {
        if builder.chores == Chores::ByThemselves {
            self.chores.spawn(tls.watch.run());
        }
    }

    /// All routes below a prefix, for [`App::configure`](actix_web::App::configure). They bring
    /// their own request ids, errors and limits, and their OpenAPI document says where they are.
    /// Below [`Prefix::ROOT`] they answer whatever no route that stands before them does: mount
    /// them last then.
    ///
    /// Clones are for the several threads of a server; they are the same paneld.
    pub fn mount(
        &self,
        prefix: &Prefix,
    ) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static + use<> {
        let (services, requests) = (self.services.clone(), self.requests.clone());
        let document = web::Data::new(Document::below(prefix.clone(), services.console.is_some()));
        move |app| {
            let scope = web::scope(document.prefix().as_str()).wrap(requests.clone());
            app.service(
                scope.configure(|scope| paneld_http::configure(scope, &services, &document)),
            );
        }
    }

    /// The middleware around all routes, for an app that has no others.
    pub(crate) fn requests(&self) -> Requests {
        self.requests.clone()
    }

    /// What the server does again and again, for tests that do not want to wait for it.
    pub fn upkeep(&self) -> &Upkeep {
        &self.upkeep
    }

    /// What writes files anew, for tests that do not want to wait for it; `None` where no events
    /// are kept.
    #[cfg(feature = "events")]
    pub fn compaction(&self) -> Option<&Compaction> {
        Some(self.events.as_ref()?.compaction())
    }

    /// Those who watch what happens, for tests that do not want to wait for the next beat; `None`
    /// where no events are kept.
    #[cfg(feature = "events")]
    pub fn live(&self) -> Option<&Live> {
        Some(&self.services.events.as_ref()?.live)
    }

    /// Ends replies that go on as long as somebody watches. Whoever serves what is
    /// [mounted](Self::mount) calls this before it waits for requests to finish.
    pub fn end_streams(&self) {
        #[cfg(feature = "events")]
        if let Some(live) = self.live() {
            live.close();
        }
    }

    /// Waits until everything that was taken is applied, and so visible.
    pub async fn settle(&self) {
        if let Some(events) = &self.events {
            events.settle().await;
        }
    }

    /// Waits until another server has taken this one's place in the catalog, which happens to one
    /// that was silent for long, and tells which. From then on nothing is taken any more: stop.
    pub async fn lost(&self) -> Beside {
        self.registration.standing().lost().await
    }

    /// Stops: what waits to be written is written, and others on the same catalog are told. Stop
    /// serving before: what is tracked from now on is refused with 503.
    ///
    /// Whoever starts another server in the same data folder has to drop what was
    /// [mounted](Self::mount), too, for it keeps the files open.
    pub async fn stop(mut self) {
        self.end_streams();
        #[cfg(feature = "events")]
        drop(self.backups.take());
        self.chores.shutdown().await;
        chores::record_uses(&self.upkeep).await;
        if let Some(events) = self.events {
            events.stop().await;
        }
        self.registration.give_up().await;
    }
}

impl Builder {
    /// Starts the server, to be [mounted](Server::mount) in an app: takes the data folder, opens
    /// the catalog, registers there, and makes the first credentials. It needs a tokio runtime,
    /// such as actix's, and its tasks end with that.
    ///
    /// # Errors
    /// When any of that cannot be done; then nothing of it is at work any more.
    pub async fn build(self) -> Result<Server, StartError> {
        let mut server = Box::pin(Server::open(&self, "in another program")).await?;
        match Box::pin(server.begin(&self, None)).await {
            Ok(()) => Ok(server),
            Err(error) => {
                server.stop().await;
                Err(error)
            }
        }
    }
}

/// What the server tells others of itself.
fn this_server(builder: &Builder, place: &str, pipeline: Option<&Pipeline>) -> NewServer {
    let run = Uuid::new_v4();
    let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    NewServer {
        id: match pipeline {
            Some(pipeline) => events::id(pipeline),
            None => run.to_string(),
        },
        run,
        has_events: pipeline.is_some(),
        hostname: hostname.trim().to_owned(),
        address: place.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        heartbeat: builder.heartbeat,
    }
}
