//! The groups of requests that the server limits, each by a rate of its own.

use crate::LimitGroup;

/// The Manage API, by client.
pub const MANAGE: LimitGroup = LimitGroup::new("manage");
/// The Export API, by client.
pub const EXPORT: LimitGroup = LimitGroup::new("export");
/// The Insights API, by client.
pub const INSIGHTS: LimitGroup = LimitGroup::new("insights");
/// Track with a secret, and Import, by client.
pub const TRACK: LimitGroup = LimitGroup::new("track");
/// Track without a secret, of one visitor: anyone can send it.
pub const TRACK_VISITOR: LimitGroup = LimitGroup::new("track_visitor");
/// What people do in the console, by the client that they signed in with.
pub const CONSOLE: LimitGroup = LimitGroup::new("console");
/// What is asked for through a share link, by link and peer address.
pub const SHARE: LimitGroup = LimitGroup::new("share");
/// New visitor addresses that one peer claims for a client without its secret.
pub const NEW_VISITORS: LimitGroup = LimitGroup::new("new_visitors");
/// Failed authentication, by peer address. Without a limit secrets could be guessed.
pub const AUTH_FAILURES: LimitGroup = LimitGroup::new("auth_failures").always_limited();

/// All groups of the server.
pub const ALL: [LimitGroup; 9] = [
    MANAGE,
    EXPORT,
    INSIGHTS,
    CONSOLE,
    SHARE,
    TRACK,
    TRACK_VISITOR,
    NEW_VISITORS,
    AUTH_FAILURES,
];
