//! Which crate may know which: the arrows of the architecture, and the libraries kept out of its layers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use cargo_metadata::{DependencyKind, Metadata};

/// Every package of the workspace with those it may depend on, in any kind of dependency.
const ALLOWED: &[(&str, &[&str])] = &[
    ("paneld-base", &[]),
    ("paneld-domain", &["paneld-base"]),
    ("paneld-fairness", &[]),
    ("paneld-files", &[]),
    ("paneld-auth", &["paneld-domain"]),
    ("paneld-analytics", &["paneld-domain"]),
    ("paneld-enrich", &["paneld-domain"]),
    (
        "paneld-events",
        &[
            "paneld-analytics",
            "paneld-domain",
            "paneld-fairness",
            "paneld-files",
            "paneld-testing",
        ],
    ),
    (
        "paneld-ingest",
        &[
            "paneld-domain",
            "paneld-enrich",
            "paneld-events",
            "paneld-files",
            "paneld-repository",
        ],
    ),
    ("paneld-redis", &["paneld-base"]),
    (
        "paneld-ratelimit",
        &["paneld-base", "paneld-redis", "paneld-testing"],
    ),
    (
        "paneld-repository",
        &[
            "paneld-auth",
            "paneld-domain",
            "paneld-files",
            "paneld-testing",
        ],
    ),
    (
        "paneld-service",
        &[
            "paneld-analytics",
            "paneld-auth",
            "paneld-domain",
            "paneld-enrich",
            "paneld-events",
            "paneld-fairness",
            "paneld-ingest",
            "paneld-ratelimit",
            "paneld-redis",
            "paneld-repository",
        ],
    ),
    (
        "paneld-guard",
        &[
            "paneld-auth",
            "paneld-domain",
            "paneld-fairness",
            "paneld-ratelimit",
        ],
    ),
    (
        "paneld-http",
        &[
            "paneld-analytics",
            "paneld-auth",
            "paneld-domain",
            "paneld-guard",
            "paneld-ratelimit",
            "paneld-service",
            "paneld-web",
        ],
    ),
    ("paneld-web", &["paneld-guard"]),
    (
        "paneld-server",
        &[
            "paneld-auth",
            "paneld-domain",
            "paneld-files",
            "paneld-guard",
            "paneld-http",
            "paneld-ratelimit",
            "paneld-redis",
            "paneld-service",
        ],
    ),
    (
        "paneld",
        &[
            "paneld-auth",
            "paneld-domain",
            "paneld-enrich",
            "paneld-events",
            "paneld-files",
            "paneld-guard",
            "paneld-http",
            "paneld-ingest",
            "paneld-ratelimit",
            "paneld-redis",
            "paneld-repository",
            "paneld-server",
            "paneld-service",
            "paneld-testing",
            "paneld-testing-files",
            "crash",
            "siege",
        ],
    ),
    ("paneld-examples", &["paneld-guard", "paneld-server"]),
    // For tests only.
    ("paneld-testing", &[]),
    ("paneld-testing-files", &[]),
    ("xtask", &[]),
    ("bare", &[]),
    ("crash", &[]),
    ("siege", &[]),
];

/// Libraries that only these packages may name in their manifests.
const NAMED_ONLY_BY: &[(&str, &[&str])] = &[
    (
        "actix-web",
        &[
            "paneld-guard",
            "paneld-http",
            "paneld-server",
            "paneld-web",
            "paneld",
            "paneld-examples",
            "bare",
        ],
    ),
    ("diesel", &["paneld-repository"]),
    ("diesel-async", &["paneld-repository"]),
    ("diesel_migrations", &["paneld-repository"]),
    ("duckdb", &["paneld-events", "paneld-testing-files"]),
    ("redb", &["paneld-ingest"]),
    ("redis", &["paneld-redis"]),
];

/// What the pure crates must not even reach through others.
const IMPURE: &[&str] = &[
    "actix-http",
    "actix-web",
    "diesel",
    "diesel-async",
    "redis",
    "tokio",
];

/// Packages with the libraries they must not reach, not even through others.
const OUT_OF_REACH: &[(&str, &[&str])] = &[
    ("paneld-base", IMPURE),
    ("paneld-domain", IMPURE),
    ("paneld-auth", IMPURE),
    ("paneld-analytics", IMPURE),
    ("paneld-enrich", IMPURE),
    ("paneld-fairness", &["actix-web", "diesel"]),
    ("paneld-ratelimit", &["actix-web", "diesel"]),
    ("paneld-guard", &["diesel"]),
    ("paneld-service", &["actix-web"]),
    ("xtask", &["actix-web", "diesel", "duckdb"]),
];

/// The part of the dependency graph that these rules look at.
#[derive(Default)]
struct Graph {
    /// What each package of the workspace names in its manifest, whether to run, build or test.
    named: BTreeMap<String, BTreeSet<String>>,
    /// What each package, outside ones too, links when it runs.
    /// Features of all workspace packages are united here, so the rules are rather too strict than too lax.
    linked: BTreeMap<String, BTreeSet<String>>,
}

/// One finding for each arrow that should not be there.
pub(super) fn findings(metadata: &Metadata) -> Vec<String> {
    let graph = Graph::new(metadata);
    let mut findings = wrong_arrows(&graph, ALLOWED);
    findings.extend(wrong_names(&graph, NAMED_ONLY_BY));
    findings.extend(wrong_reach(&graph, OUT_OF_REACH));
    findings
}

impl Graph {
    fn new(metadata: &Metadata) -> Self {
        let mut graph = Self::default();
        for package in metadata.workspace_packages() {
            let named = package
                .dependencies
                .iter()
                .map(|dependency| dependency.name.clone())
                .collect();
            graph.named.insert(package.name.to_string(), named);
        }
        for node in metadata.resolve.iter().flat_map(|resolve| &resolve.nodes) {
            let linked = node
                .deps
                .iter()
                .filter(|dep| {
                    dep.dep_kinds
                        .iter()
                        .any(|kind| kind.kind == DependencyKind::Normal)
                })
                .map(|dep| metadata[&dep.pkg].name.to_string());
            graph
                .linked
                .entry(metadata[&node.id].name.to_string())
                .or_default()
                .extend(linked);
        }
        graph
    }

    /// The shortest chain of links from one package to another, both included.
    fn path(&self, from: &str, to: &str) -> Option<Vec<&str>> {
        let (start, _) = self.linked.get_key_value(from)?;
        let mut seen = BTreeSet::from([start.as_str()]);
        let mut paths = VecDeque::from([vec![start.as_str()]]);
        while let Some(path) = paths.pop_front() {
            let last = *path.last()?;
            if last == to {
                return Some(path);
            }
            for next in self.linked.get(last).into_iter().flatten() {
                if seen.insert(next) {
                    paths.push_back([path.as_slice(), &[next.as_str()]].concat());
                }
            }
        }
        None
    }
}

fn wrong_arrows(graph: &Graph, allowed: &[(&str, &[&str])]) -> Vec<String> {
    let mut findings = Vec::new();
    for (package, named) in &graph.named {
        let Some((_, allowed)) = allowed.iter().find(|(name, _)| name == package) else {
            findings.push(format!(
                "{package} has no row in the table of layers in xtask/src/tidy/layers.rs"
            ));
            continue;
        };
        for other in named
            .iter()
            .filter(|other| graph.named.contains_key(*other))
        {
            if !allowed.contains(&other.as_str()) {
                findings.push(format!(
                    "{package} must not depend on {other}: arrows point down only"
                ));
            }
        }
    }
    for (package, _) in allowed {
        if !graph.named.contains_key(*package) {
            findings.push(format!("the table of layers in xtask/src/tidy/layers.rs has a row for {package}, which does not exist"));
        }
    }
    findings
}

fn wrong_names(graph: &Graph, named_only_by: &[(&str, &[&str])]) -> Vec<String> {
    let mut findings = Vec::new();
    for (library, packages) in named_only_by {
        for (package, named) in &graph.named {
            if named.contains(*library) && !packages.contains(&package.as_str()) {
                findings.push(format!(
                    "{package} must not name {library}: only {} may",
                    packages.join(", ")
                ));
            }
        }
    }
    findings
}

fn wrong_reach(graph: &Graph, out_of_reach: &[(&str, &[&str])]) -> Vec<String> {
    let mut findings = Vec::new();
    for (package, libraries) in out_of_reach {
        for library in *libraries {
            if let Some(path) = graph.path(package, library) {
                findings.push(format!(
                    "{package} must not reach {library}: {}",
                    path.join(" → ")
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(edges: &[(&str, &[&str])]) -> BTreeMap<String, BTreeSet<String>> {
        edges
            .iter()
            .map(|(from, to)| {
                (
                    (*from).to_owned(),
                    to.iter().map(|to| (*to).to_owned()).collect(),
                )
            })
            .collect()
    }

    #[test]
    fn arrows_down_and_outside_libraries_are_fine() {
        let graph = Graph {
            named: edges(&[("low", &["serde"]), ("high", &["low"])]),
            ..Graph::default()
        };
        assert_eq!(
            wrong_arrows(&graph, &[("low", &[]), ("high", &["low"])]),
            [] as [&str; 0]
        );
    }

    #[test]
    fn an_arrow_up_is_found() {
        let graph = Graph {
            named: edges(&[("low", &["high"]), ("high", &[])]),
            ..Graph::default()
        };
        let findings = wrong_arrows(&graph, &[("low", &[]), ("high", &["low"])]);
        assert_eq!(
            findings,
            ["low must not depend on high: arrows point down only"]
        );
    }

    #[test]
    fn the_table_has_a_row_for_each_package_and_no_other() {
        let graph = Graph {
            named: edges(&[("new", &[])]),
            ..Graph::default()
        };
        let findings = wrong_arrows(&graph, &[("gone", &[])]);
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].starts_with("new has no row"), "{findings:?}");
        assert!(findings[1].contains("a row for gone"), "{findings:?}");
    }

    #[test]
    fn a_library_is_named_only_where_it_may_be() {
        let graph = Graph {
            named: edges(&[("store", &["diesel"]), ("web", &["diesel"])]),
            ..Graph::default()
        };
        assert_eq!(
            wrong_names(&graph, &[("diesel", &["store"])]),
            ["web must not name diesel: only store may"]
        );
    }

    #[test]
    fn reach_is_found_through_others_and_its_shortest_path_is_told() {
        let linked = edges(&[
            ("pure", &["cache", "long"]),
            ("long", &["cache"]),
            ("cache", &["pure", "tokio"]),
            ("clean", &["serde"]),
            ("tokio", &[]),
        ]);
        let graph = Graph {
            linked,
            ..Graph::default()
        };
        let findings = wrong_reach(
            &graph,
            &[
                ("pure", &["tokio", "diesel"]),
                ("clean", &["tokio"]),
                ("absent", &["tokio"]),
            ],
        );
        assert_eq!(
            findings,
            ["pure must not reach tokio: pure → cache → tokio"]
        );
    }
}
