//! What there is to be seen, each with its meaning.

use metrics::{Label, describe_counter, describe_gauge, describe_histogram};
use paneld_domain::{LimitGroup, limit_group};
use paneld_guard::{ROUTE_GROUPS, STATUSES};

/// The values that a label may have, by its name.
type Labels<'a> = &'a [(&'static str, &'a [&'static str])];

const GAUGES: &[(&str, &str)] = &[
    (
        "paneld_build_info",
        "Always 1; the label says which version runs.",
    ),
    ("paneld_catalog_up", "Whether the catalog answers."),
    ("paneld_events_up", "Whether the event store answers."),
    ("paneld_spool_up", "Whether the spool can be written."),
    ("paneld_redis_up", "Whether Redis answers."),
    (
        "paneld_spool_bytes",
        "What waits in the spool to be applied, in bytes.",
    ),
    (
        "paneld_spool_records",
        "Records that wait in the spool to be applied, by who applies them.",
    ),
    (
        "paneld_spool_oldest_record_age_seconds",
        "How long the oldest record has waited in the spool to be applied.",
    ),
    (
        "paneld_live_sessions",
        "Sessions that have not ended, of all devices.",
    ),
    (
        "paneld_live_session_bytes",
        "What sessions that have not ended take in memory, in bytes.",
    ),
    (
        "paneld_tls_certificate_expires_timestamp_seconds",
        "When the certificate that callers get expires, in seconds since 1970.",
    ),
    (
        "paneld_questions_waiting",
        "Questions to the event store that wait for their turn, by queue.",
    ),
];

/// Describes everything that paneld measures to the recorder of this process, and has every counter
/// be there from the start, as zero. To be called once, after a recorder was installed; what is
/// measured reaches it either way.
pub fn describe() {
    for (name, help) in GAUGES {
        describe_gauge!(*name, *help);
    }
    describe_histogram!(
        "paneld_http_request_duration_seconds",
        "How long requests took to be answered, by group of routes."
    );
    metrics::gauge!("paneld_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    count_requests();
    count_callers();
    count_events();
    count_people();
    count_questions();
}

fn count_requests() {
    let statuses = [STATUSES, &["other"]].concat();
    counter(
        "paneld_http_requests_total",
        "Requests that were answered, by group of routes and status.",
        &[("group", ROUTE_GROUPS), ("status", &statuses)],
    );
}

fn count_callers() {
    counter(
        "paneld_auth_failures_total",
        "Requests that were turned away for their credentials.",
        &[],
    );
    counter(
        "paneld_rate_limited_total",
        "Requests that were refused because a rate was used up, by group of limits.",
        &[("group", &limit_group::ALL.map(LimitGroup::as_str))],
    );
    counter(
        "paneld_bodies_refused_total",
        "Bodies that were refused because their sender had its share, by kind of sender.",
        &[("sender", &["clients", "pages", "strangers"])],
    );
    counter(
        "paneld_connections_refused_total",
        "Connections that were ended because their peer had its share of them.",
        &[],
    );
}

fn count_events() {
    counter(
        "paneld_events_accepted_total",
        "Events that were accepted and are on disk, by where they came from.",
        &[("source", &["track", "import"])],
    );
    counter(
        "paneld_bot_requests_total",
        "Requests to Track that a listed bot sent.",
        &[],
    );
    counter(
        "paneld_times_adjusted_total",
        "Events that got their arrival in place of a time that could not be true, by reason.",
        &[("reason", &["unreadable", "too_early", "too_late"])],
    );
    counter(
        "paneld_spool_set_aside_total",
        "Records that were set aside because they cannot be applied, by who refused them.",
        &[("sink", &["events", "catalog", "copies"])],
    );
    counter(
        "paneld_request_ids_forgotten_early_total",
        "Ids of events that were forgotten before their day was over, to make room for others.",
        &[],
    );
    counter(
        "paneld_sessions_ended_early_total",
        "Sessions that were ended to make room for others.",
        &[],
    );
    counter(
        "paneld_session_texts_cut_total",
        "Texts of sessions that were cut because they were too long.",
        &[],
    );
    counter(
        "paneld_session_groups_left_out_total",
        "Groups for which a session had no room.",
        &[],
    );
}

fn count_people() {
    counter(
        "paneld_increments_of_text_total",
        "Numbers that were added to a property that was none.",
        &[],
    );
    counter(
        "paneld_people_left_out_total",
        "Values, groups and aliases for which a profile or a group had no room.",
        &[],
    );
    counter(
        "paneld_aliases_refused_total",
        "Aliases from callers without the secret that would have changed what is there.",
        &[],
    );
}

fn count_questions() {
    counter(
        "paneld_questions_refused_total",
        "Questions that were refused because too many waited, by queue and whose they were.",
        &[
            ("queue", &["short", "long", "stream"]),
            ("reason", &["client", "organization", "server"]),
        ],
    );
    counter(
        "paneld_questions_given_up_total",
        "Questions that took too long to be answered.",
        &[],
    );
    counter(
        "paneld_exports_too_slow_total",
        "Exports that broke off because nobody read them.",
        &[],
    );
}

/// Describes a counter, and counts nothing with every combination of its labels.
fn counter(name: &'static str, help: &'static str, labels: Labels<'_>) {
    describe_counter!(name, help);
    let mut combinations = vec![Vec::new()];
    for (label, values) in labels {
        let longer = combinations.iter().flat_map(|before: &Vec<Label>| {
            let with = |value: &&'static str| {
                let label = Label::from_static_parts(label, value);
                before.iter().cloned().chain([label]).collect()
            };
            values.iter().map(with)
        });
        combinations = longer.collect();
    }
    for labels in combinations {
        metrics::counter!(name, labels).increment(0);
    }
}
