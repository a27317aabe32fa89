//! The table of settings: flags, environment, file and reference page all come from it.

/// One setting.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its key in the file. Flag and variable have the same name in their own form.
    pub key: &'static str,
    /// Its value where none is given.
    pub default: Option<&'static str>,
    /// A value that would do.
    pub example: &'static str,
    /// What it is for, in sentences.
    pub help: &'static str,
    /// Whether it is never shown, and may come from a file of its own.
    pub is_secret: bool,
}

impl Setting {
    /// Its name in the environment.
    pub fn variable(&self) -> String {
        format!("PANELD_{}", self.key.to_uppercase())
    }

    /// Its flag. A secret has none: arguments can be seen by everyone on the machine.
    pub fn flag(&self) -> Option<String> {
        (!self.is_secret).then(|| self.key.replace('_', "-"))
    }

    /// Its key for the path of a file that holds its value, for a secret.
    pub fn file_key(&self) -> Option<String> {
        self.is_secret.then(|| format!("{}_file", self.key))
    }
}

/// The flag for the configuration file, and its variable in lower case.
pub const FILE_FLAG: &str = "config";

const fn setting(
    key: &'static str,
    default: Option<&'static str>,
    example: &'static str,
    help: &'static str,
) -> Setting {
    Setting {
        key,
        default,
        example,
        help,
        is_secret: false,
    }
}

/// All settings.
pub const SETTINGS: [Setting; 38] = [
    setting(
        "listen",
        Some("127.0.0.1:3333"),
        "127.0.0.1:3333",
        "The address and port to listen on. Beyond loopback, have it encrypted: by tls_certificate \
         and tls_key, or by a proxy in front.",
    ),
    setting(
        "tls_certificate",
        None,
        "/etc/paneld/fullchain.pem",
        "A file, in PEM form, with the certificate of the server, and behind it those that lead to \
         a root. With it the server speaks HTTPS, with TLS 1.2 and 1.3, and no plain HTTP on the \
         same port. It is read again when it changes. Goes with tls_key.",
    ),
    setting(
        "tls_key",
        None,
        "/etc/paneld/privkey.pem",
        "A file, in PEM form, with the key of that certificate, without a passphrase. Others should \
         not be able to read it.",
    ),
    setting(
        "listen_redirect",
        None,
        "0.0.0.0:80",
        "A second address and port, for plain HTTP: whoever asks there is led to the same path by \
         https. Goes with tls_certificate.",
    ),
    setting(
        "data_dir",
        Some("./paneld-data"),
        "/var/lib/paneld",
        "The folder where everything is kept. One process at a time.",
    ),
    Setting {
        key: "catalog_url",
        default: None,
        example: "sqlite:/var/lib/paneld/catalog.sqlite",
        help: "Where organizations, projects, clients and references are kept: in a SQLite file, \
               or in a PostgreSQL database, such as postgres://user:password@host/database. By \
               default in catalog.sqlite in the data folder.",
        // A database's URL holds its password.
        is_secret: true,
    },
    Setting {
        key: "events_url",
        default: None,
        example: "duckdb:/var/lib/paneld/events.duckdb",
        help: "Where events and sessions are kept: in a file of DuckDB, by default in \
               events.duckdb in the data folder; or in a ClickHouse database, such as \
               clickhouse://user:password@host:8123/database, or clickhouses://… over HTTPS. A \
               server with events must be the only such one on its catalog. With off the server \
               keeps none, and serves keys, limits and the Manage API alone; there may be many.",
        // A database's URL holds its password.
        is_secret: true,
    },
    setting(
        "events_memory",
        Some("160"),
        "1024",
        "How many MiB of memory reports and exports may use, at least 128; what does not fit goes \
         to disk. With more, reports that follow visitors through many millions of events are \
         faster.",
    ),
    setting(
        "spool_limit",
        Some("1024"),
        "4096",
        "How many MiB of what is tracked may wait on disk while the catalog or the event store is \
         away. Beyond that, Track is answered with 503; where there are several projects, beyond \
         half of it for those who have most waiting.",
    ),
    setting(
        "sessions_limit",
        Some("100000"),
        "500000",
        "How many live sessions are kept in memory, at about 2 KiB each, and 4 KiB on average at \
         most. Beyond that, some are ended before their half hour is over.",
    ),
    setting(
        "erased_within",
        Some("1440"),
        "4320",
        "Within how many minutes nothing is left in any file of profiles that were erased, \
         projects that were purged, and events that were kept long enough: 1 to 10080. Files are \
         written anew for that, in a quiet moment of the second half of that time if there is one.",
    ),
    setting(
        "geoip",
        None,
        "/var/lib/GeoIP/GeoLite2-City.mmdb",
        "A file in MaxMind's format that knows where addresses are. It is read again when it \
         changes. Without it nobody's place is known.",
    ),
    setting(
        "asn",
        None,
        "/var/lib/GeoIP/GeoLite2-ASN.mmdb",
        "A file in MaxMind's format that knows of which network addresses are, such as \
         GeoLite2-ASN, DB-IP ASN Lite or IPinfo Lite. It is read again when it changes. With it, \
         events tell the network of their visitor, and whether it is a data centre's.",
    ),
    setting(
        "bootstrap_organization",
        None,
        "Acme",
        "The name of the organization that the first start makes.",
    ),
    setting(
        "bootstrap_client_id",
        None,
        "fa0c2780-55f2-4d9e-bea0-da2e02c7b1a9",
        "The id of a root client to make at the start, unless it is or ever was there. Goes with \
         its secret.",
    ),
    Setting {
        key: "bootstrap_client_secret",
        default: None,
        example: "the output of: openssl rand -hex 32",
        help: "The secret of that root client: a generated one, or 16 to 256 visible ASCII \
               characters that are hard to guess.",
        is_secret: true,
    },
    setting(
        "rate_limit_manage",
        Some("20/10s"),
        "20/10s",
        "How often a client may call the Manage API, or off.",
    ),
    setting(
        "rate_limit_export",
        Some("100/10s"),
        "100/10s",
        "How often a client may call the Export API, or off.",
    ),
    setting(
        "rate_limit_insights",
        Some("100/10s"),
        "100/10s",
        "How often a client may call the Insights API, or off.",
    ),
    setting(
        "rate_limit_console",
        Some("300/10s"),
        "300/10s",
        "How often people who signed in to the console with the same client may ask for something, \
         or off. Nothing that they do takes from the limits of the client's programs.",
    ),
    setting(
        "rate_limit_share",
        Some("100/10s"),
        "100/10s",
        "How often one address (IPv6: one /64) may ask for something through the same share link, \
         or off.",
    ),
    setting(
        "rate_limit_track",
        Some("10000/10s"),
        "10000/10s",
        "How often a client may send events with its secret, imported rows included, or off. All \
         that comes without its secret is limited to the same rate, apart from these.",
    ),
    setting(
        "rate_limit_track_visitor",
        Some("100/10s"),
        "100/10s",
        "How often one visitor may send events without the secret, or off.",
    ),
    setting(
        "rate_limit_new_visitors",
        Some("10000/100s"),
        "10000/100s",
        "How many visitor addresses that were not seen lately one peer may tell for a client \
         without its secret, or off. The first number is never below what the client may send at \
         once. Beyond it the peer itself counts as the visitor.",
    ),
    setting(
        "rate_limit_auth_failures",
        Some("30/60s"),
        "30/60s",
        "How often authentication may fail from one address (IPv6: one /64), or off.",
    ),
    setting(
        "rate_limit_client_factor",
        Some("10"),
        "10",
        "How many times the rate of its group a client may be given through the Manage API.",
    ),
    Setting {
        key: "redis_url",
        default: None,
        example: "redis://:password@redis.internal:6379",
        help: "A Redis (6.2 or later, or Valkey) through which several processes share rate \
               limits and tell each other of revoked clients: redis://[USER:PASSWORD@]HOST[:PORT]\
               [/DB], redis+sentinel://…HOST[:PORT],…/MASTER[/DB] or \
               redis+cluster://…HOST[:PORT],…; with rediss in place of redis over TLS. Without it \
               limits are kept in the process.",
        is_secret: true,
    },
    setting(
        "redis_prefix",
        Some("paneld:"),
        "paneld:",
        "What the names of all keys and channels in Redis begin with. Processes that share limits \
         have the same.",
    ),
    setting(
        "redis_down",
        Some("local"),
        "local",
        "What becomes of requests while Redis is away: local limits them by what this process \
         counts, open lets them through (but limits failed authentication), closed refuses them \
         with 503.",
    ),
    setting(
        "trusted_proxies",
        Some("127.0.0.0/8,::1"),
        "127.0.0.0/8,10.0.0.0/8",
        "Proxies whose X-Forwarded-For (or else Forwarded) is believed: addresses and networks, \
         with commas between, or none. They must set or remove X-Forwarded-For.",
    ),
    setting(
        "visitor_address",
        Some("any"),
        "trusted",
        "Whose word on where a visitor is counts without the secret: any, which is everybody's, \
         as the public API has it; or trusted, which is that of trusted_proxies alone. Callers \
         that know the secret may always tell.",
    ),
    setting(
        "allow_root_creation",
        Some("true"),
        "true",
        "Whether root clients can be made through the Manage API.",
    ),
    setting(
        "console",
        Some("on"),
        "off",
        "Whether the console is served, the page that people look at: on or off.",
    ),
    setting(
        "public_url",
        None,
        "https://stats.example.com",
        "The address by which people reach the server, where it is another one than that on which \
         it listens: in links that are printed, and for pages of whose origin requests of a \
         browser are believed. Behind a proxy that changes the host, the console needs it.",
    ),
    setting(
        "log",
        Some("info,actix_server=warn,actix_http=off,redis=off"),
        "info,paneld_guard=debug",
        "What to log: a level (error, warn, info, debug, trace), and other levels for parts of the \
         program. At debug, every request has a line. Below that, what actix_server, actix_http and \
         redis say of single connections is left out unless they are named.",
    ),
    setting(
        "log_format",
        Some("auto"),
        "json",
        "How to log: text, json, or auto, which is text on a terminal and JSON elsewhere.",
    ),
    setting(
        "metrics_listen",
        None,
        "127.0.0.1:9464",
        "The address and port on which to serve metrics for Prometheus at /metrics. Without it \
         there are none. Anyone who can reach it can read them.",
    ),
    setting(
        "shutdown_timeout",
        Some("30"),
        "30",
        "How many seconds requests may take to finish when the server is stopped.",
    ),
];
