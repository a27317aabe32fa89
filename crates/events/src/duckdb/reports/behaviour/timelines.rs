//! Events of each session or profile, in the order of time.
//!
//! Rows are nearly in the order of time, so one look at all of them follows everybody at once: of
//! each is kept how far it is, and no event. Whose events come in another order is followed again,
//! with events that DuckDB has put in order.
//!
//! Sessions are told apart by a hash of 64 bits, which DuckDB makes in a tenth of the time that it
//! takes to hand out their texts. Among two million sessions, two share one with a probability of
//! one in ten million.

use duckdb::{
    Connection,
    arrow::{
        array::{Array as _, ArrayRef, AsArray as _},
        datatypes::{TimestampMillisecondType, UInt64Type},
        record_batch::RecordBatch,
    },
};
use paneld_analytics::{FunnelUnit, Window};

use super::super::keys::{BYTES_A_KEY, Keys};
use crate::{
    Scope,
    duckdb::{
        fault::Fault,
        sql::{Sql, in_window, of_project},
    },
};

/// What is kept of everybody who is followed at once takes so many bytes.
const ROOM: u64 = 64 << 20;

/// What somebody takes beside that: the key, a time, and whether events are in disorder.
const BYTES_EACH: usize = BYTES_A_KEY + 8 + 1;

/// Above this many, those whose events are in disorder are not told one by one.
const MOST_NAMED: usize = 1_000;

/// When the event before the first one happened.
pub(super) const NEVER: i64 = i64::MIN;

/// What is kept of whoever is followed, and what becomes of it.
pub(super) trait Follower {
    /// Which one an event is.
    type Kind: Copy;

    /// A piece of what is kept.
    type Piece: Copy;

    /// What a piece is at first.
    const EMPTY: Self::Piece;

    /// Whether it matters in which order events of the same millisecond are: then it is that of
    /// their ids.
    const TELLS_TIES_APART: bool;

    /// How many pieces are kept of each.
    fn pieces(&self) -> usize;

    /// Which one an event is, by the hash of its name; `None` when it is passed over.
    fn kind_of(&self, name: u64) -> Option<Self::Kind>;

    /// The next event. `last` is when the one before it happened, in milliseconds; [`NEVER`] for
    /// the first.
    fn take(&self, kept: &mut [Self::Piece], last: i64, at: i64, kind: Self::Kind);

    /// There are no more events; `last` is when the last of them happened.
    fn finish(&mut self, kept: &mut [Self::Piece], last: i64) -> Result<(), Fault>;
}

/// The events through which somebody is followed.
pub(super) struct Events<'a> {
    pub(super) scope: &'a Scope,
    /// They happened in it.
    pub(super) window: Window,
    /// Who is followed.
    pub(super) unit: FunnelUnit,
}

/// Follows all sessions or profiles through their events.
pub(super) fn follow<F: Follower>(
    snapshot: &Connection,
    events: &Events<'_>,
    follower: &mut F,
) -> Result<(), Fault> {
    let bytes_each = BYTES_EACH + follower.pieces() * size_of::<F::Piece>();
    follow_at_once(ROOM / bytes_each as u64, snapshot, events, follower)
}

/// The same, so many of them at once.
fn follow_at_once(
    most: u64,
    snapshot: &Connection,
    events: &Events<'_>,
    follower: &mut impl Follower,
) -> Result<(), Fault> {
    let about = events.count_those(snapshot)?;
    let mut left = Part::all(about / most);
    // Hashes divide them evenly, or nearly so.
    let about = about / left.len() as u64 * 9 / 8;
    while let Some(part) = left.pop() {
        let mut followed = Followed::new(most, about.min(most), follower);
        events.stream(snapshot, part, |rows| {
            rows.each(|key, at, name| followed.take(key, at, name));
            Ok(!followed.is_full())
        })?;
        if followed.is_full() {
            left.extend(part.halves());
            continue;
        }
        let disordered = followed.begin_disordered_again();
        if !disordered.is_empty() {
            events.stream_in_order(snapshot, part, &disordered, |rows| {
                rows.each(|key, at, name| followed.take_in_order(key, at, name));
            })?;
        }
        followed.finish()?;
    }
    Ok(())
}

/// Those whose keys have certain bits.
#[derive(Debug, Clone, Copy)]
struct Part {
    bits: u32,
    value: u64,
}

impl Part {
    /// Hash tables need the lowest bits, and the highest.
    const SHIFT: u32 = 32;

    /// Everybody, in so many parts or a few more; one at least.
    fn all(parts: u64) -> Vec<Self> {
        let bits = u64::BITS - parts.leading_zeros();
        let values = 0..1 << bits;
        values.map(|value| Self { bits, value }).collect()
    }

    fn halves(self) -> [Self; 2] {
        let bits = self.bits + 1;
        [0, 1].map(|bit| Self {
            bits,
            value: self.value | (bit << self.bits),
        })
    }

    fn has(self, key: &str) -> Sql {
        let Self { bits, value } = self;
        if bits == 0 {
            return Sql::new("TRUE");
        }
        let mask = (1_u64 << bits) - 1;
        Sql::new(&format!("({key} >> {}) & {mask} = {value}", Self::SHIFT))
    }
}

impl Events<'_> {
    /// About how many sessions or profiles there are.
    fn count_those(&self, snapshot: &Connection) -> Result<u64, Fault> {
        let those = match self.unit {
            FunnelUnit::Session => Sql::new("SELECT count(*) FROM sessions s WHERE ")
                .add(of_project("s", self.scope.key))
                .push(" AND ")
                .add(in_window("s", self.window)),
            FunnelUnit::Profile => Sql::new("SELECT count(*) FROM visitors v WHERE ")
                .add(of_project("v", self.scope.key)),
        };
        those.query_row(snapshot, |row| row.get(0))
    }

    /// Of whom an event is, as a number.
    fn key(&self) -> &'static str {
        match self.unit {
            FunnelUnit::Session => "hash(e.session_id)",
            FunnelUnit::Profile => "hash(e.visitor)",
        }
    }

    /// The key, the time and the name; what comes behind them is not read.
    fn select(&self, part: Part, behind: &str) -> Sql {
        let key = self.key();
        let somebody = match self.unit {
            FunnelUnit::Session => "e.session_id <> ''",
            FunnelUnit::Profile => "e.visitor <> 0",
        };
        let conditions = [
            of_project("e", self.scope.key),
            in_window("e", self.window),
            Sql::new(somebody),
            part.has(key),
        ];
        Sql::new(&format!(
            "SELECT {key} AS key, e.created_at, hash(e.name){behind} FROM events e WHERE "
        ))
        .add(Sql::all(conditions))
    }

    /// All events of a part, as long as more are wanted.
    fn stream(
        &self,
        snapshot: &Connection,
        part: Part,
        mut each: impl FnMut(Rows<'_>) -> Result<bool, Fault>,
    ) -> Result<(), Fault> {
        // Threads of DuckDB hand out rows in any order, unless rows are numbered.
        let events = self.select(part, ", row_number() OVER ()");
        events.stream_while(snapshot, |batch| each(Rows::of(&batch)?))
    }

    /// At least the events of some, in the order of time.
    fn stream_in_order(
        &self,
        snapshot: &Connection,
        part: Part,
        keys: &[u64],
        mut each: impl FnMut(Rows<'_>),
    ) -> Result<(), Fault> {
        let mut events = self.select(part, "");
        if keys.len() <= MOST_NAMED {
            let keys = keys.iter().map(u64::to_string).collect::<Vec<_>>();
            let key = self.key();
            events = events.push(&format!(" AND {key} IN ({})", keys.join(", ")));
        }
        let events = events.push(" ORDER BY key, e.created_at, e.id");
        events.stream(snapshot, |batch| {
            each(Rows::of(&batch)?);
            Ok(())
        })
    }
}

/// Some events, in columns.
struct Rows<'a> {
    keys: &'a [u64],
    times: &'a [i64],
    names: &'a [u64],
}

impl<'a> Rows<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self, Fault> {
        let [keys, times, names, ..] = batch.columns() else {
            return Err(Fault::unexpected("three columns"));
        };
        let numbers = |column: &'a ArrayRef| {
            let numbers = column.as_primitive_opt::<UInt64Type>();
            numbers.filter(|numbers| numbers.null_count() == 0)
        };
        let times = times.as_primitive_opt::<TimestampMillisecondType>();
        let (Some(keys), Some(times), Some(names)) = (numbers(keys), times, numbers(names)) else {
            return Err(Fault::unexpected("two hashes and a time"));
        };
        Ok(Self {
            keys: keys.values(),
            times: times.values(),
            names: names.values(),
        })
    }

    fn each(&self, mut take: impl FnMut(u64, i64, u64)) {
        let rows = self.keys.iter().zip(self.times).zip(self.names);
        for ((&key, &at), &name) in rows {
            take(key, at, name);
        }
    }
}

/// What is known of those who are followed.
struct Followed<'a, F: Follower> {
    follower: &'a mut F,
    pieces: usize,
    /// So many have room.
    most: u64,
    keys: Keys,
    /// When the last event of each happened.
    last: Vec<i64>,
    /// Whose events came in another order than that of time.
    is_disordered: Vec<bool>,
    kept: Vec<F::Piece>,
}

impl<'a, F: Follower> Followed<'a, F> {
    /// Without anybody yet, and with room for about so many.
    fn new(most: u64, about: u64, follower: &'a mut F) -> Self {
        let (about, pieces) = (about as usize, follower.pieces());
        Self {
            pieces,
            most,
            follower,
            keys: Keys::for_about(about),
            last: Vec::with_capacity(about),
            is_disordered: Vec::with_capacity(about),
            kept: Vec::with_capacity(about * pieces),
        }
    }

    fn is_full(&self) -> bool {
        self.last.len() as u64 > self.most
    }

    /// The next row.
    fn take(&mut self, key: u64, at: i64, name: u64) {
        let Some((one, kind)) = self.find(key, name) else {
            return;
        };
        let last = self.last[one];
        if at < last || (at == last && F::TELLS_TIES_APART) {
            self.is_disordered[one] = true;
        }
        if !self.is_disordered[one] {
            self.go_on(one, at, kind);
        }
    }

    /// The next row of those that DuckDB has put in order.
    fn take_in_order(&mut self, key: u64, at: i64, name: u64) {
        if let Some((one, kind)) = self.find(key, name)
            && self.is_disordered[one]
        {
            self.go_on(one, at, kind);
        }
    }

    /// Whose event it is, and which one, when it counts.
    fn find(&mut self, key: u64, name: u64) -> Option<(usize, F::Kind)> {
        let kind = self.follower.kind_of(name)?;
        let one = self.keys.number(key);
        if one == self.last.len() {
            self.last.push(NEVER);
            self.is_disordered.push(false);
            self.kept.resize(self.kept.len() + self.pieces, F::EMPTY);
        }
        Some((one, kind))
    }

    fn go_on(&mut self, one: usize, at: i64, kind: F::Kind) {
        let kept = &mut self.kept[one * self.pieces..][..self.pieces];
        self.follower.take(kept, self.last[one], at, kind);
        self.last[one] = at;
    }

    /// Forgets what those did whose events were in disorder; their keys.
    fn begin_disordered_again(&mut self) -> Vec<u64> {
        let mut keys = Vec::new();
        for (one, _) in self.is_disordered.iter().enumerate().filter(|(_, is)| **is) {
            self.last[one] = NEVER;
            self.kept[one * self.pieces..][..self.pieces].fill(F::EMPTY);
            keys.push(self.keys.all()[one]);
        }
        keys
    }

    fn finish(mut self) -> Result<(), Fault> {
        let kept = self.kept.chunks_exact_mut(self.pieces);
        for (kept, last) in kept.zip(self.last) {
            self.follower.finish(kept, last)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use paneld_domain::{ProjectKey, Timestamp};
    use proptest::prelude::*;

    use super::*;

    /// Writes down what everybody did: when, and which event.
    #[derive(Default)]
    struct Diary {
        names: BTreeMap<u64, u8>,
        days: Vec<Vec<(i64, u8)>>,
    }

    const MOST_EVENTS: usize = 40;

    impl Follower for Diary {
        type Kind = u8;
        type Piece = (i64, u8);
        const EMPTY: (i64, u8) = (NEVER, 0);
        const TELLS_TIES_APART: bool = true;

        fn pieces(&self) -> usize {
            MOST_EVENTS
        }

        fn kind_of(&self, name: u64) -> Option<u8> {
            self.names.get(&name).copied()
        }

        fn take(&self, kept: &mut [(i64, u8)], last: i64, at: i64, kind: u8) {
            let next = kept.iter().position(|&(at, _)| at == NEVER).unwrap();
            assert_eq!(
                last,
                next.checked_sub(1).map_or(NEVER, |before| kept[before].0)
            );
            kept[next] = (at, kind);
        }

        fn finish(&mut self, kept: &mut [(i64, u8)], last: i64) -> Result<(), Fault> {
            let diary = kept.iter().take_while(|&&(at, _)| at != NEVER);
            let diary = diary.copied().collect::<Vec<_>>();
            assert_eq!(diary.last().map(|&(at, _)| at), Some(last));
            self.days.push(diary);
            Ok(())
        }
    }

    /// In the order in which they are stored: of whom, when, and which.
    type Stored = [(u8, i64, u8)];

    fn store(events: &Stored) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE events (project_key BIGINT, id UINTEGER, session_id VARCHAR,
                    visitor UINTEGER, created_at TIMESTAMP_MS, name VARCHAR);
                CREATE TABLE sessions (project_key BIGINT, created_at TIMESTAMP_MS);
                CREATE TABLE visitors (project_key BIGINT);
                INSERT INTO events VALUES (8, 0, 's0', 1, make_timestamp_ms(5), 'n1')",
            )
            .unwrap();
        for (id, (who, at, name)) in events.iter().enumerate() {
            let session = if *who == 0 {
                String::new()
            } else {
                format!("s{who}")
            };
            let sql = format!(
                "INSERT INTO events VALUES (7, {id}, '{session}', {who}, make_timestamp_ms({at}),
                    'n{name}')"
            );
            connection.execute_batch(&sql).unwrap();
        }
        connection
    }

    fn diaries(connection: &Connection, unit: FunnelUnit, most: u64) -> Vec<Vec<(i64, u8)>> {
        let names = (0..3).map(|name| {
            let sql = format!("SELECT hash('n{name}')");
            (
                connection.query_row(&sql, [], |row| row.get(0)).unwrap(),
                name,
            )
        });
        let mut diary = Diary {
            names: names.collect(),
            days: Vec::new(),
        };
        let scope = Scope {
            key: ProjectKey(7),
            id: "shop".parse().unwrap(),
        };
        let at = |ms| Timestamp::from_timestamp_millis(ms).unwrap();
        let events = Events {
            scope: &scope,
            window: Window {
                start: at(0),
                end: at(100),
            },
            unit,
        };
        follow_at_once(most, connection, &events, &mut diary).unwrap();
        diary.days.sort();
        diary.days
    }

    fn expected(events: &Stored) -> Vec<Vec<(i64, u8)>> {
        let mut diaries = BTreeMap::<u8, Vec<(i64, usize, u8)>>::new();
        for (id, &(who, at, name)) in events.iter().enumerate() {
            if who > 0 && at < 100 && name < 3 {
                diaries.entry(who).or_default().push((at, id, name));
            }
        }
        let sorted = diaries.into_values().map(|mut diary| {
            diary.sort_unstable();
            diary
                .into_iter()
                .map(|(at, _id, name)| (at, name))
                .collect()
        });
        let mut sorted = sorted.collect::<Vec<_>>();
        sorted.sort();
        sorted
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Events are in the order of time, nearly so, or in none; those of the future, of nobody
        /// and of other names do not count.
        #[test]
        fn everybody_is_followed_through_all_events_in_order(
            mut events in prop::collection::vec((0_u8..9, 0_i64..110, 0_u8..4), 0..MOST_EVENTS),
            swapped in prop::collection::vec((0..MOST_EVENTS, 0..MOST_EVENTS), 0..3),
            is_in_order in any::<bool>(),
            most in 1_u64..12,
            unit in prop::sample::select(&FunnelUnit::ALL[..]),
        ) {
            if is_in_order {
                events.sort_by_key(|&(_who, at, _name)| at);
            }
            for (one, other) in swapped {
                if one.max(other) < events.len() {
                    events.swap(one, other);
                }
            }
            let connection = store(&events);
            prop_assert_eq!(diaries(&connection, unit, most), expected(&events));
        }
    }
}
