//! Shares of what there is only so much of: bytes of bodies, places in a line, connections.
//!
//! A holder may have as much as is left free, or a multiple of that ("dynamic thresholds", as
//! switches share their buffers). So one greedy holder among many gets a good part, several get
//! less each, and somebody who has nothing yet always finds something left. Nobody is counted,
//! nothing is set aside, and nobody loses what it has.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What one holder may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share<K> {
    key: K,
    /// How many times what is left free it may have.
    times: u64,
    /// How much it may have, however much is left.
    most: u64,
    /// Free to it is only what the share before it in the list leaves free.
    nested: bool,
}

impl<K> Share<K> {
    /// A share of the whole.
    pub fn new(key: K, times: u64) -> Self {
        Self {
            key,
            times,
            most: u64::MAX,
            nested: false,
        }
    }

    /// A share of the share before it in the list.
    pub fn nested(key: K, times: u64) -> Self {
        Self {
            nested: true,
            ..Self::new(key, times)
        }
    }

    /// The same, but never more than so much.
    #[must_use]
    pub fn at_most(self, most: u64) -> Self {
        Self { most, ..self }
    }
}

/// So much of something, and who holds how much of it.
#[derive(Debug)]
pub(crate) struct Shares<K> {
    size: u64,
    held: u64,
    by_key: HashMap<K, u64>,
}

impl<K: Eq + Hash + Clone> Shares<K> {
    pub(crate) fn new(size: u64) -> Self {
        Self {
            size,
            held: 0,
            by_key: HashMap::new(),
        }
    }

    /// Takes so much for all of these shares, or nothing when that is too much for one of them.
    pub(crate) fn take(&mut self, shares: &[Share<K>], amount: u64) -> bool {
        let fits = self.fits(shares, amount);
        if fits {
            self.held += amount;
            for share in shares {
                *self.by_key.entry(share.key.clone()).or_default() += amount;
            }
        }
        fits
    }

    /// Gives back what was taken for these shares.
    pub(crate) fn give_back(&mut self, shares: &[Share<K>], amount: u64) {
        self.held = self.held.saturating_sub(amount);
        for share in shares {
            if let Some(held) = self.by_key.get_mut(&share.key) {
                *held = held.saturating_sub(amount);
                if *held == 0 {
                    self.by_key.remove(&share.key);
                }
            }
        }
    }

    /// Whether nobody had more than its share after this.
    fn fits(&self, shares: &[Share<K>], amount: u64) -> bool {
        let Some(free) = self.size.checked_sub(self.held.saturating_add(amount)) else {
            return false;
        };
        let mut left = free;
        shares.iter().all(|share| {
            let most = share.times * if share.nested { left } else { free };
            let most = most.min(share.most);
            let held = self.by_key.get(&share.key).copied().unwrap_or_default() + amount;
            left = most.saturating_sub(held);
            held <= most
        })
    }
}

/// So much of something, of which threads hold shares.
#[derive(Debug)]
pub struct Pool<K>(Mutex<Shares<K>>);

impl<K: Eq + Hash + Clone> Pool<K> {
    /// A pool of this size, of which nobody has anything.
    pub fn new(size: u64) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Shares::new(size))))
    }

    /// Begins to hold something of the pool, with nothing.
    pub fn hold(self: &Arc<Self>, shares: Vec<Share<K>>) -> Held<K> {
        Held {
            pool: Arc::clone(self),
            shares,
            amount: 0,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shares<K>> {
        // Numbers alone: no panic leaves them half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What somebody holds of a pool, until this is dropped.
#[derive(Debug)]
pub struct Held<K: Eq + Hash + Clone> {
    pool: Arc<Pool<K>>,
    shares: Vec<Share<K>>,
    amount: u64,
}

impl<K: Eq + Hash + Clone> Held<K> {
    /// Holds so much more, if that is within all shares.
    #[must_use]
    pub fn take(&mut self, more: u64) -> bool {
        let taken = more == 0 || self.pool.lock().take(&self.shares, more);
        if taken {
            self.amount += more;
        }
        taken
    }

    /// Gives so much back; all of it, if that is less.
    pub fn give_back(&mut self, amount: u64) {
        let amount = amount.min(self.amount);
        self.pool.lock().give_back(&self.shares, amount);
        self.amount -= amount;
    }

    /// How much is held now, in the unit of the pool.
    pub fn amount(&self) -> u64 {
        self.amount
    }

    /// Holds the same of another pool instead, if there is room.
    #[must_use]
    pub fn move_to(&mut self, pool: &Arc<Pool<K>>) -> bool {
        let mut moved = pool.hold(self.shares.clone());
        let fits = moved.take(self.amount);
        if fits {
            *self = moved;
        }
        fits
    }
}

impl<K: Eq + Hash + Clone> Drop for Held<K> {
    fn drop(&mut self) {
        if self.amount > 0 {
            self.pool.lock().give_back(&self.shares, self.amount);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIZE: u64 = 1_000;

    /// As much as this holder gets when it takes one after the other.
    fn fill(shares: &mut Shares<&'static str>, holder: &[Share<&'static str>]) -> u64 {
        let mut taken = 0;
        while shares.take(holder, 1) {
            taken += 1;
        }
        taken
    }

    #[test]
    fn one_holder_leaves_as_much_as_it_has() {
        let mut shares = Shares::new(SIZE);
        assert_eq!(fill(&mut shares, &[Share::new("a", 1)]), 500);
        assert_eq!(fill(&mut shares, &[Share::new("b", 1)]), 250);
        // What another gives back is there for all.
        shares.give_back(&[Share::new("a", 1)], 500);
        assert_eq!(fill(&mut shares, &[Share::new("b", 1)]), 250);
    }

    #[test]
    fn a_larger_share_is_a_multiple_of_what_is_left() {
        let mut shares = Shares::new(SIZE);
        assert_eq!(fill(&mut shares, &[Share::new("a", 4)]), 800);
        assert_eq!(fill(&mut shares, &[Share::new("b", 4)]), 160);
    }

    #[test]
    fn nobody_has_more_than_its_most_however_much_is_left() {
        let mut shares = Shares::new(SIZE);
        let of = |who| [Share::new(who, 1).at_most(250)];
        assert_eq!(fill(&mut shares, &of("a")), 250);
        assert_eq!(fill(&mut shares, &of("b")), 250);
        assert_eq!(fill(&mut shares, &of("c")), 250);
        assert_eq!(fill(&mut shares, &of("d")), 125);
    }

    #[test]
    fn one_peer_leaves_room_for_others_of_the_same_client() {
        let of = |peer| [Share::new("client", 1), Share::nested(peer, 1)];
        let mut shares = Shares::new(SIZE);
        assert_eq!(fill(&mut shares, &of("attacker")), 333);
        assert_eq!(fill(&mut shares, &of("neighbour")), 111);
        // Who only comes by the same client is not what others of it took.
        assert_eq!(fill(&mut shares, &[Share::new("other", 1)]), 278);
    }

    /// A client, one of its peers, and that peer over all clients.
    fn holder(client: u8, peer: u8) -> Vec<Share<(u8, u8, u8)>> {
        vec![
            Share::new((1, client, 0), 1),
            Share::nested((2, client, peer), 2),
            Share::new((3, 0, peer), 3),
        ]
    }

    proptest! {
        #[test]
        fn nobody_ever_keeps_a_newcomer_out(
            takes in prop::collection::vec((0u8..6, 0u8..4, 1u64..20_000), 0..200),
        ) {
            let mut shares = Shares::new(100_000);
            let mut taken = Vec::new();
            for (client, peer, amount) in takes {
                let holder = holder(client, peer);
                if shares.take(&holder, amount) {
                    let free = shares.size - shares.held;
                    let of_client = shares.by_key[&(1, client, 0)];
                    prop_assert!(of_client <= free);
                    prop_assert!(shares.by_key[&(2, client, peer)] <= 2 * (free - of_client));
                    prop_assert!(shares.by_key[&(3, 0, peer)] <= 3 * free);
                    taken.push((holder, amount));
                }
                // Each client leaves at least half of what it found: there are six, and a peer
                // that is new finds half of the rest.
                let newcomer = [Share::new((1, 9, 0), 1), Share::new((3, 0, 9), 3)];
                prop_assert!(shares.fits(&newcomer, 100_000 / 64 / 2));
            }
            prop_assert_eq!(shares.held, taken.iter().map(|(_, amount)| amount).sum::<u64>());
            for (holder, amount) in taken {
                shares.give_back(&holder, amount);
            }
            prop_assert_eq!(shares.held, 0);
            prop_assert!(shares.by_key.is_empty());
        }

        #[test]
        fn what_is_refused_is_too_much_for_somebody(
            takes in prop::collection::vec((0u8..3, 1u64..400), 1..60),
        ) {
            let mut shares = Shares::new(SIZE);
            for (client, amount) in takes {
                let holder = [Share::new(client, 1)];
                let (held, own) = (shares.held, shares.by_key.get(&client).copied());
                if !shares.take(&holder, amount) {
                    prop_assert!(own.unwrap_or_default() + amount > SIZE.saturating_sub(held + amount));
                    prop_assert_eq!(shares.held, held);
                    prop_assert_eq!(shares.by_key.get(&client).copied(), own);
                }
            }
        }
    }

    #[test]
    fn what_is_held_is_given_back_when_it_is_dropped() {
        let (fast, slow) = (Pool::new(100), Pool::new(10));
        let mut held = fast.hold(vec![Share::new("a", 1)]);
        assert!(held.take(40));
        assert!(!held.take(20));
        assert!(!held.move_to(&slow));
        assert_eq!(fast.lock().held, 40, "it stays where it was");
        let wide = Pool::new(1_000);
        assert!(held.move_to(&wide));
        assert_eq!((fast.lock().held, wide.lock().held), (0, 40));
        held.give_back(10);
        assert_eq!((held.amount(), wide.lock().held), (30, 30));
        held.give_back(100);
        assert_eq!((held.amount(), wide.lock().held), (0, 0));
        assert!(held.take(40));
        drop(held);
        assert_eq!(wide.lock().held, 0);
    }
}
