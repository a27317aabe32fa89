//! A server's place among those on the same catalog.
//!
//! Every server registers in the catalog and tells again and again that it is there. One that
//! keeps events of its own may not be beside another such one: each would answer for its own
//! events only, and an erasure or a purge on one would leave the other's.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use paneld_domain::ErrorChain;
use paneld_repository::{
    GivesWay, MISSED_HEARTBEATS, NewServer, Registered, RegisteredServer, Repository,
    RepositoryError,
};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use uuid::Uuid;

/// How often a server tells that it is there.
pub const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long the catalog may take to forget a server that stops.
const PATIENCE: Duration = Duration::from_secs(2);

/// Another server keeps events of its own on the same catalog.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "another server with events of its own is at work on this catalog: {id} on {hostname} \
     ({address}), version {version}. One server alone takes events: its live sessions are in its \
     memory, and its events may be in a file. Either stop the other server, or let this one serve keys, limits and the Manage API only: \
     set events_url=off (PANELD_EVENTS_URL=off)",
    id = .0.id, hostname = .0.hostname, address = .0.address, version = .0.version
)]
pub struct Beside(Box<NewServer>);

/// Why a server could not register.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// Another server with events is there, and has not fallen silent.
    #[error(transparent)]
    Beside(#[from] Beside),
    /// The catalog cannot be written.
    #[error("the server cannot be registered in the catalog")]
    Catalog(#[from] RepositoryError),
}

/// Why a server takes no events for now.
#[derive(Debug, thiserror::Error)]
pub enum NotRegistered {
    /// Another one took its place.
    #[error("the server lost its place in the catalog, and stops")]
    Lost,
    /// It did not run for a while, and another one may have taken its place meanwhile.
    #[error("the server was paused, and does not know yet whether it is still registered")]
    Paused,
    /// The server was stopped, and takes nothing any more.
    #[error("the server was stopped")]
    Stopped,
}

/// The registration of a server, which is kept up until it is given up.
#[derive(Debug)]
pub struct Registration {
    repository: Repository,
    id: String,
    run: Uuid,
    standing: Standing,
    beating: JoinHandle<()>,
}

impl Registration {
    /// Registers a server. An earlier start of the same server is replaced at once. Another
    /// server with events has to be silent for two heartbeats; it is watched for as long.
    ///
    /// # Errors
    /// When another server with events is at work, or the catalog cannot be written.
    pub async fn take(
        repository: Repository,
        server: NewServer,
    ) -> Result<Self, RegistrationError> {
        register(&repository, &server).await?;
        let standing = Standing::new(server.heartbeat * MISSED_HEARTBEATS);
        let (id, run) = (server.id.clone(), server.run);
        let beating = beat(repository.clone(), server, standing.clone());
        Ok(Self {
            repository,
            id,
            run,
            beating: tokio::spawn(beating),
            standing,
        })
    }

    /// Whether it still holds, for those who take events.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Forgets the server, which stops: it takes no events any more.
    pub async fn give_up(self) {
        self.standing.0.is_given_up.store(true, Ordering::Relaxed);
        self.beating.abort();
        let forgotten = self.repository.unregister_server(self.id.clone(), self.run);
        let why = match timeout(PATIENCE, forgotten).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => ErrorChain(&error).to_string(),
            Err(elapsed) => elapsed.to_string(),
        };
        tracing::debug!(
            error = why,
            "the server stays registered until it is silent for long"
        );
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.beating.abort();
    }
}

/// Whether a server may take events. Clones tell of the same server.
#[derive(Debug, Clone)]
pub struct Standing(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// When it was last known, or could not be known for the catalog was away.
    renewed_at: Mutex<Instant>,
    good_for: Duration,
    lost_to: watch::Sender<Option<Beside>>,
    is_given_up: AtomicBool,
}

impl Standing {
    fn new(good_for: Duration) -> Self {
        Self(Arc::new(Inner {
            renewed_at: Mutex::new(Instant::now()),
            good_for,
            lost_to: watch::Sender::new(None),
            is_given_up: AtomicBool::new(false),
        }))
    }

    /// Demands that no other server can have taken this one's place.
    ///
    /// # Errors
    /// When one has, when this one was paused so long that one may have, or when it was stopped.
    pub fn demand(&self) -> Result<(), NotRegistered> {
        if self.0.is_given_up.load(Ordering::Relaxed) {
            return Err(NotRegistered::Stopped);
        }
        if self.0.lost_to.borrow().is_some() {
            return Err(NotRegistered::Lost);
        }
        if self.is_current() {
            Ok(())
        } else {
            Err(NotRegistered::Paused)
        }
    }

    /// Waits until another server has taken this one's place, and tells which.
    pub async fn lost(&self) -> Beside {
        let mut lost_to = self.0.lost_to.subscribe();
        match lost_to.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(beside)) => beside.clone(),
            // It is this value that sends.
            _ => std::future::pending().await,
        }
    }

    fn is_current(&self) -> bool {
        let renewed_at = self.0.renewed_at.lock();
        renewed_at.unwrap_or_else(PoisonError::into_inner).elapsed() < self.0.good_for
    }

    fn renew(&self) {
        let mut renewed_at = self
            .0
            .renewed_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *renewed_at = Instant::now();
    }

    fn lose(&self, to: RegisteredServer) {
        self.0
            .lost_to
            .send_replace(Some(Beside(Box::new(to.server))));
    }
}

/// Registers a server at its start.
async fn register(repository: &Repository, server: &NewServer) -> Result<(), RegistrationError> {
    let mut silent = Vec::new();
    let mut watched = None;
    loop {
        let gives_way = GivesWay::Replaced(silent.clone());
        let registered = repository.register_server(server.clone(), gives_way);
        let other = match registered.await? {
            Registered::Yes => return Ok(()),
            Registered::Beside(other) => other,
        };
        let heartbeat = other.server.heartbeat;
        let seen = (other.server.run, other.heartbeat_at);
        match watched {
            None => {
                tracing::info!(
                    server.id = other.server.id,
                    server.hostname = other.server.hostname,
                    "another server with events is registered: waiting for its next heartbeats"
                );
                watched = Some((seen, Instant::now()));
            }
            Some((before, _)) if before != seen => {
                return Err(Beside(Box::new(other.server)).into());
            }
            Some((_, since)) if since.elapsed() >= heartbeat * MISSED_HEARTBEATS => {
                silent.push(seen);
                watched = None;
                continue;
            }
            Some(_) => {}
        }
        sleep(heartbeat / 4).await;
    }
}

/// Tells again and again that the server is there, until another one took its place.
async fn beat(repository: Repository, server: NewServer, standing: Standing) {
    let mut ticks = interval(server.heartbeat);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first one comes at once.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let known = timeout(server.heartbeat / 2, is_registered(&repository, &server)).await;
        match known {
            Ok(Ok(Registered::Yes)) => standing.renew(),
            Ok(Ok(Registered::Beside(other))) => {
                standing.lose(*other);
                return;
            }
            Ok(Err(_)) | Err(_) => {
                // While the catalog is away, nobody can take this place; but whoever was paused
                // before does not know what happened meanwhile.
                if standing.is_current() {
                    standing.renew();
                }
                ticks.reset_after(server.heartbeat / 4);
            }
        }
    }
}

/// Whether the server is registered, perhaps anew: its row may be gone with a catalog that was
/// restored.
async fn is_registered(
    repository: &Repository,
    server: &NewServer,
) -> Result<Registered, RepositoryError> {
    let noted = repository.note_heartbeat(server.id.clone(), server.run);
    if noted.await? {
        return Ok(Registered::Yes);
    }
    let registered = repository.register_server(server.clone(), GivesWay::Silent);
    registered.await
}
