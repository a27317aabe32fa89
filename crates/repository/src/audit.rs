//! The audit log: who changed what, and when.
//!
//! Every change of the catalog that somebody asks for writes its entry in its own transaction:
//! there is no change without an entry, and no entry without a change. A secret is in no entry,
//! nor is its hash.

use std::{collections::BTreeMap, fmt, net::IpAddr, str::FromStr};

use paneld_domain::{
    AddressRange, Client, ClientId, Description, InvalidValue, Organization, ProfileEdit, Project,
    ProjectId, Reference, RetentionDays, ShareLink, Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use crate::{RepositoryError, Resource, settings};

/// When something is done, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// The time at which it is done.
    pub at: Timestamp,
    /// The API client that asked for it; `None` when it is the operator's or the server's own
    /// doing.
    pub by: Option<Actor>,
}

impl Act {
    /// What the operator or the server itself does now.
    pub fn of_operator(at: Timestamp) -> Self {
        Self { at, by: None }
    }
}

/// The API client that asked for a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The id of the client that asked.
    pub client_id: ClientId,
    /// The address it called from.
    pub peer_address: IpAddr,
    /// The id of its request, as in the log.
    pub request_id: String,
}

/// What was done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The resource was made.
    Create,
    /// Its settings were changed; or the deletion of a project was cancelled.
    Update,
    /// A client was given a new secret.
    Rotate,
    /// It was deleted: a project for now, everything else for good.
    Delete,
    /// A deleted project was removed for good.
    Purge,
}

impl Action {
    /// The name of the action, as the API and the log spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Rotate => "rotate",
            Self::Delete => "delete",
            Self::Purge => "purge",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Action {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [
            Self::Create,
            Self::Update,
            Self::Rotate,
            Self::Delete,
            Self::Purge,
        ]
        .into_iter()
        .find(|action| action.as_str() == text)
        .ok_or(InvalidValue::new("must be an action of the audit log"))
    }
}

/// One entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// The id of the entry, a UUID.
    pub id: String,
    /// When it was done, and for whom.
    pub act: Act,
    /// What was done to the resource.
    pub action: Action,
    /// The kind of thing it was done to.
    pub resource: Resource,
    /// The id of that thing.
    pub resource_id: String,
    /// What changed, by field in snake case.
    pub changes: Changes,
}

/// The fields that changed, by their names in snake case.
pub type Changes = BTreeMap<String, FieldChange>;

/// The change of one field. Values have the form in which they are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// What it was; null when it had no value, or when there was no thing.
    pub from: Json,
    /// The value of the field behind the change.
    pub to: Json,
}

/// Which entries are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only entries about this kind of resource.
    pub resource: Option<Resource>,
    /// Only entries about the resource of this id.
    pub resource_id: Option<String>,
}

/// The fields of a thing that the audit log knows.
pub(crate) type Fields = Map<String, Json>;

/// A thing whose changes are kept in the audit log.
pub(crate) trait Audited {
    const RESOURCE: Resource;

    fn id(&self) -> String;

    /// What can be changed of it. No secrets, and no times that change by themselves.
    fn fields(&self) -> Result<Fields, RepositoryError>;
}

/// Something that was done, as it is written down.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) action: Action,
    pub(crate) resource: Resource,
    pub(crate) resource_id: String,
    pub(crate) changes: Changes,
}

impl Event {
    pub(crate) fn created<T: Audited>(made: &T) -> Result<Self, RepositoryError> {
        Ok(Self {
            action: Action::Create,
            resource: T::RESOURCE,
            resource_id: made.id(),
            changes: difference(&Fields::new(), &made.fields()?),
        })
    }

    /// A change; `None` when nothing did.
    pub(crate) fn changed<T: Audited>(
        action: Action,
        before: &T,
        after: &T,
    ) -> Result<Option<Self>, RepositoryError> {
        let changes = difference(&before.fields()?, &after.fields()?);
        Ok((!changes.is_empty()).then(|| Self {
            action,
            resource: T::RESOURCE,
            resource_id: after.id(),
            changes,
        }))
    }

    pub(crate) fn deleted<T: Audited>(gone: &T) -> Result<Self, RepositoryError> {
        Ok(Self {
            action: Action::Delete,
            resource: T::RESOURCE,
            resource_id: gone.id(),
            changes: difference(&gone.fields()?, &Fields::new()),
        })
    }

    /// A new secret, and until when the one it replaces still works.
    pub(crate) fn rotated(
        client: &Client,
        previous_expires_at: Option<Timestamp>,
    ) -> Result<Self, RepositoryError> {
        let grace = fields(json!({"previous_secret_expires_at": previous_expires_at.map(time)}))?;
        Ok(Self {
            action: Action::Rotate,
            resource: Resource::Client,
            resource_id: client.id(),
            changes: difference(&Fields::new(), &grace),
        })
    }

    /// The erasure of a profile of a project. Nothing of what is erased is in it but its id.
    pub(crate) fn erased(project: &ProjectId, profile_id: String) -> Result<Self, RepositoryError> {
        let gone = fields(json!({"project_id": project.to_string()}))?;
        Ok(Self {
            action: Action::Delete,
            resource: Resource::Profile,
            resource_id: profile_id,
            changes: difference(&gone, &Fields::new()),
        })
    }

    /// An edit of a profile of a project: which fields, and how many properties. What they are goes
    /// when the profile is erased, and this stays.
    pub(crate) fn edited(
        project: &ProjectId,
        profile_id: String,
        edit: &ProfileEdit,
    ) -> Result<Self, RepositoryError> {
        let told = [
            ("firstName", edit.first_name.is_some()),
            ("lastName", edit.last_name.is_some()),
            ("email", edit.email.is_some()),
            ("avatar", edit.avatar.is_some()),
            ("groups", edit.groups.is_some()),
        ];
        let told = told.into_iter().filter(|(_, is_told)| *is_told);
        let set = edit.properties.values().flatten().count();
        let edited = fields(json!({
            "project_id": project.to_string(),
            "fields": told.map(|(name, _)| name).collect::<Vec<_>>(),
            "properties_set": set,
            "properties_removed": edit.properties.len() - set,
        }))?;
        Ok(Self {
            action: Action::Update,
            resource: Resource::Profile,
            resource_id: profile_id,
            changes: difference(&Fields::new(), &edited),
        })
    }

    /// The end of something that could perhaps not even be read.
    pub(crate) fn purged(resource: Resource, resource_id: String) -> Self {
        Self {
            action: Action::Purge,
            resource,
            resource_id,
            changes: Changes::new(),
        }
    }
}

/// The fields that differ between a thing before and after. What was not there had no value,
/// and neither has what is gone.
fn difference(before: &Fields, after: &Fields) -> Changes {
    let names = before.keys().chain(after.keys());
    let value = |fields: &Fields, name: &String| fields.get(name).cloned().unwrap_or(Json::Null);
    let changed = names.filter_map(|name| {
        let (from, to) = (value(before, name), value(after, name));
        (from != to).then(|| (name.clone(), FieldChange { from, to }))
    });
    changed.collect()
}

impl Audited for Organization {
    const RESOURCE: Resource = Resource::Organization;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn fields(&self) -> Result<Fields, RepositoryError> {
        fields(json!({
            "name": self.name.to_string(),
            "timezone": self.zone.to_string(),
        }))
    }
}

impl Audited for Project {
    const RESOURCE: Resource = Resource::Project;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn fields(&self) -> Result<Fields, RepositoryError> {
        let types = self.types.iter().map(|kind| kind.as_str());
        fields(json!({
            "name": self.name.to_string(),
            "domain": self.domain.as_ref().map(ToString::to_string),
            "cors": stored(&settings::cors_to_text(&self.cors)?)?,
            "cross_domain": self.cross_domain,
            "allow_unsafe_revenue_tracking": self.allow_unsafe_revenue_tracking,
            "filters": stored(&settings::filters_to_text(&self.filters)?)?,
            "types": types.collect::<Vec<_>>(),
            "retention_days": self.retention_days.map(RetentionDays::get),
            "delete_at": self.delete_at.map(time),
        }))
    }
}

impl Audited for Client {
    const RESOURCE: Resource = Resource::Client;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn fields(&self) -> Result<Fields, RepositoryError> {
        let allowed_ips = self.allowed_ips.iter().map(AddressRange::as_str);
        let cors = self.cors.as_deref().map(settings::cors_to_text);
        let rate_limits = self.rate_limits.as_ref();
        let rate_limits = rate_limits.map(settings::rate_limits_to_text);
        fields(json!({
            "name": self.name.to_string(),
            "type": self.client_type.as_str(),
            "project_id": self.project_id.as_ref().map(ToString::to_string),
            "ignore_cors_and_secret": self.ignore_cors_and_secret,
            "enabled": self.enabled,
            "expires_at": self.expires_at.map(time),
            "allowed_ips": allowed_ips.collect::<Vec<_>>(),
            "cors": cors.transpose()?.as_deref().map(stored).transpose()?,
            "rate_limits": rate_limits.transpose()?.as_deref().map(stored).transpose()?,
        }))
    }
}

impl Audited for Reference {
    const RESOURCE: Resource = Resource::Reference;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn fields(&self) -> Result<Fields, RepositoryError> {
        fields(json!({
            "project_id": self.project_id.to_string(),
            "title": self.title.to_string(),
            "description": self.description.as_ref().map(Description::to_string),
            "date": time(self.date),
        }))
    }
}

impl Audited for ShareLink {
    const RESOURCE: Resource = Resource::ShareLink;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn fields(&self) -> Result<Fields, RepositoryError> {
        fields(json!({
            "project_id": self.project_id.to_string(),
            "name": self.name.to_string(),
            "has_password": self.has_password,
            "created_by": self.created_by.to_string(),
            "expires_at": self.expires_at.map(time),
        }))
    }
}

fn fields(object: Json) -> Result<Fields, RepositoryError> {
    match object {
        Json::Object(fields) => Ok(fields),
        _ => Err(RepositoryError::internal("fields are an object")),
    }
}

fn stored(text: &str) -> Result<Json, RepositoryError> {
    settings::from_text(text)
}

/// A time as the API shows it.
fn time(at: Timestamp) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_kept() {
        let object = |value| fields(value).unwrap();
        let before = object(json!({"name": "A", "enabled": true, "cors": null}));
        let after = object(json!({"name": "B", "enabled": true, "cors": ["*"]}));
        let shown = |changes: &Changes| serde_json::to_value(changes).unwrap();
        assert_eq!(
            shown(&difference(&before, &after)),
            json!({"name": {"from": "A", "to": "B"}, "cors": {"from": null, "to": ["*"]}})
        );
        assert_eq!(difference(&before, &before), Changes::new());
        let gone = difference(&object(json!({"name": "A", "cors": null})), &Fields::new());
        assert_eq!(shown(&gone), json!({"name": {"from": "A", "to": null}}));
    }
}
