//! Where a visitor is, when anyone may say so: whom to believe, and how often.

use std::{
    collections::HashSet,
    hash::{BuildHasher as _, RandomState},
    net::IpAddr,
    str::FromStr,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use paneld_domain::InvalidValue;
use paneld_ratelimit::BucketKey;

/// The number of visitors in a generation. Two generations are kept: some 5 MB at most.
const GENERATION: usize = 131_072;
/// The number of requests in a vote on whether one peer sends nearly all of them.
const WATCHED: u32 = 1_000;
/// The lead that a peer needs in such a vote.
const NEARLY_ALL: u32 = 900;

/// Whose word on a visitor's address counts, among callers who do not know the client's secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VisitorAddress {
    /// Everybody's word counts, also that of pages and of strangers.
    Any,
    /// That of trusted proxies. The visitors of all others are at the peer address.
    Trusted,
}

impl FromStr for VisitorAddress {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "any" => Ok(Self::Any),
            "trusted" => Ok(Self::Trusted),
            _ => Err(InvalidValue::new("must be any or trusted")),
        }
    }
}

/// What is remembered to find out where visitors are.
#[derive(Debug)]
pub(crate) struct Visitors {
    believed: VisitorAddress,
    seen: SeenVisitors,
    watch: ProxyWatch,
}

impl Visitors {
    /// Nobody was seen yet.
    pub(crate) fn new(believed: VisitorAddress) -> Self {
        Self {
            believed,
            seen: SeenVisitors::default(),
            watch: ProxyWatch::default(),
        }
    }

    /// Notes a request, and whether its peer tells of a visitor elsewhere without being trusted.
    pub(crate) fn note_peer(&self, peer: IpAddr, is_unnamed_proxy: bool) {
        self.watch.note(peer, is_unnamed_proxy);
    }

    /// Whether the word of somebody counts who does not know the client's secret.
    pub(crate) fn believe(&self, is_trusted: bool) -> bool {
        match self.believed {
            VisitorAddress::Any => true,
            VisitorAddress::Trusted => is_trusted,
        }
    }

    /// Whether a visitor was seen lately. Then it is seen again.
    pub(crate) fn knows(&self, visitor: BucketKey) -> bool {
        self.seen.knows(visitor)
    }

    /// Notes that a visitor was seen.
    pub(crate) fn note(&self, visitor: BucketKey) {
        self.seen.note(visitor);
    }
}

/// The visitors that were seen lately: in bounded memory, and so the newest ones only.
#[derive(Debug, Default)]
struct SeenVisitors {
    hasher: RandomState,
    generations: Mutex<Generations>,
}

#[derive(Debug, Default)]
struct Generations {
    newer: HashSet<u64>,
    older: HashSet<u64>,
}

impl SeenVisitors {
    /// Whether a visitor was seen lately. Then it is seen again.
    fn knows(&self, visitor: BucketKey) -> bool {
        let visitor = self.hasher.hash_one(visitor);
        let mut generations = self.generations();
        if generations.newer.contains(&visitor) {
            return true;
        }
        let is_known = generations.older.contains(&visitor);
        if is_known {
            generations.add(visitor);
        }
        is_known
    }

    fn note(&self, visitor: BucketKey) {
        let visitor = self.hasher.hash_one(visitor);
        self.generations().add(visitor);
    }

    fn generations(&self) -> MutexGuard<'_, Generations> {
        // Whatever a panic left there is a set of visitors, too.
        self.generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn add(&mut self, visitor: u64) {
        if self.newer.len() >= GENERATION {
            std::mem::swap(&mut self.newer, &mut self.older);
            self.newer.clear();
        }
        self.newer.insert(visitor);
    }
}

/// Looks for a proxy that the operator forgot to name: one peer that sends nearly everything, and
/// tells of visitors elsewhere.
#[derive(Debug, Default)]
struct ProxyWatch {
    has_warned: AtomicBool,
    votes: Mutex<Votes>,
}

/// A majority vote (of Boyer and Moore) on which peer it is.
#[derive(Debug, Default)]
struct Votes {
    requests: u32,
    candidate: Option<IpAddr>,
    lead: u32,
}

impl ProxyWatch {
    fn note(&self, peer: IpAddr, is_unnamed_proxy: bool) {
        if self.has_warned.load(Ordering::Relaxed) {
            return;
        }
        let elected = {
            let mut votes = self.votes.lock().unwrap_or_else(PoisonError::into_inner);
            votes.cast(is_unnamed_proxy.then_some(peer))
        };
        if let Some(peer) = elected
            && !self.has_warned.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                peer.address = %peer,
                "nearly everything that is tracked comes from one peer, which tells of visitors \
                 elsewhere and is not trusted: if it is a proxy of yours, name it in \
                 trusted_proxies"
            );
        }
    }
}

impl Votes {
    /// Counts a vote. Returns who has nearly all of them, when enough were cast.
    fn cast(&mut self, vote: Option<IpAddr>) -> Option<IpAddr> {
        if self.lead == 0 {
            self.candidate = vote;
        }
        if self.candidate == vote {
            self.lead += 1;
        } else {
            self.lead -= 1;
        }
        self.requests += 1;
        if self.requests < WATCHED {
            return None;
        }
        let Self {
            candidate, lead, ..
        } = std::mem::take(self);
        candidate.filter(|_| lead >= NEARLY_ALL)
    }
}

#[cfg(test)]
mod tests {
    use paneld_domain::{ClientId, limit_group};

    use super::*;

    fn address(number: u32) -> IpAddr {
        IpAddr::from(number.to_be_bytes())
    }

    #[test]
    fn memory_is_bounded_and_who_comes_again_stays_known() {
        let seen = SeenVisitors::default();
        let client = ClientId::random(&mut rand::rng());
        let visitor =
            |number| BucketKey::address_with(limit_group::TRACK_VISITOR, client, address(number));
        let regular = visitor(0);
        assert!(!seen.knows(regular));
        seen.note(regular);
        for number in 1..=1_000_000 {
            seen.note(visitor(number));
            if number % 100_000 == 0 {
                assert!(seen.knows(regular), "{number}");
            }
        }
        let generations = seen.generations();
        assert!(generations.newer.len() <= GENERATION);
        assert!(generations.older.len() <= GENERATION);
        drop(generations);
        assert!(seen.knows(visitor(1_000_000)));
        assert!(!seen.knows(visitor(1)));
    }

    /// Who is found in a number of votes of which some are the peer's.
    fn elected(of_peer: impl Fn(u32) -> bool) -> Option<IpAddr> {
        let mut votes = Votes::default();
        let cast = |number: u32| {
            let vote = if of_peer(number) { 1 } else { 2 + number };
            votes.cast(Some(address(vote)))
        };
        (0..WATCHED).filter_map(cast).next()
    }

    #[test]
    fn a_peer_is_found_that_sends_nearly_everything() {
        assert_eq!(elected(|_| true), Some(address(1)));
        assert_eq!(elected(|number| number % 50 != 7), Some(address(1)));
        assert_eq!(elected(|number| number % 2 == 0), None);
        assert_eq!(elected(|number| number % 5 != 0), None);
        let mut votes = Votes::default();
        let nobody = (0..3 * WATCHED).find_map(|_| votes.cast(None));
        assert_eq!(nobody, None);
    }
}
