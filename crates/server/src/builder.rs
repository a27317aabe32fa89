//! What a server is told before it starts.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use paneld_auth::PlainSecret;
use paneld_domain::{ClientId, Clock, Limits, Name};
use paneld_guard::{PublicUrl, TrustedProxies, VisitorAddress};
use paneld_ratelimit::RedisDown;
use paneld_redis::{KeyPrefix, RedisUrl};
use paneld_service::{CatalogUrl, HEARTBEAT};

#[cfg(feature = "events")]
use crate::event_settings::EventSettings;
use crate::{
    FirstCredentials, StartError,
    first_start::FirstStart,
    tls::{Tls, TlsFiles},
};

/// A server that is to be started. Without any setting it is the one that `paneld` starts without
/// any: everything in `./paneld-data`, limits in the process.
///
/// `docs/configuration.md` in the repository says more of every setting; they have the same names
/// there.
#[derive(Debug)]
#[must_use = "nothing is started before `build` or `listen`"]
pub struct Builder {
    pub(crate) data_dir: PathBuf,
    catalog: Option<CatalogUrl>,
    #[cfg(feature = "events")]
    pub(crate) events: EventSettings,
    pub(crate) first_start: FirstStart,
    pub(crate) limits: Limits,
    pub(crate) redis: Option<Redis>,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) visitor_address: VisitorAddress,
    pub(crate) allow_root_creation: bool,
    pub(crate) console: bool,
    pub(crate) public_url: Option<PublicUrl>,
    tls: Option<TlsFiles>,
    pub(crate) listen_redirect: Option<SocketAddr>,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) heartbeat: Duration,
    pub(crate) clock: Clock,
    pub(crate) chores: Chores,
}

/// A Redis that several processes share.
#[derive(Debug, Clone)]
pub struct Redis {
    /// Where it is: host, port, credentials and number of the database.
    pub url: RedisUrl,
    /// What the names of keys and channels begin with.
    pub prefix: KeyPrefix,
    /// What becomes of requests while it is away.
    pub down: RedisDown,
}

/// Who says when the time has come for what has to be done again and again, such as ending idle
/// sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chores {
    /// The server itself, by real time.
    ByThemselves,
    /// Whoever calls [`Upkeep`](crate::Upkeep) and [`Compaction`](crate::Compaction): tests that
    /// set the clock.
    WhenAsked,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            data_dir: "./paneld-data".into(),
            catalog: None,
            #[cfg(feature = "events")]
            events: EventSettings::default(),
            first_start: FirstStart::default(),
            limits: Limits::default(),
            redis: None,
            trusted_proxies: TrustedProxies::loopback(),
            visitor_address: VisitorAddress::Any,
            allow_root_creation: true,
            console: true,
            public_url: None,
            tls: None,
            listen_redirect: None,
            shutdown_timeout: Duration::from_secs(30),
            heartbeat: HEARTBEAT,
            clock: Clock::system(),
            chores: Chores::ByThemselves,
        }
    }
}

impl Builder {
    /// The folder where everything is kept. It is made, for its owner alone, unless it is there.
    /// One server at a time can have it.
    pub fn data_dir(self, folder: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: folder.into(),
            ..self
        }
    }

    /// Where organizations, projects, clients and references are kept; else in `catalog.sqlite`
    /// in the data folder.
    pub fn catalog(self, url: CatalogUrl) -> Self {
        Self {
            catalog: Some(url),
            ..self
        }
    }

    /// The name of the organization that the first start makes.
    pub fn organization(mut self, name: Name) -> Self {
        self.first_start.organization = Some(name);
        self
    }

    /// A root client to make at the start, unless it is or ever was there. Without one, a start
    /// with an empty catalog makes one of its own.
    pub fn root_client(mut self, id: ClientId, secret: PlainSecret) -> Self {
        self.first_start.client = Some((id, secret));
        self
    }

    /// Where the credentials go of a root client that was not given.
    pub fn first_credentials(mut self, to: FirstCredentials) -> Self {
        self.first_start.credentials = to;
        self
    }

    /// How often callers may call.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// A Redis through which several processes share rate limits and hear of revoked clients.
    pub fn redis(self, redis: Redis) -> Self {
        Self {
            redis: Some(redis),
            ..self
        }
    }

    /// The proxies whose word on peer addresses is believed; else those on the same machine.
    pub fn trusted_proxies(self, proxies: TrustedProxies) -> Self {
        Self {
            trusted_proxies: proxies,
            ..self
        }
    }

    /// Whose word on visitors' addresses is believed; else everybody's.
    pub fn visitor_address(self, believed: VisitorAddress) -> Self {
        Self {
            visitor_address: believed,
            ..self
        }
    }

    /// Whether root clients may be made through the Manage API; else they may.
    pub fn allow_root_creation(self, is_allowed: bool) -> Self {
        Self {
            allow_root_creation: is_allowed,
            ..self
        }
    }

    /// Whether the console is served, the page that people look at; else it is, where it is built
    /// in.
    pub fn console(self, is_served: bool) -> Self {
        Self {
            console: is_served,
            ..self
        }
    }

    /// The address by which people reach what is mounted, such as
    /// `https://stats.example.com`; else the one that each caller asks for. Links are made of it,
    /// and pages of its origin are the server's own.
    pub fn public_url(self, url: PublicUrl) -> Self {
        Self {
            public_url: Some(url),
            ..self
        }
    }

    /// What a server that [listens](Self::listen) encrypts with: files, in PEM form, of its
    /// certificate with those that lead to a root, and of its key. They are read again when they
    /// change. Without them nothing is encrypted.
    pub fn tls(self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        let (certificate, key) = (certificate.into(), key.into());
        Self {
            tls: Some(TlsFiles { certificate, key }),
            ..self
        }
    }

    /// A second address on which a server that [encrypts](Self::tls) listens for plain HTTP, and
    /// leads all who come to the encrypted one; else there is none.
    pub fn listen_redirect(self, address: SocketAddr) -> Self {
        Self {
            listen_redirect: Some(address),
            ..self
        }
    }

    /// How long requests may take to finish when a server that [listens](Self::listen) is
    /// stopped; else 30 seconds. Whole seconds count.
    pub fn shutdown_timeout(self, timeout: Duration) -> Self {
        Self {
            shutdown_timeout: timeout,
            ..self
        }
    }

    /// How often the server tells others on the same catalog that it is there; else every five
    /// seconds. One that was silent for twice as long may be replaced.
    pub fn heartbeat(self, interval: Duration) -> Self {
        Self {
            heartbeat: interval,
            ..self
        }
    }

    /// What time it is, for tests that set it; else the system's.
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Whether the server does by itself what has to be done again and again; else it does.
    pub fn chores(self, chores: Chores) -> Self {
        Self { chores, ..self }
    }

    /// Whether a server can work with these settings.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let wrong = |setting, why| Err(StartError::Setting { setting, why });
        if self.heartbeat.is_zero() {
            return wrong("heartbeat", "must be longer than nothing");
        }
        if self.listen_redirect.is_some() && self.tls.is_none() {
            return wrong("listen_redirect", "goes with tls");
        }
        #[cfg(feature = "events")]
        if let Some((setting, why)) = self.events.problem() {
            return wrong(setting, why);
        }
        Ok(())
    }

    /// Reads certificate and key, where there are some.
    pub(crate) fn start_tls(&self) -> Result<Option<Tls>, StartError> {
        let files = self.tls.clone();
        let tls = files.map(|files| Tls::start(files, self.clock.clone()));
        Ok(tls.transpose()?)
    }

    /// How callers speak with a server that listens.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Whether there is a console.
    pub(crate) fn has_console(&self) -> bool {
        cfg!(feature = "console") && self.console
    }

    pub(crate) fn catalog_url(&self) -> CatalogUrl {
        let in_data_dir = || CatalogUrl::Sqlite(self.data_dir.join("catalog.sqlite"));
        self.catalog.clone().unwrap_or_else(in_data_dir)
    }
}
