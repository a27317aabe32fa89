//! What is measured of requests.

use actix_web::http::StatusCode;
use metrics::{Counter, Histogram};

macro_rules! counter_by_status {
    ($group:literal, $status:expr, [$($known:literal),*]) => {
        match $status {
            $($known => metrics::counter!(
                "paneld_http_requests_total", "group" => $group, "status" => $known
            ),)*
            _ => metrics::counter!(
                "paneld_http_requests_total", "group" => $group, "status" => "other"
            ),
        }
    };
}

/// Each group and each status that we send have a counter with constant labels, which costs
/// nothing to name.
macro_rules! groups {
    ($statuses:tt: $($(#[$doc:meta])* $group:ident = $label:literal,)*) => {
        /// Whose routes a request asks for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum RouteGroup {
            $($(#[$doc])* $group,)*
        }

        impl RouteGroup {
            fn counter(self, status: &str) -> Counter {
                match self {
                    $(Self::$group => counter_by_status!($label, status, $statuses),)*
                }
            }

            fn durations(self) -> Histogram {
                match self {
                    $(Self::$group => metrics::histogram!(
                        "paneld_http_request_duration_seconds", "group" => $label
                    ),)*
                }
            }
        }

        /// The groups of routes by which requests are counted.
        pub const ROUTE_GROUPS: &[&str] = &[$($label),*];

        /// The statuses by which requests are counted; others are `other`.
        pub const STATUSES: &[&str] = &$statuses;
    };
}

groups! {
    [
        "200", "202", "204", "400", "401", "403", "404", "405", "408", "409", "413", "415", "429",
        "500", "503"
    ]:
    /// Events and identities, as SDKs send them while they happen.
    Track = "track",
    /// Events of the past, imported in lists.
    Import = "import",
    /// Reports: what was counted of events and sessions.
    Insights = "insights",
    /// Events as rows, and charts of them.
    Export = "export",
    /// Projects, clients, and whatever else is managed.
    Manage = "manage",
    /// The page that people look at, and their sessions.
    Console = "console",
    /// Questions of orchestrators and load balancers whether the server works.
    Health = "health",
    /// The document, and what there is not.
    Other = "other",
}

impl RouteGroup {
    /// By the first part of the path, at the root or under `/api`.
    pub(crate) fn of(path: &str) -> Self {
        let path = path.strip_prefix("/api").unwrap_or(path);
        match path.split('/').nth(1).unwrap_or_default() {
            "track" | "event" | "profile" => Self::Track,
            "import" => Self::Import,
            "insights" => Self::Insights,
            "export" | "v1" => Self::Export,
            "manage" => Self::Manage,
            "console" => Self::Console,
            "healthz" | "healthcheck" => Self::Health,
            _ => Self::Other,
        }
    }

    /// Counts a request that was answered, and how long that took.
    pub(crate) fn count(self, status: StatusCode, seconds: f64) {
        self.counter(status.as_str()).increment(1);
        self.durations().record(seconds);
    }
}

#[cfg(test)]
mod tests {
    use super::RouteGroup;

    #[test]
    fn a_path_belongs_to_the_group_of_its_first_part() {
        for (path, expected) in [
            ("/track", RouteGroup::Track),
            ("/api/track/device-id", RouteGroup::Track),
            ("/profile/increment", RouteGroup::Track),
            ("/import/events", RouteGroup::Import),
            ("/v1/events/count", RouteGroup::Export),
            ("/insights/shop/metrics", RouteGroup::Insights),
            ("/api/manage/me", RouteGroup::Manage),
            ("/healthz/live", RouteGroup::Health),
            ("/console/session", RouteGroup::Console),
            ("/openapi.json", RouteGroup::Other),
            ("/manager", RouteGroup::Other),
            ("/api", RouteGroup::Other),
            ("/", RouteGroup::Other),
            ("*", RouteGroup::Other),
        ] {
            assert_eq!(RouteGroup::of(path), expected, "{path}");
        }
    }
}
