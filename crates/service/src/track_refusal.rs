//! Why something may not be tracked.

/// Why somebody who may track may not track this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TrackRefusal {
    /// The project wants nothing from the address.
    #[error("Ingestion: IP address is blocked by project filter")]
    AddressBlocked,
    /// The project wants nothing of the profile.
    #[error("Ingestion: Profile id is blocked by project filter")]
    ProfileBlocked,
    /// Money is believed only of those who know the secret.
    #[error("Ingestion: Revenue tracking is not allowed without a client secret")]
    SecretRequired,
}

impl TrackRefusal {
    /// A stable name for it.
    pub fn code(self) -> &'static str {
        match self {
            Self::AddressBlocked | Self::ProfileBlocked => "blocked_by_filter",
            Self::SecretRequired => "secret_required",
        }
    }
}
