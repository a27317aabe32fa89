//! Who has a turn, and who is next: arithmetic alone, without time or threads.

use std::collections::BTreeMap;

use super::asker::{Asker, Crowded};

/// How many there may be, of everybody together, of one organization and of one client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    pub(crate) all: usize,
    pub(crate) organization: usize,
    pub(crate) client: usize,
}

/// The place of one question, from its arrival to its end. Later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ticket(u64);

/// A queue that is fair to organizations, and within one of them to its clients.
///
/// Whoever had no turn for the longest time is next. An organization that has a turn already never
/// takes the last free one. When too many wait, those give way who have most waiting.
#[derive(Debug)]
pub(crate) struct FairQueue {
    turns: Share,
    waiting: Share,
    /// In the order of their arrival.
    entries: BTreeMap<Ticket, Entry>,
    /// When organizations and clients that are here had their last turn.
    organizations: BTreeMap<String, u64>,
    clients: BTreeMap<Asker, u64>,
    tickets: u64,
    begun: u64,
}

#[derive(Debug)]
struct Entry {
    asker: Asker,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    /// It runs elsewhere: it counts for its organization and client, and takes nobody's place.
    Aside,
}

impl FairQueue {
    /// A queue with so many turns at once, in which so many may wait.
    pub(crate) fn new(turns: Share, waiting: Share) -> Self {
        Self {
            turns,
            waiting,
            entries: BTreeMap::new(),
            organizations: BTreeMap::new(),
            clients: BTreeMap::new(),
            tickets: 0,
            begun: 0,
        }
    }

    /// Lets somebody wait; and who is turned away for that, if anybody is.
    pub(crate) fn enter(&mut self, asker: &Asker) -> Result<(Ticket, Option<Ticket>), Crowded> {
        let evicted = self.make_room(asker)?;
        Ok((self.add(asker, State::Waiting), evicted))
    }

    /// Notes somebody who runs elsewhere, whatever its share.
    pub(crate) fn enter_aside(&mut self, asker: &Asker) -> Ticket {
        self.add(asker, State::Aside)
    }

    /// Gives the next turn, if there is one and somebody may have it.
    pub(crate) fn begin_next(&mut self) -> Option<Ticket> {
        let left = Left::of(self.entries.values(), self.turns);
        let may = self
            .waiting()
            .filter(|(_, entry)| left.admits(&entry.asker));
        let next = may.min_by_key(|(ticket, entry)| (self.last_turn(&entry.asker), *ticket));
        let (ticket, _) = next?;
        let entry = self.entries.get_mut(&ticket)?;
        entry.state = State::Running;
        self.begun += 1;
        let organization = entry.asker.organization.clone();
        self.organizations.insert(organization, self.begun);
        self.clients.insert(entry.asker.clone(), self.begun);
        Some(ticket)
    }

    /// Makes a turn run elsewhere from now on.
    pub(crate) fn set_aside(&mut self, ticket: Ticket) {
        if let Some(entry) = self.entries.get_mut(&ticket) {
            entry.state = State::Aside;
        }
    }

    /// Ends a turn, or the wait for it.
    pub(crate) fn leave(&mut self, ticket: Ticket) {
        let Some(Entry { asker, .. }) = self.entries.remove(&ticket) else {
            return;
        };
        let is_here = |who: &dyn Fn(&Asker) -> bool| self.entries.values().any(|e| who(&e.asker));
        if !is_here(&|other| other.organization == asker.organization) {
            self.organizations.remove(&asker.organization);
        }
        if !is_here(&|other| *other == asker) {
            self.clients.remove(&asker);
        }
    }

    /// Those who could begin if this turn ended now.
    pub(crate) fn heirs(&self, ticket: Ticket) -> impl Iterator<Item = &Asker> {
        let others = self.entries.iter();
        let others = others.filter(move |(other, _)| **other != ticket);
        let left = Left::of(others.map(|(_, entry)| entry), self.turns);
        let waiting = self.waiting().map(|(_, entry)| &entry.asker);
        waiting.filter(move |asker| left.admits(asker))
    }

    /// How many wait.
    pub(crate) fn count_waiting(&self) -> usize {
        self.waiting().count()
    }

    /// How many have a turn here.
    #[cfg(test)]
    pub(crate) fn count_running(&self) -> usize {
        let states = self.entries.values().map(|entry| entry.state);
        states.filter(|state| *state == State::Running).count()
    }

    /// Whether nobody is here.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn waiting(&self) -> impl Iterator<Item = (Ticket, &Entry)> {
        let waiting = |(_, entry): &(_, &Entry)| entry.state == State::Waiting;
        let entries = self.entries.iter().filter(waiting);
        entries.map(|(ticket, entry)| (*ticket, entry))
    }

    fn add(&mut self, asker: &Asker, state: State) -> Ticket {
        // Who comes anew is not ahead of those who wait already.
        let waiting = self.waiting();
        let least = waiting.map(|(_, entry)| self.last_turn(&entry.asker)).min();
        let (organization, client) = least.unwrap_or((self.begun, self.begun));
        let organizations = self.organizations.entry(asker.organization.clone());
        organizations.or_insert(organization);
        self.clients.entry(asker.clone()).or_insert(client);
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        let asker = asker.clone();
        self.entries.insert(ticket, Entry { asker, state });
        ticket
    }

    fn last_turn(&self, asker: &Asker) -> (u64, u64) {
        let of_organization = self.organizations.get(&asker.organization);
        let of_client = self.clients.get(asker);
        (
            of_organization.copied().unwrap_or_default(),
            of_client.copied().unwrap_or_default(),
        )
    }

    /// Makes room for one more to wait, if need be: who has most waiting gives way.
    fn make_room(&mut self, asker: &Asker) -> Result<Option<Ticket>, Crowded> {
        let waiting = Counts::of(self.waiting().map(|(_, entry)| entry));
        let (own, own_organization) = (waiting.of_client(asker), waiting.of_organization(asker));
        let (organization, why) = if own >= self.waiting.client {
            return Err(Crowded::Client);
        } else if own_organization >= self.waiting.organization {
            (asker.organization.as_str(), Crowded::Organization)
        } else if waiting.all >= self.waiting.all {
            let most = waiting
                .organizations
                .iter()
                .max_by_key(|(_, count)| **count);
            match most {
                Some((organization, count)) if *count > own_organization => {
                    (*organization, Crowded::Server)
                }
                _ => return Err(Crowded::Server),
            }
        } else {
            return Ok(None);
        };
        let members = waiting.clients.iter();
        let members = members.filter(|(member, _)| member.organization == organization);
        let most = members.max_by_key(|(_, count)| **count);
        let greediest = match most {
            Some((member, count)) if organization != asker.organization || *count > own => {
                (*member).clone()
            }
            _ => return Err(why),
        };
        let theirs = self.waiting().filter(|(_, entry)| entry.asker == greediest);
        let newest = theirs.map(|(ticket, _)| ticket).max();
        if let Some(newest) = newest {
            self.leave(newest);
        }
        Ok(newest)
    }
}

/// How many there are of each.
struct Counts<'a> {
    all: usize,
    organizations: BTreeMap<&'a str, usize>,
    clients: BTreeMap<&'a Asker, usize>,
}

impl<'a> Counts<'a> {
    fn of(entries: impl Iterator<Item = &'a Entry>) -> Self {
        let mut counts = Self {
            all: 0,
            organizations: BTreeMap::new(),
            clients: BTreeMap::new(),
        };
        for Entry { asker, .. } in entries {
            counts.all += 1;
            *counts.organizations.entry(&asker.organization).or_default() += 1;
            *counts.clients.entry(asker).or_default() += 1;
        }
        counts
    }

    fn of_organization(&self, asker: &Asker) -> usize {
        let count = self.organizations.get(asker.organization.as_str());
        count.copied().unwrap_or_default()
    }

    fn of_client(&self, asker: &Asker) -> usize {
        self.clients.get(asker).copied().unwrap_or_default()
    }
}

/// What is left of the turns.
struct Left<'a> {
    free: usize,
    begun: Counts<'a>,
    turns: Share,
}

impl<'a> Left<'a> {
    fn of(entries: impl Iterator<Item = &'a Entry> + Clone, turns: Share) -> Self {
        let running = entries
            .clone()
            .filter(|entry| entry.state == State::Running);
        Self {
            free: turns.all.saturating_sub(running.count()),
            begun: Counts::of(entries.filter(|entry| entry.state != State::Waiting)),
            turns,
        }
    }

    /// Whether somebody may have one more.
    fn admits(&self, asker: &Asker) -> bool {
        let of_organization = self.begun.of_organization(asker);
        let kept_for_others = usize::from(of_organization > 0);
        self.free > kept_for_others
            && of_organization < self.turns.organization
            && self.begun.of_client(asker) < self.turns.client
    }
}

#[cfg(test)]
mod tests {
    use paneld_domain::OrganizationId;
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const TURNS: Share = Share {
        all: 3,
        organization: 2,
        client: 1,
    };
    const WAITING: Share = Share {
        all: 12,
        organization: 6,
        client: 3,
    };

    fn asker(organization: u8, client: u8) -> Asker {
        let organization = format!("o{organization}").parse::<OrganizationId>();
        let client = format!("00000000-0000-4000-8000-0000000000{client:02}").parse();
        Asker::client(&organization.unwrap(), client.unwrap())
    }

    fn queue() -> FairQueue {
        FairQueue::new(TURNS, WAITING)
    }

    fn begin_all(queue: &mut FairQueue) -> Vec<Ticket> {
        std::iter::from_fn(|| queue.begin_next()).collect()
    }

    /// What may happen: to whom, or to which of those that are there.
    #[derive(Debug, Clone)]
    enum Step {
        Enter(u8, u8),
        EnterAside(u8, u8),
        SetAside(prop::sample::Index),
        Leave(prop::sample::Index),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            6 => (0..5_u8, 0..3_u8).prop_map(|(o, c)| Step::Enter(o, c)),
            1 => (0..5_u8, 0..3_u8).prop_map(|(o, c)| Step::EnterAside(o, c)),
            1 => any::<prop::sample::Index>().prop_map(Step::SetAside),
            3 => any::<prop::sample::Index>().prop_map(Step::Leave),
        ];
        vec(step, 0..200)
    }

    /// How many entries there are in these states: of all, and the most of one organization and
    /// of one client.
    fn most(queue: &FairQueue, states: &[State]) -> [usize; 3] {
        let mut organizations = BTreeMap::<_, usize>::new();
        let mut clients = BTreeMap::<_, usize>::new();
        let entries = queue.entries.values();
        let entries = entries.filter(|entry| states.contains(&entry.state));
        let all = entries.map(|entry| {
            *organizations.entry(&entry.asker.organization).or_default() += 1;
            *clients.entry(&entry.asker).or_default() += 1;
        });
        let all = all.count();
        let most = |counts: Vec<usize>| counts.into_iter().max().unwrap_or_default();
        [
            all,
            most(organizations.into_values().collect()),
            most(clients.into_values().collect()),
        ]
    }

    fn is_within(counts: [usize; 3], share: Share) -> bool {
        let [all, organization, client] = counts;
        all <= share.all && organization <= share.organization && client <= share.client
    }

    proptest! {
        #[test]
        fn nobody_has_more_than_its_share_and_no_turn_is_left_that_somebody_may_have(
            steps in steps()
        ) {
            let mut queue = queue();
            for step in steps {
                let there = queue.entries.keys().copied().collect::<Vec<_>>();
                match step {
                    Step::Enter(o, c) => {
                        let before = most(&queue, &[State::Waiting]);
                        let came = queue.enter(&asker(o, c));
                        // Room is made only where there is none.
                        let is_full = before[0] == WAITING.all
                            || before[1] == WAITING.organization
                            || before[2] == WAITING.client;
                        let is_plain = matches!(came, Ok((_, None)));
                        prop_assert!(is_plain || is_full, "{before:?} {came:?}");
                    }
                    Step::EnterAside(o, c) => {
                        queue.enter_aside(&asker(o, c));
                    }
                    Step::SetAside(_) | Step::Leave(_) if there.is_empty() => {}
                    Step::SetAside(which) => {
                        let ticket = there[which.index(there.len())];
                        if queue.entries[&ticket].state == State::Running {
                            queue.set_aside(ticket);
                        }
                    }
                    Step::Leave(which) => queue.leave(there[which.index(there.len())]),
                }
                let before = most(&queue, &[State::Running, State::Aside]);
                let begun = begin_all(&mut queue);
                let [running, ..] = most(&queue, &[State::Running]);
                prop_assert!(running <= TURNS.all);
                let now = most(&queue, &[State::Running, State::Aside]);
                prop_assert!(now[1] <= TURNS.organization.max(before[1]));
                prop_assert!(now[2] <= TURNS.client.max(before[2]));
                prop_assert!(is_within(most(&queue, &[State::Waiting]), WAITING));
                prop_assert!(begun.len() <= TURNS.all);
                let left = Left::of(queue.entries.values(), TURNS);
                let may = queue.waiting().filter(|(_, entry)| left.admits(&entry.asker));
                prop_assert_eq!(may.count(), 0);
                // What is remembered of those who had turns goes with them.
                prop_assert!(queue.clients.len() <= queue.entries.len());
                prop_assert!(queue.organizations.len() <= queue.entries.len());
            }
        }

        #[test]
        fn whoever_waits_has_its_turn_before_anyone_has_a_third(
            crowd in vec((0..4_u8, 0..3_u8), 1..40), ends in vec(any::<prop::sample::Index>(), 60)
        ) {
            let mut queue = queue();
            for (o, c) in &crowd {
                let _full = queue.enter(&asker(*o, *c));
            }
            let mut running = begin_all(&mut queue);
            let (victim, _) = queue.enter(&asker(9, 0)).unwrap();
            let mut turns = BTreeMap::<String, usize>::new();
            for end in ends {
                running.extend(begin_all(&mut queue));
                if running.contains(&victim) {
                    break;
                }
                let ended = running.swap_remove(end.index(running.len()));
                let asker = queue.entries[&ended].asker.clone();
                queue.leave(ended);
                // It comes again at once.
                let _full = queue.enter(&asker);
                for ticket in begin_all(&mut queue) {
                    running.push(ticket);
                    let organization = queue.entries[&ticket].asker.organization.clone();
                    let turns = turns.entry(organization).or_default();
                    *turns += 1;
                    prop_assert!(*turns < 3, "{ticket:?} is ahead of {victim:?}");
                }
            }
            prop_assert!(running.contains(&victim));
        }

        #[test]
        fn nobody_is_turned_away_for_what_others_do(
            crowd in vec((0..3_u8, 0..3_u8), 0..80), own in 1..3_usize
        ) {
            let mut queue = queue();
            let enter = |queue: &mut FairQueue| queue.enter(&asker(9, 0)).unwrap().0;
            let mine = (0..own).map(|_| enter(&mut queue)).collect::<Vec<_>>();
            for (o, c) in crowd {
                let _full = queue.enter(&asker(o, c));
            }
            prop_assert!(mine.iter().all(|ticket| queue.entries.contains_key(ticket)));
            enter(&mut queue);
        }
    }

    #[test]
    fn organizations_take_turns_and_within_them_clients() {
        let mut queue = queue();
        // Those who hold all turns at first.
        for (o, c) in [(1, 1), (2, 1), (3, 1)] {
            queue.enter(&asker(o, c)).unwrap();
        }
        let mut running = begin_all(&mut queue);
        assert_eq!(running.len(), 3);
        for (o, c) in [(1, 2), (1, 2), (1, 3), (2, 2), (2, 2)] {
            queue.enter(&asker(o, c)).unwrap();
        }
        let mut order = Vec::new();
        while let Some(ended) = running.first().copied() {
            running.remove(0);
            queue.leave(ended);
            for ticket in begin_all(&mut queue) {
                order.push(queue.entries[&ticket].asker.clone());
                running.push(ticket);
            }
        }
        let expected = [(1, 2), (2, 2), (1, 3), (2, 2), (1, 2)];
        assert_eq!(order, expected.map(|(o, c)| asker(o, c)));
    }

    #[test]
    fn the_last_turn_is_for_those_who_have_none() {
        let mut queue = queue();
        for c in 0..3 {
            queue.enter(&asker(1, c)).unwrap();
        }
        assert_eq!(begin_all(&mut queue).len(), 2);
        let (other, _) = queue.enter(&asker(2, 0)).unwrap();
        assert_eq!(begin_all(&mut queue), [other]);
    }

    #[test]
    fn what_runs_aside_takes_no_turn_but_its_owners_share() {
        let mut queue = queue();
        let (first, _) = queue.enter(&asker(1, 0)).unwrap();
        let (second, _) = queue.enter(&asker(1, 0)).unwrap();
        assert_eq!(begin_all(&mut queue), [first]);
        assert_eq!(queue.heirs(first).collect::<Vec<_>>(), [&asker(1, 0)]);
        queue.set_aside(first);
        assert_eq!(begin_all(&mut queue), []);
        queue.leave(first);
        assert_eq!(begin_all(&mut queue), [second]);
    }

    #[test]
    fn who_has_most_waiting_gives_way() {
        let mut queue = queue();
        let mut enter = |o, c| queue.enter(&asker(o, c));
        let mine = [0, 1, 2].map(|_| enter(1, 0).unwrap().0);
        assert_eq!(enter(1, 0).unwrap_err(), Crowded::Client);
        let others = [1, 1, 2].map(|c| enter(1, c).unwrap().0);
        // Six of this organization: one of the client with three goes, its newest.
        assert_eq!(enter(1, 2).unwrap().1, Some(mine[2]));
        assert_eq!(enter(1, 2).unwrap_err(), Crowded::Organization);
        for c in [0, 0, 1, 1] {
            enter(2, c).unwrap();
        }
        for c in [0, 1] {
            enter(3, c).unwrap();
        }
        // Twelve in all: one of the organization with six goes.
        let (_, evicted) = enter(4, 0).unwrap();
        assert!(evicted.is_some_and(|gone| mine.contains(&gone)
            || others.contains(&gone)
            || gone > others[2]));
        assert_eq!(
            enter(1, 1).map(|(_, gone)| gone.is_some()),
            Err(Crowded::Server)
        );
    }
}
