//! Writing batches.
//!
//! An error aborts a transaction of DuckDB, and COMMIT then says that all is well: nothing is
//! committed after an error, and the position is read again afterwards.

use duckdb::Connection;
use paneld_domain::{BotVisit, Event, ProjectKey, ReplayChunk, Session, SessionSpan, View};

use crate::{
    Batch, Erased, StoreChange,
    duckdb::{
        database::{Writer, Written},
        fault::Fault,
        overflow::{self, Overflow, Owner as _},
        write::{
            append::{AT_ONCE, append},
            columns::Row,
            erase, record,
            sessions::{self, Versions},
            views,
        },
    },
};

/// The position up to which everything was applied.
pub(crate) fn position(connection: &Connection) -> Result<u64, Fault> {
    let sql = "SELECT position FROM applied";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

/// Applies a batch, whole or not at all; or not again. Tells what its erasures removed, in their
/// order; nothing when it was applied before.
pub(crate) fn apply(writer: &mut Writer, batch: &Batch) -> Result<Vec<Erased>, Fault> {
    with_room(writer, |writer| {
        let result = try_apply(writer, batch);
        if result.is_err() {
            writer.written = Written::new();
        }
        result
    })
}

/// Does something with as much room in memory as can be had, and again if that ran out.
pub(crate) fn with_room<T>(
    writer: &mut Writer,
    work: impl Fn(&mut Writer) -> Result<T, Fault>,
) -> Result<T, Fault> {
    // Long texts stay in memory until a checkpoint, which needs some itself: without it, it makes
    // the database unusable.
    if unwritten_bytes(&writer.connection)? > writer.unwritten_bytes {
        checkpoint_if_possible(&writer.connection)?;
    }
    match work(writer) {
        // A checkpoint gives back what changes since the last one took.
        Err(Fault::Memory(cause)) => match checkpoint_if_possible(&writer.connection) {
            Ok(()) => work(writer),
            Err(_) => Err(Fault::Memory(cause)),
        },
        result => result,
    }
}

/// How many bytes are in memory alone, and in the write-ahead log.
fn unwritten_bytes(connection: &Connection) -> Result<u64, Fault> {
    let sql = "SELECT coalesce(sum(memory_usage_bytes), 0)::UBIGINT FROM duckdb_memory()
        WHERE tag = 'OVERFLOW_STRINGS'";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

/// Moves everything from the write-ahead log into the file.
pub(crate) fn checkpoint(connection: &Connection) -> Result<(), Fault> {
    Ok(connection.execute_batch("CHECKPOINT")?)
}

/// How DuckDB says that something stands in the way of a checkpoint for the moment.
const NOT_NOW: &str = "Cannot CHECKPOINT";

/// The same, unless something stands in the way; the next batch tries again.
fn checkpoint_if_possible(connection: &Connection) -> Result<(), Fault> {
    match connection.execute_batch("CHECKPOINT") {
        Err(error) if error.to_string().contains(NOT_NOW) => Ok(()),
        done => Ok(done?),
    }
}

fn try_apply(writer: &mut Writer, batch: &Batch) -> Result<Vec<Erased>, Fault> {
    let Writer {
        connection,
        written,
        ..
    } = writer;
    // Rolled back when it is dropped.
    let transaction = connection.transaction()?;
    if position(&transaction)? >= batch.position {
        return Ok(Vec::new());
    }
    let erased = change(&transaction, written, batch)?;
    transaction.execute("UPDATE applied SET position = ?", [batch.position])?;
    transaction.commit()?;
    if position(connection)? == batch.position {
        Ok(erased)
    } else {
        Err(Fault::Store("nothing was committed".into()))
    }
}

fn change(
    connection: &Connection,
    written: &mut Written,
    batch: &Batch,
) -> Result<Vec<Erased>, Fault> {
    let mut pending = Pending::default();
    let mut erased = Vec::new();
    for (project, change) in &batch.changes {
        let project = *project;
        match change {
            StoreChange::Event(event) => pending.add_event(project, event, None),
            StoreChange::View(event, view) => pending.add_event(project, event, Some(view)),
            StoreChange::Disordered(span) => pending.disordered.push((project, span)),
            StoreChange::Session(session) => pending.add_session(project, session),
            StoreChange::Bot(visit) => pending.bot_visits.push((project, visit)),
            StoreChange::Replay(chunk) => pending.replay_chunks.push((project, chunk)),
            // These also remove rows that came before them in the batch.
            StoreChange::EraseProfile { profile_id } => {
                pending.flush(connection, written)?;
                erased.push(erase::erase_profile(connection, project, profile_id)?);
                written.note_removed(connection, project)?;
            }
            StoreChange::Forget {
                events_before,
                replays_before,
            } => {
                pending.flush(connection, written)?;
                if erase::forget(connection, project, *events_before, *replays_before)? {
                    written.note_removed(connection, project)?;
                }
            }
            StoreChange::Purge => {
                pending.flush(connection, written)?;
                erase::purge(connection, project)?;
                written.note_removed(connection, project)?;
            }
        }
    }
    pending.flush(connection, written)?;
    Ok(erased)
}

/// Rows that are written together.
#[derive(Default)]
struct Pending<'a> {
    events: Vec<Row<'a, Event>>,
    /// The place of each event among the views of its session.
    views: Vec<Option<&'a View>>,
    /// Sessions whose views are to be put in order.
    disordered: Vec<Row<'a, SessionSpan>>,
    sessions: Versions<'a>,
    bot_visits: Vec<Row<'a, BotVisit>>,
    replay_chunks: Vec<Row<'a, ReplayChunk>>,
}

impl<'a> Pending<'a> {
    fn add_event(&mut self, project: ProjectKey, event: &'a Event, view: Option<&'a View>) {
        self.events.push((project, event));
        self.views.push(view);
    }

    fn add_session(&mut self, project: ProjectKey, session: &'a Session) {
        self.sessions.insert((project, &session.id), session);
    }

    fn flush(&mut self, connection: &Connection, written: &mut Written) -> Result<(), Fault> {
        let Self {
            events,
            views,
            disordered,
            sessions,
            bot_visits,
            replay_chunks,
        } = std::mem::take(self);
        let sessions = written.sessions.split(&sessions);
        let numbers = &mut written.numbers;
        let numbers = numbers.of_rows(connection, &events, &views, &sessions.others)?;
        for (events, views) in events.chunks(AT_ONCE).zip(views.chunks(AT_ONCE)) {
            let overflow = Overflow::of_events(connection, events)?;
            let rows = record::events(events, views, &numbers, &overflow)?;
            append(connection, "events", rows)?;
            overflow.append(connection, Event::TABLE, events)?;
        }
        if !disordered.is_empty() {
            views::put_in_order(connection, &disordered)?;
        }
        sessions::update(connection, &sessions.going_on)?;
        sessions::replace(connection, &sessions.others, &numbers)?;
        if !bot_visits.is_empty() {
            append(connection, "bot_visits", record::bot_visits(&bot_visits)?)?;
        }
        append_recordings(connection, &replay_chunks)
    }
}

fn append_recordings(
    connection: &Connection,
    chunks: &[Row<'_, ReplayChunk>],
) -> Result<(), Fault> {
    let pieces = chunks.iter().flat_map(|(project, chunk)| {
        let pieces = overflow::pieces(chunk);
        pieces.map(|piece| (*project, piece))
    });
    let pieces = pieces.collect::<Vec<_>>();
    let rows = pieces.iter().map(|(project, piece)| (*project, piece));
    for rows in rows.collect::<Vec<_>>().chunks(AT_ONCE) {
        append(connection, "replay_chunks", record::replay_chunks(rows)?)?;
    }
    Ok(())
}
