//! When nobody can say whether a request may pass.

/// Nobody can say whether the request may pass, and so it may not: the buckets are in Redis, which
/// is away. A limiter in this process never says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the rate limit cannot be asked: Redis is away")]
pub struct LimiterUnavailable(pub(crate) ());
