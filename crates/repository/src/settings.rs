//! Lists and settings that are stored as JSON texts: one shape for every backend.
//!
//! Values are trusted on the way back: what could be stored once must stay readable when the
//! rules for new values become stricter.

use paneld_domain::{
    AddressRange, ClientRateLimits, CorsEntry, EventName, Filter, ProfileId, Rate,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::RepositoryError;

/// A value as JSON text.
pub(crate) fn to_text<T: Serialize>(value: &T) -> Result<String, RepositoryError> {
    serde_json::to_string(value).map_err(RepositoryError::internal)
}

/// A value from JSON text.
pub(crate) fn from_text<T: DeserializeOwned>(text: &str) -> Result<T, RepositoryError> {
    serde_json::from_str(text).map_err(RepositoryError::internal)
}

/// A list of texts as its values.
pub(crate) fn parse_list<T>(text: &str) -> Result<Vec<T>, RepositoryError>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let texts = from_text::<Vec<String>>(text)?;
    let values = texts.iter().map(|text| text.parse());
    values
        .collect::<Result<_, _>>()
        .map_err(RepositoryError::internal)
}

pub(crate) fn cors_to_text(entries: &[CorsEntry]) -> Result<String, RepositoryError> {
    to_text(&entries.iter().map(CorsEntry::as_str).collect::<Vec<_>>())
}

pub(crate) fn cors_from_text(text: &str) -> Result<Vec<CorsEntry>, RepositoryError> {
    let entries = from_text::<Vec<String>>(text)?;
    Ok(entries.into_iter().map(CorsEntry::stored).collect())
}

pub(crate) fn ranges_from_text(text: &str) -> Result<Vec<AddressRange>, RepositoryError> {
    let ranges = from_text::<Vec<String>>(text)?;
    Ok(ranges.into_iter().map(AddressRange::stored).collect())
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum StoredFilter {
    Ip { ip: String },
    ProfileId { profile_id: String },
    Event { name: String },
}

pub(crate) fn filters_to_text(filters: &[Filter]) -> Result<String, RepositoryError> {
    let stored = filters.iter().map(|filter| match filter {
        Filter::Ip(ip) => StoredFilter::Ip { ip: ip.to_string() },
        Filter::ProfileId(id) => StoredFilter::ProfileId {
            profile_id: id.to_string(),
        },
        Filter::Event(name) => StoredFilter::Event {
            name: name.to_string(),
        },
    });
    to_text(&stored.collect::<Vec<_>>())
}

pub(crate) fn filters_from_text(text: &str) -> Result<Vec<Filter>, RepositoryError> {
    let stored = from_text::<Vec<StoredFilter>>(text)?;
    let filters = stored.into_iter().map(|filter| match filter {
        StoredFilter::Ip { ip } => Filter::Ip(AddressRange::stored(ip)),
        StoredFilter::ProfileId { profile_id } => Filter::ProfileId(ProfileId::stored(profile_id)),
        StoredFilter::Event { name } => Filter::Event(EventName::stored(name)),
    });
    Ok(filters.collect())
}

#[derive(Serialize, Deserialize)]
struct StoredRate {
    limit: u32,
    window_seconds: u32,
}

#[derive(Serialize, Deserialize)]
struct StoredRateLimits {
    #[serde(skip_serializing_if = "Option::is_none")]
    manage: Option<StoredRate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    export: Option<StoredRate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    insights: Option<StoredRate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    track: Option<StoredRate>,
}

pub(crate) fn rate_limits_to_text(limits: &ClientRateLimits) -> Result<String, RepositoryError> {
    let stored = |rate: Option<Rate>| {
        rate.map(|rate| StoredRate {
            limit: rate.limit(),
            window_seconds: rate.window_seconds(),
        })
    };
    to_text(&StoredRateLimits {
        manage: stored(limits.manage),
        export: stored(limits.export),
        insights: stored(limits.insights),
        track: stored(limits.track),
    })
}

pub(crate) fn rate_limits_from_text(text: &str) -> Result<ClientRateLimits, RepositoryError> {
    let rate = |stored: Option<StoredRate>| {
        stored
            .map(|rate| Rate::new(rate.limit, rate.window_seconds))
            .transpose()
            .map_err(RepositoryError::internal)
    };
    let stored = from_text::<StoredRateLimits>(text)?;
    Ok(ClientRateLimits {
        manage: rate(stored.manage)?,
        export: rate(stored.export)?,
        insights: rate(stored.insights)?,
        track: rate(stored.track)?,
    })
}
