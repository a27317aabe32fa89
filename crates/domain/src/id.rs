//! Identifiers.

use std::{fmt, str::FromStr};

use rand::Rng;
use uuid::{Builder, Uuid, Variant};

use crate::{InvalidValue, Name, slug};

/// Declares an id that is a readable slug.
macro_rules! slug_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The id to try on this attempt, counted from zero, for something of this name:
            /// first the bare slug, then the slug with random digits.
            pub fn candidate(name: &Name, attempt: u32, rng: &mut impl Rng) -> Self {
                Self(slug::candidate(name.as_str(), $prefix, attempt, rng))
            }

            /// The id as text, as it is shown.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidValue;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                if slug::is_slug(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidValue::new(
                        "must be 1 to 64 lower-case letters, digits and hyphens",
                    ))
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

slug_id!(
    /// The readable id of an organization.
    OrganizationId,
    "organization"
);
slug_id!(
    /// The readable id of a project. One that was ever used is never given out again.
    ProjectId,
    "project"
);

/// The internal key of a project, on which everything of the project hangs. It is never reused
/// and never shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProjectKey(pub i64);

/// Declares an id that is a random UUID (version 4).
macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh id out of this generator.
            pub fn random(rng: &mut impl Rng) -> Self {
                let mut bytes = [0; 16];
                rng.fill_bytes(&mut bytes);
                Self(Builder::from_random_bytes(bytes).into_uuid())
            }

            /// The id as a UUID.
            pub fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidValue;

            /// Accepts the hyphenated form of a version 4 UUID, in either letter case.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                parse_uuid_v4(text)
                    .map(Self)
                    .ok_or(InvalidValue::new("must be a valid UUIDv4"))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
    };
}

uuid_id!(
    /// The id of an API client.
    ClientId
);
uuid_id!(
    /// The id of a timeline reference.
    ReferenceId
);
uuid_id!(
    /// The id of a share link.
    ShareLinkId
);

/// Whoever comes with a link stands for a client of the same id, which no other client has.
impl From<ShareLinkId> for ClientId {
    fn from(id: ShareLinkId) -> Self {
        Self(id.0)
    }
}

impl ClientId {
    /// Stands for all who look at a project through share links, where turns are shared among
    /// clients.
    pub fn of_viewers(project: ProjectKey) -> Self {
        let mut bytes = [0; 16];
        bytes[8..].copy_from_slice(&project.0.to_be_bytes());
        Self(Builder::from_random_bytes(bytes).into_uuid())
    }
}

/// As a number, the client's buckets are found by it.
impl From<ClientId> for u128 {
    fn from(id: ClientId) -> Self {
        id.0.as_u128()
    }
}

fn parse_uuid_v4(text: &str) -> Option<Uuid> {
    const HYPHENATED_LENGTH: usize = 36;
    let uuid = Uuid::try_parse(text).ok()?;
    let is_v4 = uuid.get_version_num() == 4 && uuid.get_variant() == Variant::RFC4122;
    (text.len() == HYPHENATED_LENGTH && is_v4).then_some(uuid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_id_is_a_hyphenated_uuid_v4_in_either_case() {
        let id = "FA0C2780-55F2-4D9E-BEA0-DA2E02C7B1A9";
        assert_eq!(
            id.parse::<ClientId>().unwrap().to_string(),
            id.to_lowercase()
        );
        for wrong in [
            "",
            "fa0c278055f24d9ebea0da2e02c7b1a9",
            "{fa0c2780-55f2-4d9e-bea0-da2e02c7b1a9}",
            "fa0c2780-55f2-1d9e-bea0-da2e02c7b1a9",
            "fa0c2780-55f2-4d9e-0ea0-da2e02c7b1a9",
            "00000000-0000-0000-0000-000000000000",
            "fa0c2780-55f2-4d9e-bea0-da2e02c7b1a9 ",
        ] {
            assert!(wrong.parse::<ClientId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn random_ids_are_uuid_v4() {
        let id = ClientId::random(&mut rand::rng());
        assert_eq!(id.to_string().parse::<ClientId>(), Ok(id));
    }
}
