//! The configuration: gathered from flags, environment, file and defaults, and validated whole.

mod gather;
mod reference;
mod settings;

use std::{net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use anyhow::bail;
use chrono::TimeDelta;
use paneld_auth::PlainSecret;
use paneld_domain::{AddressRange, ClientId, InvalidValue, Limits, Name, Rate};
use paneld_guard::{PublicUrl, TrustedProxies, VisitorAddress};
use paneld_redis::RedisUrl;
use paneld_server::Redis;
use paneld_service::{CatalogUrl, EventsUrl, HEARTBEAT};
use tracing_subscriber::filter::{LevelFilter, Targets};

pub use gather::{Gathered, Source};
pub use reference::{print_effective, print_reference};
pub use settings::{FILE_FLAG, SETTINGS, Setting};

/// What the server is told.
#[derive(Debug)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// What is encrypted with, if anything is.
    pub tls: Option<Tls>,
    /// Where to lead from `http` to `https`.
    pub listen_redirect: Option<SocketAddr>,
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Where the catalog is.
    pub catalog: CatalogUrl,
    /// Where events are; `None` when this server keeps none.
    pub events: Option<EventsUrl>,
    /// How many bytes of memory reports and exports may use.
    pub events_memory: u64,
    /// How many bytes may wait in the spool.
    pub spool_limit: u64,
    /// How many live sessions there may be.
    pub sessions_limit: usize,
    /// Within which time nothing is left in the files of what was removed.
    pub erased_within: TimeDelta,
    /// The file that knows where addresses are.
    pub geoip: Option<PathBuf>,
    /// The file that knows of which networks addresses are.
    pub asn: Option<PathBuf>,
    /// What the first start makes.
    pub bootstrap: Bootstrap,
    /// The rate limits.
    pub limits: Limits,
    /// Where Redis is, if there is one.
    pub redis: Option<Redis>,
    /// The proxies whose word on addresses is believed.
    pub trusted_proxies: TrustedProxies,
    /// Whose word on visitors' addresses is believed.
    pub visitor_address: VisitorAddress,
    /// Whether root clients may be made through the API.
    pub allow_root_creation: bool,
    /// Whether the console is served.
    pub console: bool,
    /// The address by which people reach the server, where it is configured.
    pub public_url: Option<PublicUrl>,
    /// What to log: a level for each part of the program.
    pub log: Targets,
    /// How to log.
    pub log_format: LogFormat,
    /// Where to serve metrics.
    pub metrics_listen: Option<SocketAddr>,
    /// How long requests may take to finish when the server is stopped.
    pub shutdown_timeout: Duration,
    /// How often the server tells others on the same catalog that it is there. No setting: it is
    /// here for tests.
    pub heartbeat: Duration,
}

/// What is encrypted with.
#[derive(Debug)]
pub struct Tls {
    /// The file of the certificate, and of those that lead to a root.
    pub certificate: PathBuf,
    /// The file of its key.
    pub key: PathBuf,
}

/// What the first start makes, where it is told.
#[derive(Debug)]
pub struct Bootstrap {
    /// The name of the organization.
    pub organization: Option<Name>,
    /// The credentials of the root client.
    pub client: Option<(ClientId, PlainSecret)>,
}

/// How to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// Text for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(InvalidValue::new("must be auto, text or json")),
        }
    }
}

impl Config {
    /// Reads what was gathered.
    ///
    /// # Errors
    /// Everything that is wrong, one a line, each with its name, what it must be, and an
    /// example.
    pub fn read(gathered: &Gathered) -> anyhow::Result<Self> {
        let mut reader = Reader {
            gathered,
            problems: Vec::new(),
        };
        let config = reader.config();
        match config {
            Some(config) if reader.problems.is_empty() => Ok(config),
            _ => bail!(
                "the configuration is wrong:\n  {}",
                reader.problems.join("\n  ")
            ),
        }
    }
}

struct Reader<'a> {
    gathered: &'a Gathered,
    problems: Vec<String>,
}

impl Reader<'_> {
    /// `None` when anything is wrong; but everything is looked at first.
    fn config(&mut self) -> Option<Config> {
        let listen = self.parse("listen", parse_socket_address);
        let tls = self.tls();
        let listen_redirect = self.redirect(&tls);
        let data_dir = self.parse("data_dir", |text| Ok(PathBuf::from(text)));
        let catalog = match (self.text("catalog_url"), &data_dir) {
            (Some(_), _) => self.parse("catalog_url", str::parse),
            (None, Some(folder)) => Some(CatalogUrl::Sqlite(folder.join("catalog.sqlite"))),
            (None, None) => None,
        };
        let events = match (self.text("events_url"), &data_dir) {
            (Some("off"), _) => Some(None),
            (Some(_), _) => self.parse("events_url", str::parse).map(Some),
            (None, Some(folder)) => Some(Some(EventsUrl::DuckDb(folder.join("events.duckdb")))),
            (None, None) => None,
        };
        let events_memory = self.parse("events_memory", |text| parse_mebibytes(text, 128));
        let spool_limit = self.parse("spool_limit", |text| parse_mebibytes(text, 1));
        let sessions_limit = self.parse("sessions_limit", parse_count);
        let erased_within = self.parse("erased_within", |text| {
            let minutes = text.parse().ok();
            let minutes = minutes.filter(|minutes| (1..=10_080).contains(minutes));
            let minutes = minutes.and_then(TimeDelta::try_minutes);
            minutes.ok_or(InvalidValue::new(
                "must be a number of minutes from 1 to 10080",
            ))
        });
        let geoip = self.optional("geoip", |text| Ok(PathBuf::from(text)));
        let asn = self.optional("asn", |text| Ok(PathBuf::from(text)));
        let bootstrap = self.bootstrap();
        let limits = self.limits();
        let redis = self.redis();
        let trusted_proxies = self.parse("trusted_proxies", parse_proxies);
        let visitor_address = self.parse("visitor_address", str::parse);
        let allow_root_creation = self.parse("allow_root_creation", parse_bool);
        let console = self.parse("console", parse_bool);
        let public_url = self.optional("public_url", str::parse);
        let log = self.parse("log", parse_log);
        let metrics_listen = self.optional("metrics_listen", parse_socket_address);
        let log_format = self.parse("log_format", str::parse);
        let shutdown_timeout = self.parse("shutdown_timeout", |text| {
            let wrong = "must be a whole number of seconds";
            let seconds = text
                .parse::<u32>()
                .map_err(|_not_one| InvalidValue::new(wrong))?;
            Ok(Duration::from_secs(seconds.into()))
        });
        Some(Config {
            listen: listen?,
            tls: tls?,
            listen_redirect: listen_redirect?,
            data_dir: data_dir?,
            catalog: catalog?,
            events: events?,
            events_memory: events_memory?,
            spool_limit: spool_limit?,
            sessions_limit: sessions_limit?,
            erased_within: erased_within?,
            geoip: geoip?,
            asn: asn?,
            bootstrap: bootstrap?,
            limits: limits?,
            redis: redis?,
            trusted_proxies: trusted_proxies?,
            visitor_address: visitor_address?,
            allow_root_creation: allow_root_creation?,
            console: console?,
            public_url: public_url?,
            log: log?,
            log_format: log_format?,
            metrics_listen: metrics_listen?,
            shutdown_timeout: shutdown_timeout?,
            heartbeat: HEARTBEAT,
        })
    }

    fn tls(&mut self) -> Option<Option<Tls>> {
        let mut file = |key| self.optional(key, |text| Ok(PathBuf::from(text)));
        match (file("tls_certificate")?, file("tls_key")?) {
            (Some(certificate), Some(key)) => Some(Some(Tls { certificate, key })),
            (None, None) => Some(None),
            _ => {
                self.problems.push(
                    "PANELD_TLS_CERTIFICATE and PANELD_TLS_KEY go together: give both or none"
                        .to_owned(),
                );
                None
            }
        }
    }

    fn redirect(&mut self, tls: &Option<Option<Tls>>) -> Option<Option<SocketAddr>> {
        let address = self.optional("listen_redirect", parse_socket_address)?;
        if address.is_some() && matches!(tls, Some(None)) {
            self.problems.push(
                "PANELD_LISTEN_REDIRECT leads to https: give PANELD_TLS_CERTIFICATE and \
                 PANELD_TLS_KEY, too"
                    .to_owned(),
            );
            return None;
        }
        Some(address)
    }

    fn bootstrap(&mut self) -> Option<Bootstrap> {
        let organization = self.optional("bootstrap_organization", str::parse::<Name>);
        let id = self.optional("bootstrap_client_id", str::parse::<ClientId>);
        let secret = self.optional("bootstrap_client_secret", parse_chosen_secret);
        let client = match (id?, secret?) {
            (Some(id), Some(secret)) => Some((id, secret)),
            (None, None) => None,
            _ => {
                self.problems.push(
                    "PANELD_BOOTSTRAP_CLIENT_ID and PANELD_BOOTSTRAP_CLIENT_SECRET go together: \
                     give both or none"
                        .to_owned(),
                );
                return None;
            }
        };
        Some(Bootstrap {
            organization: organization?,
            client,
        })
    }

    fn limits(&mut self) -> Option<Limits> {
        let mut rate = |key| {
            self.parse(key, |text| match text {
                "off" => Ok(None),
                rate => rate.parse::<Rate>().map(Some),
            })
        };
        let manage = rate("rate_limit_manage");
        let export = rate("rate_limit_export");
        let insights = rate("rate_limit_insights");
        let console = rate("rate_limit_console");
        let share = rate("rate_limit_share");
        let track = rate("rate_limit_track");
        let track_visitor = rate("rate_limit_track_visitor");
        let new_visitors = rate("rate_limit_new_visitors");
        let auth_failures = rate("rate_limit_auth_failures");
        let client_factor = self.parse("rate_limit_client_factor", |text| {
            let factor = text.parse().ok().filter(|&factor| factor > 0);
            factor.ok_or(InvalidValue::new("must be a whole number of at least 1"))
        });
        Some(Limits {
            manage: manage?,
            export: export?,
            insights: insights?,
            console: console?,
            share: share?,
            track: track?,
            track_visitor: track_visitor?,
            new_visitors: new_visitors?,
            auth_failures: auth_failures?,
            client_factor: client_factor?,
        })
    }

    fn redis(&mut self) -> Option<Option<Redis>> {
        let url = self.optional("redis_url", str::parse::<RedisUrl>);
        let prefix = self.parse("redis_prefix", str::parse);
        let down = self.parse("redis_down", str::parse);
        let (url, prefix, down) = (url?, prefix?, down?);
        Some(url.map(|url| Redis { url, prefix, down }))
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.gathered.get(key).map(|value| value.text.as_str())
    }

    /// A setting that has a default, and so always a value.
    fn parse<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, InvalidValue>,
    ) -> Option<T> {
        self.optional(key, parse).flatten()
    }

    /// A setting that may have no value; `None` when it has a wrong one.
    fn optional<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, InvalidValue>,
    ) -> Option<Option<T>> {
        let Some(value) = self.gathered.get(key) else {
            return Some(None);
        };
        match parse(&value.text) {
            Ok(parsed) => Some(Some(parsed)),
            Err(why) => {
                let setting = value.setting;
                let given = if setting.is_secret {
                    "its value".to_owned()
                } else {
                    format!("{:?}", value.text)
                };
                let (name, example) = (&value.name, setting.example);
                self.problems
                    .push(format!("{name}: {given} {why} (for example {example})"));
                None
            }
        }
    }
}

fn parse_proxies(text: &str) -> Result<TrustedProxies, InvalidValue> {
    let entries = text.split(',').map(str::trim);
    let named = entries.filter(|entry| !entry.is_empty() && *entry != "none");
    let proxies = named.map(str::parse::<AddressRange>);
    Ok(TrustedProxies::new(proxies.collect::<Result<_, _>>()?))
}

fn parse_socket_address(text: &str) -> Result<SocketAddr, InvalidValue> {
    let wrong = "must be an address and port";
    text.parse()
        .map_err(|_not_an_address| InvalidValue::new(wrong))
}

/// What libraries say of every connection that is not as it should be: any stranger could fill
/// the log with it.
const QUIET: [(&str, LevelFilter); 3] = [
    ("actix_server", LevelFilter::WARN),
    ("actix_http", LevelFilter::OFF),
    ("redis", LevelFilter::OFF),
];

/// Reads a filter. One that is not for debugging leaves out what is not asked for by name of
/// [`QUIET`].
fn parse_log(text: &str) -> Result<Targets, InvalidValue> {
    let wrong = |_not_a_filter| InvalidValue::new("must be levels for parts of the program");
    let filter = text.parse::<Targets>().map_err(wrong)?;
    if filter.default_level() > Some(LevelFilter::INFO) {
        return Ok(filter);
    }
    let is_named = |target: &str| filter.iter().any(|(named, _)| named == target);
    let quiet = QUIET.into_iter().filter(|(target, _)| !is_named(target));
    let quiet = quiet.collect::<Vec<_>>();
    Ok(filter.with_targets(quiet))
}

/// Reads a secret that a person may have chosen.
fn parse_chosen_secret(text: &str) -> Result<PlainSecret, InvalidValue> {
    let secret = text.parse::<PlainSecret>()?;
    if secret.is_strong() {
        Ok(secret)
    } else {
        Err(InvalidValue::new(
            "must be hard to guess; generate one, or if the client is there already, leave its \
             id and secret out of the configuration and rotate the secret",
        ))
    }
}

fn parse_mebibytes(text: &str, least: u64) -> Result<u64, InvalidValue> {
    let number = text.parse::<u64>().ok().filter(|number| *number >= least);
    let bytes = number.and_then(|number| number.checked_mul(1024 * 1024));
    bytes.ok_or_else(|| InvalidValue::new(format!("must be a whole number of at least {least}")))
}

fn parse_count(text: &str) -> Result<usize, InvalidValue> {
    let number = text.parse::<usize>().ok().filter(|number| *number > 0);
    number.ok_or(InvalidValue::new("must be a whole number of at least 1"))
}

fn parse_bool(text: &str) -> Result<bool, InvalidValue> {
    match text {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(InvalidValue::new("must be true or false")),
    }
}
