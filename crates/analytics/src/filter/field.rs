//! What can be asked of an event or session, by name: `docs/contract/insights.md` §5.2 and §5.3,
//! `docs/contract/export.md` §4.2 and §4.3.

use std::{fmt, str::FromStr};

use paneld_domain::InvalidValue;

/// Declares an enum whose variants have names; more than one where callers use others.
macro_rules! named {
    (
        $(#[$doc:meta])*
        $type:ident {
            $($(#[$variant_doc:meta])* $variant:ident = $name:literal $(| $alias:literal)*,)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $type {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $type {
            /// Every one, in the order in which they are documented.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name by which it is known.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// What has this name, or another that callers use.
            pub fn named(name: &str) -> Option<Self> {
                match name {
                    $($name $(| $alias)* => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use named;

named! {
    /// A column of events. Sessions have most of them, too; there `path` and `origin` are those
    /// of the entry.
    Column {
        /// The id of the event, or of the session.
        Id = "id",
        /// What happened.
        Name = "name",
        /// What sent it.
        SdkName = "sdk_name" | "sdkName",
        /// The version of the SDK.
        SdkVersion = "sdk_version" | "sdkVersion",
        /// On which device.
        DeviceId = "device_id" | "deviceId",
        /// Who did it: the identified profile, or the device.
        ProfileId = "profile_id" | "profileId",
        /// Of which project. The event store has its internal key instead.
        ProjectId = "project_id" | "projectId",
        /// In which session.
        SessionId = "session_id" | "sessionId",
        /// The path of the page.
        Path = "path",
        /// Scheme, host and port of the page.
        Origin = "origin",
        /// Where the visitor came from: the URL.
        Referrer = "referrer",
        /// Where the visitor came from: the name of the site.
        ReferrerName = "referrer_name" | "referrerName",
        /// Where the visitor came from: what kind of site.
        ReferrerType = "referrer_type" | "referrerType",
        /// How long the session was, in milliseconds.
        Duration = "duration",
        /// An amount of money in minor units.
        Revenue = "revenue",
        /// When it happened.
        CreatedAt = "created_at" | "createdAt",
        /// Where the visitor was: the code of the country.
        Country = "country",
        /// Where the visitor was: the city.
        City = "city",
        /// Where the visitor was: the subdivision of the country.
        Region = "region",
        /// In degrees, east of Greenwich.
        Longitude = "longitude",
        /// In degrees, north of the equator.
        Latitude = "latitude",
        /// The operating system.
        Os = "os",
        /// The version of the operating system.
        OsVersion = "os_version" | "osVersion",
        /// The browser.
        Browser = "browser",
        /// The version of the browser.
        BrowserVersion = "browser_version" | "browserVersion",
        /// The kind of device.
        Device = "device",
        /// Who made the device.
        Brand = "brand",
        /// Which one it is.
        Model = "model",
        /// When it was imported, if it was.
        ImportedAt = "imported_at" | "importedAt",
    }
}

named! {
    /// A part of the campaign that brought a visitor. Sessions have it as a column of this name,
    /// events as the property `__query.<name>`.
    UtmTag {
        /// `utm_source`.
        Source = "utm_source",
        /// `utm_medium`.
        Medium = "utm_medium",
        /// `utm_campaign`.
        Campaign = "utm_campaign",
        /// `utm_term`.
        Term = "utm_term",
        /// `utm_content`.
        Content = "utm_content",
    }
}

impl UtmTag {
    /// The name of the property in which events have it.
    pub fn property(self) -> String {
        format!("__query.{}", self.name())
    }
}

named! {
    /// A column of profiles.
    ProfileColumn {
        /// The id of the profile.
        Id = "id",
        /// The address.
        Email = "email",
        /// The first name.
        FirstName = "first_name",
        /// The last name.
        LastName = "last_name",
        /// The URL of a picture.
        Avatar = "avatar",
        /// When it was first seen.
        CreatedAt = "created_at",
        /// When it was last seen.
        LastSeenAt = "last_seen_at",
        /// Whether it was identified: `true` or `false`.
        IsExternal = "is_external",
    }
}

named! {
    /// A column of groups.
    GroupColumn {
        /// Its id. Any name that is none of a column means this.
        Id = "id",
        /// The name of the group.
        Name = "name",
        /// What kind of group it is.
        Type = "type",
    }
}

named! {
    /// A fact about a session as a whole.
    SessionFact {
        /// How many screen views it has.
        ScreenViewCount = "screen_view_count",
        /// How many other events it has.
        EventCount = "event_count",
        /// How long it was, in milliseconds.
        Duration = "duration",
        /// An amount of money in minor units.
        Revenue = "revenue",
        /// Whether it never had a second screen view: `true` or `false`.
        IsBounce = "is_bounce",
        /// The names of its events inside the window.
        PerformedEvent = "performed_event",
    }
}

/// One property, or several whose names are alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PropertyKey {
    /// The property of exactly this name; dots belong to it.
    Exact(String),
    /// Every property whose name begins and ends like this.
    Pattern {
        /// What stands before the star.
        prefix: String,
        /// What stands behind it.
        suffix: String,
    },
}

impl PropertyKey {
    /// Reads a name in which the first star stands for any text. `items[*].name` is
    /// `items.*.name`.
    pub fn parse(text: &str) -> Self {
        let Some((before, after)) = text.split_once('*') else {
            return Self::Exact(text.to_owned());
        };
        let (prefix, suffix) = match (before.strip_suffix('['), after.strip_prefix(']')) {
            (Some(list), Some(rest)) => (format!("{list}."), rest),
            _ => (before.to_owned(), after),
        };
        Self::Pattern {
            prefix,
            suffix: suffix.to_owned(),
        }
    }

    /// Whether it means the property of this name.
    pub fn means(&self, key: &str) -> bool {
        match self {
            Self::Exact(exact) => key == exact,
            Self::Pattern { prefix, suffix } => key
                .strip_prefix(prefix.as_str())
                .is_some_and(|rest| rest.ends_with(suffix.as_str())),
        }
    }
}

impl fmt::Display for PropertyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(key) => f.write_str(key),
            Self::Pattern { prefix, suffix } => write!(f, "{prefix}*{suffix}"),
        }
    }
}

/// Something that an event or session has, and that can be compared with values.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Field {
    /// A column: `country`, `referrer_name`, …
    Column(Column),
    /// A part of the campaign: `utm_source`, …
    Utm(UtmTag),
    /// What was sent with the event: `properties.plan`, `properties.items.*.name`.
    Property(PropertyKey),
    /// Whether somebody is identified: `has_profile`, which is `true` or `false`.
    HasProfile,
    /// A column of its profile: `profile.email`.
    Profile(ProfileColumn),
    /// A property of its profile: `profile.properties.plan`.
    ProfileProperty(String),
    /// A column of its groups: `group.name`.
    Group(GroupColumn),
    /// A property of its groups: `group.properties.plan`.
    GroupProperty(String),
    /// A fact about its session: `session.is_bounce`.
    Session(SessionFact),
}

impl Field {
    /// The field that has this name in a request.
    pub fn named(name: &str) -> Option<Self> {
        if let Some(key) = name.strip_prefix("properties.") {
            return filled(key).map(|key| Self::Property(PropertyKey::parse(key)));
        }
        if let Some(name) = name.strip_prefix("profile.") {
            return profile_field(name);
        }
        if let Some(name) = name.strip_prefix("group.") {
            return group_field(name);
        }
        if let Some(fact) = name.strip_prefix("session.") {
            return SessionFact::named(fact).map(Self::Session);
        }
        if name == "has_profile" {
            return Some(Self::HasProfile);
        }
        let column = Column::named(name).map(Self::Column);
        column.or_else(|| UtmTag::named(name).map(Self::Utm))
    }

    /// Whether one event or session can have several of it, or none: then a filter asks whether
    /// one of them fulfils it.
    pub fn has_many(&self) -> bool {
        match self {
            Self::Property(PropertyKey::Pattern { .. })
            | Self::Group(_)
            | Self::GroupProperty(_)
            | Self::Session(SessionFact::PerformedEvent) => true,
            Self::Property(PropertyKey::Exact(_))
            | Self::Column(_)
            | Self::Utm(_)
            | Self::HasProfile
            | Self::Profile(_)
            | Self::ProfileProperty(_)
            | Self::Session(_) => false,
        }
    }

    /// Whether it is a number by nature.
    pub fn is_number(&self) -> bool {
        matches!(
            self,
            Self::Column(Column::Duration | Column::Revenue | Column::Longitude | Column::Latitude)
                | Self::Session(
                    SessionFact::ScreenViewCount
                        | SessionFact::EventCount
                        | SessionFact::Duration
                        | SessionFact::Revenue
                )
        )
    }

    /// Whether it is a property, which is text and may well spell a number.
    pub fn is_property(&self) -> bool {
        matches!(
            self,
            Self::Property(_) | Self::ProfileProperty(_) | Self::GroupProperty(_)
        )
    }

    /// Whether it is `true` or `false`, and nothing else.
    pub(super) fn is_yes_or_no(&self) -> bool {
        matches!(
            self,
            Self::HasProfile | Self::Session(SessionFact::IsBounce)
        )
    }
}

fn profile_field(name: &str) -> Option<Field> {
    match name.strip_prefix("properties.") {
        Some(key) => filled(key).map(|key| Field::ProfileProperty(key.to_owned())),
        None => ProfileColumn::named(name).map(Field::Profile),
    }
}

fn group_field(name: &str) -> Option<Field> {
    match name.strip_prefix("properties.") {
        Some(key) => filled(key).map(|key| Field::GroupProperty(key.to_owned())),
        None => filled(name)
            .map(|name| Field::Group(GroupColumn::named(name).unwrap_or(GroupColumn::Id))),
    }
}

fn filled(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty() && !text.contains('\0'))
}

impl FromStr for Field {
    type Err = InvalidValue;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::named(name).ok_or_else(|| {
            let start: String = name.chars().take(64).collect();
            InvalidValue::new(format!(
                "must be a known name, such as country or properties.plan; \
                 {start:?} is not known"
            ))
        })
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column(column) => f.write_str(column.name()),
            Self::Utm(tag) => f.write_str(tag.name()),
            Self::Property(key) => write!(f, "properties.{key}"),
            Self::HasProfile => f.write_str("has_profile"),
            Self::Profile(column) => write!(f, "profile.{}", column.name()),
            Self::ProfileProperty(key) => write!(f, "profile.properties.{key}"),
            Self::Group(column) => write!(f, "group.{}", column.name()),
            Self::GroupProperty(key) => write!(f, "group.properties.{key}"),
            Self::Session(fact) => write!(f, "session.{}", fact.name()),
        }
    }
}
