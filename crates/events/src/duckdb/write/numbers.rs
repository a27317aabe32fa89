//! Numbers of people and pages.
//!
//! Reports tell people and pages apart by the million, which takes numbers a fraction of the time
//! that texts take. So each profile's id and each page of a project has one, counted from 1 on: a
//! set of them is a string of bits. Nobody and no page are 0.

mod register;

use duckdb::{
    Connection,
    arrow::{array::RecordBatch, error::ArrowError},
};
use paneld_domain::{Event, ProjectKey, Session, View};
use sha2::{Digest as _, Sha256};

use self::register::{Digest, New, Numbered, NumbersOf, Register};
use crate::duckdb::{
    fault::Fault,
    write::{
        append::append,
        columns::{Columns, Row, by_reference},
    },
};

/// So many visitors are remembered: some 10 MB.
const VISITORS_REMEMBERED: usize = 200_000;

/// So many pages are.
const PAGES_REMEMBERED: usize = 50_000;

/// The property that has the title of the page.
const TITLE: &str = "__title";

/// The id of a profile.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Visitor<'a>(&'a str);

/// A page with a title, or without.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Page<'a> {
    pub(crate) origin: &'a str,
    pub(crate) path: &'a str,
    pub(crate) title: &'a str,
}

impl Numbered for Visitor<'_> {
    fn digest(&self) -> Digest {
        digest([self.0])
    }
}

impl Numbered for Page<'_> {
    /// Of a text that no two pages have in common. Migration 0004 makes it too.
    fn digest(&self) -> Digest {
        let Self {
            origin,
            path,
            title,
        } = self;
        let lengths = format!("{} {} ", origin.len(), path.len());
        digest([lengths.as_str(), origin, path, title])
    }
}

fn digest<const N: usize>(texts: [&str; N]) -> Digest {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text);
    }
    let mut half = Digest::default();
    half.copy_from_slice(&hash.finalize()[..16]);
    half
}

impl<'a> Page<'a> {
    const NONE: Self = Self {
        origin: "",
        path: "",
        title: "",
    };

    /// The page that an event is a view of.
    fn viewed(event: &'a Event) -> Self {
        if event.name != Event::SCREEN_VIEW {
            return Self::NONE;
        }
        Self {
            origin: &event.origin,
            path: &event.path,
            title: event.properties.get(TITLE).map_or("", String::as_str),
        }
    }

    /// The page that the session saw before a view.
    fn before(view: Option<&'a View>) -> Self {
        let before = view.and_then(|view| view.previous.as_ref());
        before.map_or(Self::NONE, |before| Self {
            origin: &before.origin,
            path: &before.path,
            title: "",
        })
    }

    /// The page with which a session began.
    fn entry(session: &'a Session) -> Self {
        Self {
            origin: &session.entry_origin,
            path: &session.entry_path,
            title: "",
        }
    }

    fn untitled(self) -> Self {
        Self { title: "", ..self }
    }
}

/// The numbers of what is in some rows.
#[derive(Default)]
pub(crate) struct RowNumbers<'a> {
    visitors: NumbersOf<Visitor<'a>>,
    pages: NumbersOf<Page<'a>>,
}

impl<'a> RowNumbers<'a> {
    /// The visitor of an event.
    pub(crate) fn visitor_of(&self, (project, event): &Row<'a, Event>) -> u32 {
        self.visitor(*project, &event.profile_id)
    }

    /// The page that an event is a view of.
    pub(crate) fn page_of(&self, (project, event): &Row<'a, Event>) -> u32 {
        self.page(*project, Page::viewed(event))
    }

    /// The page that the session saw before a view.
    pub(crate) fn page_before(&self, project: ProjectKey, view: Option<&'a View>) -> u32 {
        self.page(project, Page::before(view))
    }

    /// The visitor whose session it is.
    pub(crate) fn session_visitor(&self, (project, session): &Row<'a, Session>) -> u32 {
        self.visitor(*project, &session.profile_id)
    }

    /// The page with which a session began.
    pub(crate) fn entry_page(&self, (project, session): &Row<'a, Session>) -> u32 {
        self.page(*project, Page::entry(session))
    }

    /// The page without its title.
    pub(crate) fn untitled(&self, project: ProjectKey, page: Page<'a>) -> u32 {
        self.page(project, page.untitled())
    }

    fn visitor(&self, project: ProjectKey, profile_id: &'a str) -> u32 {
        let number = self.visitors.get(&(project, Visitor(profile_id)));
        number.copied().unwrap_or_default()
    }

    fn page(&self, project: ProjectKey, page: Page<'a>) -> u32 {
        let number = self.pages.get(&(project, page));
        number.copied().unwrap_or_default()
    }

    fn need_visitor(&mut self, project: ProjectKey, profile_id: &'a str) {
        if !profile_id.is_empty() {
            self.visitors.insert((project, Visitor(profile_id)), 0);
        }
    }

    fn need_page(&mut self, project: ProjectKey, page: Page<'a>) {
        if page.path.is_empty() || self.pages.insert((project, page), 0).is_some() {
            return;
        }
        self.pages.insert((project, page.untitled()), 0);
    }
}

/// All numbers. Only the writer gives them.
pub(crate) struct Numbers {
    visitors: Register,
    pages: Register,
}

impl Numbers {
    pub(crate) fn new() -> Self {
        Self {
            visitors: Register::new("visitors", VISITORS_REMEMBERED),
            pages: Register::new("pages", PAGES_REMEMBERED),
        }
    }

    /// The numbers of these rows. New ones are written down in the same transaction.
    pub(crate) fn of_rows<'a>(
        &mut self,
        connection: &Connection,
        events: &[Row<'a, Event>],
        views: &[Option<&'a View>],
        sessions: &[Row<'a, Session>],
    ) -> Result<RowNumbers<'a>, Fault> {
        let mut rows = RowNumbers::default();
        for ((project, event), view) in events.iter().zip(views) {
            rows.need_visitor(*project, &event.profile_id);
            rows.need_page(*project, Page::viewed(event));
            rows.need_page(*project, Page::before(*view));
        }
        for (project, session) in sessions {
            rows.need_visitor(*project, &session.profile_id);
            rows.need_page(*project, Page::entry(session));
        }
        let visitors = self.visitors.number(connection, &mut rows.visitors)?;
        if !visitors.is_empty() {
            append(
                connection,
                "visitors",
                visitor_rows(&by_reference(&visitors))?,
            )?;
        }
        let pages = self.pages.number(connection, &mut rows.pages)?;
        if !pages.is_empty() {
            append(
                connection,
                "pages",
                page_rows(&by_reference(&pages), &rows)?,
            )?;
        }
        Ok(rows)
    }
}

/// The rows of `visitors`.
fn visitor_rows(rows: &[Row<'_, New<Visitor<'_>>>]) -> Result<RecordBatch, ArrowError> {
    let mut columns = Columns::of(rows);
    columns.ids("digest", |visitor| &visitor.digest)?;
    columns.counts("number", |visitor| visitor.number);
    columns.finish()
}

/// The rows of `pages`.
fn page_rows(
    rows: &[Row<'_, New<Page<'_>>>],
    numbers: &RowNumbers<'_>,
) -> Result<RecordBatch, ArrowError> {
    let mut columns = Columns::of(rows);
    columns.ids("digest", |page| &page.digest)?;
    columns.counts("number", |page| page.number);
    columns.numbers_of("untitled", |(project, page)| {
        numbers.untitled(*project, page.what)
    });
    columns.texts("origin", |page| page.what.origin);
    columns.texts("path", |page| page.what.path);
    columns.texts("title", |page| page.what.title);
    columns.finish()
}

/// Takes back the numbers of a project that no row has any more. Who remembers some must forget
/// them.
pub(crate) fn take_back(connection: &Connection, project: ProjectKey) -> Result<(), Fault> {
    for unused in UNUSED {
        connection.execute(unused, [project.0])?;
    }
    Ok(())
}

const UNUSED: [&str; 2] = [
    "DELETE FROM visitors WHERE project_key = $1 AND number NOT IN (
        SELECT visitor FROM events WHERE project_key = $1
        UNION SELECT visitor FROM sessions WHERE project_key = $1)",
    "DELETE FROM pages WHERE project_key = $1 AND number NOT IN (
        SELECT unnest([p.number, p.untitled]) FROM pages p
        WHERE p.project_key = $1
            AND p.number IN (SELECT page FROM events WHERE project_key = $1)
        UNION SELECT previous_page FROM events WHERE project_key = $1
        UNION SELECT entry_page FROM sessions WHERE project_key = $1)",
];
