//! What is demanded of a server under siege.

use std::{fmt, time::Duration};

use crate::victim::{Answers, Diary};

/// The most memory that may be resident, in MiB.
const MEMORY_MIB: u64 = 600;
/// So many times as long as beside attacks on the floor an answer may take.
const TIMES: u32 = 2;
/// How long any look for life may take.
const ALIVE: Duration = Duration::from_millis(100);
/// So many times what was sent the data folder may grow.
const GROWTH: u64 = 3;

/// What was seen.
pub(crate) struct Observed {
    pub(crate) diary: Diary,
    /// While the same load went to the floor.
    pub(crate) calm: Option<Diary>,
    /// What is wrong with the victim's sessions.
    pub(crate) sessions: Option<String>,
    /// By how many bytes the data folder grew.
    pub(crate) disk: u64,
    /// How many bytes were sent.
    pub(crate) sent: u64,
    /// The most memory that was resident, in MiB.
    pub(crate) memory: u64,
    /// The answers to attackers, by the first digit of their status.
    pub(crate) answers: [u64; 6],
}

/// One thing that is demanded.
#[derive(Debug, Clone)]
pub struct Finding {
    /// What is demanded.
    pub demand: &'static str,
    /// Whether it is so.
    pub holds: bool,
    /// What was seen.
    pub seen: String,
}

/// All that is demanded.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// What attackers were answered.
    pub attack: String,
    /// The demands.
    pub findings: Vec<Finding>,
}

impl Verdict {
    /// Whether everything is as it should be.
    pub fn holds(&self) -> bool {
        self.findings.iter().all(|finding| finding.holds)
    }

    pub(crate) fn of(observed: &Observed) -> Self {
        let Observed { diary, .. } = observed;
        let mut findings = vec![
            all_good("every event of the victim is taken", &diary.track),
            all_good("every report of the victim is answered", &diary.reports),
            all_good("it tells that it lives", &diary.health),
            Finding {
                demand: "the victim's sessions, bounces and durations are those of its model",
                holds: observed.sessions.is_none(),
                seen: observed
                    .sessions
                    .clone()
                    .unwrap_or_else(|| "they are".to_owned()),
            },
            Finding {
                demand: "no more than 600 MiB are resident",
                holds: observed.memory <= MEMORY_MIB,
                seen: format!("{} MiB", observed.memory),
            },
            Finding {
                demand: "the data folder grows by no more than three times what was sent",
                holds: observed.disk <= GROWTH * observed.sent,
                seen: format!("{} MiB of {} MiB", observed.disk >> 20, observed.sent >> 20),
            },
        ];
        if let Some(calm) = &observed.calm {
            findings.push(within(
                "99 of 100 events of the victim take at most twice as long as while the floor is attacked",
                (&diary.track, &calm.track),
                99,
            ));
            findings.push(within(
                "half of the victim's reports take at most twice as long as while the floor is attacked",
                (&diary.reports, &calm.reports),
                50,
            ));
            findings.push(within(
                "95 of 100 reports of the victim take at most twice as long as while the floor is attacked",
                (&diary.reports, &calm.reports),
                95,
            ));
            let longest = diary.health.percentile(100);
            findings.push(Finding {
                demand: "it tells within 100 ms that it lives",
                holds: longest <= ALIVE,
                seen: format!(
                    "{longest:?} at most, half within {:?}",
                    diary.health.percentile(50)
                ),
            });
        }
        let [none, _, good, _, bad, unavailable] = observed.answers;
        Self {
            attack: format!(
                "{} MiB were sent; 2xx {good}, 4xx {bad}, 5xx {unavailable}, no answer {none}",
                observed.sent >> 20
            ),
            findings,
        }
    }
}

fn all_good(demand: &'static str, answers: &Answers) -> Finding {
    let (count, bad) = (answers.times.len(), answers.bad.len());
    let first = answers.bad.first().map_or("", String::as_str);
    Finding {
        demand,
        holds: bad == 0 && count > 0,
        seen: match bad {
            0 => format!("all {count}"),
            _ => format!("not {bad} of {count}, such as: {first}"),
        },
    }
}

fn within(demand: &'static str, (ours, calm): (&Answers, &Answers), percent: usize) -> Finding {
    let (ours, calm) = (ours.percentile(percent), calm.percentile(percent));
    Finding {
        demand,
        holds: ours <= calm * TIMES,
        seen: format!("{ours:?} beside {calm:?}"),
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.attack)?;
        for Finding {
            demand,
            holds,
            seen,
        } in &self.findings
        {
            let verdict = if *holds { "holds" } else { "FAILS" };
            writeln!(f, "{verdict}  {demand}: {seen}")?;
        }
        Ok(())
    }
}
