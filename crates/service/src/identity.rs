//! Who am I: the one question that every client may ask.

use std::sync::Arc;

use paneld_auth::{Api, Authorized, Reach, permission};
use paneld_domain::{Client, LimitGroup, Limits, Organization, Project};
use paneld_ratelimit::{BucketKey, Limiter, Verdict};

use crate::ServiceError;

/// What a caller is told who asks who it is.
#[derive(Debug)]
pub struct WhoAmI<'a> {
    /// The client whose credentials the caller has.
    pub client: &'a Client,
    /// The organization that the client belongs to.
    pub organization: &'a Organization,
    /// The project it is bound to.
    pub project: Option<&'a Project>,
    /// The APIs it may call.
    pub permissions: Vec<Api>,
    /// The state of the token buckets it draws on, where they are not switched off.
    pub limits: Vec<LimitState>,
}

/// The state of a token bucket.
#[derive(Debug, Clone, Copy)]
pub struct LimitState {
    /// The group it is for.
    pub group: LimitGroup,
    /// The rate of the group, and what is left of it.
    pub verdict: Verdict,
}

/// Tells clients who they are.
#[derive(Debug, Clone)]
pub struct Identity {
    limiter: Arc<Limiter>,
    limits: Limits,
}

impl Identity {
    /// The use case with these limits.
    pub fn new(limiter: Arc<Limiter>, limits: Limits) -> Self {
        Self { limiter, limits }
    }

    /// What the caller is, may do, and has left.
    ///
    /// # Errors
    /// When the limiter cannot be asked.
    pub async fn who_am_i<'a>(
        &self,
        caller: &'a Authorized<permission::Identity>,
    ) -> Result<WhoAmI<'a>, ServiceError> {
        let principal = caller.principal();
        let client = principal.client();
        let mut permissions = Api::ALL.to_vec();
        permissions.retain(|api| {
            *api != Api::IDENTITY && api.access().of(client.client_type) != Reach::Nothing
        });
        let mut groups = permissions.iter().map(Api::limit_group).collect::<Vec<_>>();
        // Track and Import stand side by side and share a bucket.
        groups.dedup();
        let own = client.rate_limits.as_ref();
        let buckets = groups.into_iter().filter_map(|group| {
            let rate = self.limits.client(group, own)?;
            Some((BucketKey::id(group, client.id), rate))
        });
        let buckets = buckets.collect::<Vec<_>>();
        let verdicts = self.limiter.peek(&buckets).await;
        let verdicts = verdicts.map_err(|error| ServiceError::Unavailable(error.into()))?;
        let limits = buckets.into_iter().zip(verdicts);
        Ok(WhoAmI {
            client,
            organization: principal.organization(),
            project: principal.project(),
            limits: limits
                .map(|((key, _), verdict)| LimitState {
                    group: key.group(),
                    verdict,
                })
                .collect(),
            permissions,
        })
    }
}
