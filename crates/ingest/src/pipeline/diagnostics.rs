//! What was wrong with the requests of a project lately, for those who ask why nothing arrives.
//!
//! It is kept in memory only, and everybody can bring it about who knows the id of a client: so
//! each project has so much room and no more, and where there are too many projects, the
//! organization that has most of them gives way.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use paneld_domain::{ClientId, OrganizationId, PathStep, Problem, ProjectKey, Timestamp};

use crate::{Disbelief, request::text::cut};

/// How many diagnostics are kept of a project.
const MOST: usize = 50;
/// How many bytes those of a project may take.
const MOST_BYTES: usize = 16 * 1024;
/// Of how many projects there may be some.
const MOST_PROJECTS: usize = 512;
/// How many bytes are kept of a text.
const LONGEST: usize = 255;
/// How many steps are kept of the way to a problem.
const DEEPEST: usize = 8;
/// How many bytes are kept of such a step.
const LONGEST_STEP: usize = 64;
/// What a diagnostic takes besides its texts; what a problem takes, and a step.
const EACH: usize = 192;

/// Something that was wrong with requests of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What became of the requests.
    pub outcome: Outcome,
    /// The client that sent them.
    pub client: ClientId,
    /// The event that they told, when that is known.
    pub event: Option<String>,
    /// A stable name for what was wrong.
    pub code: Option<&'static str>,
    /// What was wrong, in a sentence.
    pub message: String,
    /// Where in the request; the first ones, if there are many.
    pub problems: Vec<Problem>,
}

/// What becomes of a request with something wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing of it is kept.
    Refused,
    /// It is kept, but not as it was told.
    Adjusted,
}

/// A diagnostic, with how often it came and when it came last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// What was wrong with the requests.
    pub diagnostic: Diagnostic,
    /// The time at which the last of them came.
    pub at: Timestamp,
    /// How often it came since it is kept.
    pub count: u64,
}

impl Diagnostic {
    /// How many problems are kept of a request.
    pub const MOST_PROBLEMS: usize = 5;

    /// That an event is stored at its arrival, although its caller told another time.
    pub(crate) fn of_time(client: ClientId, event: &str, why: Disbelief) -> Self {
        let problem = Problem {
            path: vec![PathStep::Key("__timestamp".to_owned())],
            message: match why {
                Disbelief::Unreadable => {
                    "must be a time as in RFC 3339, or a number of milliseconds"
                }
                Disbelief::TooEarly => "must not be before 2000-01-01",
                Disbelief::TooLate => "must not be in the future",
            }
            .to_owned(),
        };
        Self {
            outcome: Outcome::Adjusted,
            client,
            event: Some(event.to_owned()),
            code: Some(why.name()),
            message: "The event is stored at its arrival".to_owned(),
            problems: vec![problem],
        }
    }

    /// The same, as far as it is kept.
    fn cut(mut self) -> Self {
        if let Some(event) = &mut self.event {
            cut(event, LONGEST);
        }
        cut(&mut self.message, LONGEST);
        self.problems.truncate(Self::MOST_PROBLEMS);
        self.problems.shrink_to_fit();
        for problem in &mut self.problems {
            cut(&mut problem.message, LONGEST);
            problem.path.truncate(DEEPEST);
            problem.path.shrink_to_fit();
            for step in &mut problem.path {
                if let PathStep::Key(key) = step {
                    cut(key, LONGEST_STEP);
                }
            }
        }
        self
    }

    /// How many bytes it takes.
    fn bytes(&self) -> usize {
        let steps = |problem: &Problem| {
            let steps = problem.path.iter().map(|step| match step {
                PathStep::Key(key) => key.len() + size_of::<PathStep>(),
                PathStep::Index(_) => size_of::<PathStep>(),
            });
            steps.sum::<usize>()
        };
        let problems = self.problems.iter();
        let problems =
            problems.map(|problem| size_of::<Problem>() + problem.message.len() + steps(problem));
        let event = self.event.as_ref().map_or(0, String::len);
        EACH + event + self.message.len() + problems.sum::<usize>()
    }
}

/// The diagnostics of all projects.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    organizations: HashMap<OrganizationId, HashMap<ProjectKey, Latest>>,
    /// Of how many projects there are some.
    projects: usize,
    /// How often something was noted.
    clock: u64,
}

/// The diagnostics of a project, the oldest first.
#[derive(Debug, Default)]
struct Latest {
    noted: VecDeque<Noted>,
    bytes: usize,
    /// When something was noted last, by the clock of all.
    used: u64,
}

impl Diagnostics {
    /// Notes that something was wrong with a request of this project.
    pub(crate) fn note(
        &self,
        organization: &OrganizationId,
        project: ProjectKey,
        at: Timestamp,
        diagnostic: Diagnostic,
    ) {
        let diagnostic = diagnostic.cut();
        let mut kept = self.lock();
        kept.clock += 1;
        let used = kept.clock;
        let latest = kept.room_for(organization, project);
        latest.used = used;
        latest.note(diagnostic, at);
    }

    /// Those of a project, the latest first.
    pub(crate) fn of(&self, organization: &OrganizationId, project: ProjectKey) -> Vec<Noted> {
        let kept = self.lock();
        let of_organization = kept.organizations.get(organization);
        let latest = of_organization.and_then(|projects| projects.get(&project));
        let noted = latest.map(|latest| latest.noted.iter().rev().cloned());
        noted.into_iter().flatten().collect()
    }

    /// Forgets those of a project that is no more.
    pub(crate) fn forget(&self, project: ProjectKey) {
        let mut kept = self.lock();
        let mut organizations = kept.organizations.iter();
        let owner = organizations.find(|(_, projects)| projects.contains_key(&project));
        if let Some(organization) = owner.map(|(organization, _)| organization.clone()) {
            kept.remove(&organization, project);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn room_for(&mut self, organization: &OrganizationId, project: ProjectKey) -> &mut Latest {
        let own = self.organizations.get(organization);
        if !own.is_some_and(|projects| projects.contains_key(&project)) {
            if self.projects >= MOST_PROJECTS {
                self.make_room();
            }
            self.projects += 1;
        }
        let own = self.organizations.entry(organization.clone()).or_default();
        own.entry(project).or_default()
    }

    /// Forgets the project to which nothing came for longest, of the organization that has most.
    fn make_room(&mut self) {
        let organizations = self.organizations.iter();
        let Some((organization, projects)) = organizations.max_by_key(|(_, own)| own.len()) else {
            return;
        };
        let longest = projects.iter().min_by_key(|(_, latest)| latest.used);
        if let Some((project, _)) = longest {
            let (organization, project) = (organization.clone(), *project);
            self.remove(&organization, project);
        }
    }

    fn remove(&mut self, organization: &OrganizationId, project: ProjectKey) {
        let Some(projects) = self.organizations.get_mut(organization) else {
            return;
        };
        if projects.remove(&project).is_some() {
            self.projects -= 1;
        }
        if projects.is_empty() {
            self.organizations.remove(organization);
        }
    }
}

impl Latest {
    /// What came before is not kept twice: a page that is wrong is wrong for every visitor.
    fn note(&mut self, diagnostic: Diagnostic, at: Timestamp) {
        let before = self.noted.iter();
        let before = before
            .rev()
            .position(|noted| noted.diagnostic == diagnostic);
        let before = before.and_then(|behind| self.noted.remove(self.noted.len() - 1 - behind));
        if before.is_none() {
            self.bytes += diagnostic.bytes();
        }
        let count = before.map_or(0, |noted| noted.count) + 1;
        self.noted.push_back(Noted {
            diagnostic,
            at,
            count,
        });
        while self.noted.len() > MOST || self.bytes > MOST_BYTES {
            let oldest = self.noted.pop_front();
            self.bytes -= oldest.map_or(0, |noted| noted.diagnostic.bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use paneld_domain::parse_timestamp;
    use proptest::prelude::*;

    use super::*;

    fn refusal(event: &str) -> Diagnostic {
        Diagnostic {
            outcome: Outcome::Refused,
            client: "fa0c2780-55f2-4d9e-bea0-da2e02c7b1a9".parse().unwrap(),
            event: Some(event.to_owned()),
            code: None,
            message: "Invalid request body".to_owned(),
            problems: Vec::new(),
        }
    }

    fn organization(number: usize) -> OrganizationId {
        format!("organization-{number}").parse().unwrap()
    }

    fn now() -> Timestamp {
        parse_timestamp("2026-01-15T10:30:00Z").unwrap()
    }

    fn events(
        diagnostics: &Diagnostics,
        organization: &OrganizationId,
        project: i64,
    ) -> Vec<String> {
        let noted = diagnostics
            .of(organization, ProjectKey(project))
            .into_iter();
        noted.filter_map(|noted| noted.diagnostic.event).collect()
    }

    #[test]
    fn the_latest_come_first_and_the_same_is_counted() {
        let (diagnostics, acme) = (Diagnostics::default(), organization(1));
        for event in ["a", "b", "a", "c", "a"] {
            diagnostics.note(&acme, ProjectKey(1), now(), refusal(event));
        }
        assert_eq!(events(&diagnostics, &acme, 1), ["a", "c", "b"]);
        assert_eq!(diagnostics.of(&acme, ProjectKey(1))[0].count, 3);
        assert!(events(&diagnostics, &acme, 2).is_empty());
        assert!(events(&diagnostics, &organization(2), 1).is_empty());
        diagnostics.forget(ProjectKey(1));
        assert!(events(&diagnostics, &acme, 1).is_empty());
        assert_eq!(diagnostics.lock().projects, 0);
    }

    #[test]
    fn the_organization_with_most_projects_gives_way() {
        let diagnostics = Diagnostics::default();
        let (small, big) = (organization(1), organization(2));
        diagnostics.note(&small, ProjectKey(0), now(), refusal("small"));
        for project in 1..=2_000 {
            diagnostics.note(&big, ProjectKey(project), now(), refusal("big"));
        }
        assert_eq!(events(&diagnostics, &small, 0), ["small"]);
        assert_eq!(events(&diagnostics, &big, 2_000), ["big"]);
        assert!(events(&diagnostics, &big, 1).is_empty());
        assert_eq!(diagnostics.lock().projects, MOST_PROJECTS);
    }

    fn any_diagnostic() -> impl Strategy<Value = Diagnostic> {
        let text = || "[a-zé]{0,40}".prop_map(|text| text.repeat(20));
        let step = prop_oneof![
            text().prop_map(PathStep::Key),
            any::<usize>().prop_map(PathStep::Index)
        ];
        let path = proptest::collection::vec(step, 0..12);
        let problem = (path, text()).prop_map(|(path, message)| Problem { path, message });
        let problems = proptest::collection::vec(problem, 0..8);
        (text(), text(), problems).prop_map(|(event, message, problems)| Diagnostic {
            message,
            problems,
            ..refusal(&event)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn nothing_grows_beyond_its_bounds(
            noted in proptest::collection::vec((0..3_usize, 0..700_i64, any_diagnostic()), 1..400),
        ) {
            let diagnostics = Diagnostics::default();
            for (number, project, diagnostic) in noted {
                let key = ProjectKey(project * 3 + i64::try_from(number).unwrap());
                diagnostics.note(&organization(number), key, now(), diagnostic);
                let newest = diagnostics.of(&organization(number), key);
                prop_assert_eq!(newest[0].at, now());
            }
            let kept = diagnostics.lock();
            let projects = kept.organizations.values().flat_map(HashMap::values);
            let projects = projects.collect::<Vec<_>>();
            prop_assert_eq!(projects.len(), kept.projects);
            prop_assert!(kept.projects <= MOST_PROJECTS);
            for latest in projects {
                let bytes = latest.noted.iter().map(|noted| noted.diagnostic.bytes());
                prop_assert_eq!(bytes.sum::<usize>(), latest.bytes);
                prop_assert!(latest.bytes <= MOST_BYTES);
                prop_assert!((1..=MOST).contains(&latest.noted.len()));
            }
        }

        #[test]
        fn one_project_keeps_no_more_than_its_room(
            noted in proptest::collection::vec(any_diagnostic(), 60..120),
        ) {
            let (diagnostics, acme) = (Diagnostics::default(), organization(1));
            diagnostics.note(&acme, ProjectKey(2), now(), refusal("other"));
            for diagnostic in noted {
                diagnostics.note(&acme, ProjectKey(1), now(), diagnostic);
            }
            let kept = diagnostics.of(&acme, ProjectKey(1));
            let bytes = kept.iter().map(|noted| noted.diagnostic.bytes()).sum::<usize>();
            prop_assert!(kept.len() <= MOST && bytes <= MOST_BYTES);
            prop_assert_eq!(events(&diagnostics, &acme, 2), ["other"]);
        }
    }
}
