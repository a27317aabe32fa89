//! What can be set of a client, as flags: the fields of the Manage API in kebab case.

use std::str::FromStr;

use clap::Args;
use paneld_domain::{
    AddressRange, ClientChanges, ClientRateLimits, CorsEntry, InvalidValue, Timestamp,
    parse_timestamp,
};

/// Settings; what is not given stays as it is, or is the default of a new client.
#[derive(Debug, Args)]
pub(crate) struct ClientSettings {
    /// Whether it may be used
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
    /// From when on it is refused
    #[arg(long, value_name = "never|TIME")]
    expires_at: Option<Expiry>,
    /// The addresses and networks it may call from
    #[arg(long, value_name = "any|ADDRESS,…")]
    allowed_ips: Option<AllowedIps>,
    /// The origins that may send its events without a secret
    #[arg(long, value_name = "project|none|ORIGIN,…")]
    cors: Option<Cors>,
    /// Its own rate limits instead of the server's; here they have no maximum
    #[arg(long, value_name = "server|GROUP=RATE,…")]
    rate_limits: Option<RateLimits>,
    /// Whether its events are accepted without a secret and from any origin
    #[arg(long, value_name = "true|false")]
    ignore_cors_and_secret: Option<bool>,
}

impl ClientSettings {
    /// The changes they stand for.
    pub(super) fn into_changes(self) -> ClientChanges {
        ClientChanges {
            name: None,
            enabled: self.enabled,
            expires_at: self.expires_at.map(|Expiry(end)| end),
            allowed_ips: self.allowed_ips.map(|AllowedIps(entries)| entries),
            cors: self.cors.map(|Cors(entries)| entries),
            rate_limits: self.rate_limits.map(|RateLimits(limits)| limits),
            ignore_cors_and_secret: self.ignore_cors_and_secret,
        }
    }
}

#[derive(Debug, Clone)]
struct Expiry(Option<Timestamp>);

impl FromStr for Expiry {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "never" => Ok(Self(None)),
            time => parse_timestamp(time).map(|end| Self(Some(end))),
        }
    }
}

#[derive(Debug, Clone)]
struct AllowedIps(Vec<AddressRange>);

impl FromStr for AllowedIps {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "any" => Ok(Self(Vec::new())),
            list => entries(list).map(Self),
        }
    }
}

#[derive(Debug, Clone)]
struct Cors(Option<Vec<CorsEntry>>);

impl FromStr for Cors {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "project" => Ok(Self(None)),
            "none" => Ok(Self(Some(Vec::new()))),
            list => entries(list).map(|list| Self(Some(list))),
        }
    }
}

#[derive(Debug, Clone)]
struct RateLimits(Option<ClientRateLimits>);

impl FromStr for RateLimits {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "server" {
            return Ok(Self(None));
        }
        let mut limits = ClientRateLimits::default();
        for entry in text.split(',') {
            let (group, rate) = entry.split_once('=').unwrap_or((entry, ""));
            let limit = match group {
                "manage" => &mut limits.manage,
                "export" => &mut limits.export,
                "insights" => &mut limits.insights,
                "track" => &mut limits.track,
                _ => {
                    return Err(InvalidValue::new(
                        "must be server, or rates of the groups manage, export, insights and \
                         track, such as manage=20/10s,track=50000/10s",
                    ));
                }
            };
            *limit = Some(rate.parse()?);
        }
        Ok(Self(Some(limits)))
    }
}

fn entries<T: FromStr<Err = InvalidValue>>(list: &str) -> Result<Vec<T>, InvalidValue> {
    list.split(',').map(str::parse).collect()
}
