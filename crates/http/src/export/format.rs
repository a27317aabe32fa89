//! In which form events are wanted.

use std::{cmp::Reverse, str::FromStr};

use actix_web::{
    HttpRequest,
    http::header::{Accept, AcceptEncoding, ContentEncoding, Encoding, Header as _, Quality},
    mime::Mime,
};
use paneld_domain::InvalidValue;

/// In which form events are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// As a page of a list.
    Page,
    /// As a stream: each in a line, as JSON.
    Ndjson,
    /// As a stream: a table of texts.
    Csv,
    /// As a stream: a table of columns.
    Parquet,
}

/// Every one, by name and media type.
const FORMATS: [(&str, &str, Format); 4] = [
    ("json", "application/json", Format::Page),
    ("ndjson", "application/x-ndjson", Format::Ndjson),
    ("csv", "text/csv", Format::Csv),
    ("parquet", "application/vnd.apache.parquet", Format::Parquet),
];

impl Format {
    /// The one that a request would like most. Who accepts nothing that is known gets a page.
    ///
    /// What a range such as `text/*` says of a format counts unless a narrower one says otherwise
    /// (RFC 9110, section 12.5.1): `text/csv;q=0, */*` is anything but CSV. Of formats that are
    /// liked alike the one wins that was named most precisely, then the one that was named first.
    pub(super) fn accepted_by(request: &HttpRequest) -> Self {
        let Ok(Accept(ranges)) = Accept::parse(request) else {
            return Self::Page;
        };
        let liked = FORMATS.iter().filter_map(|(_, media, format)| {
            let fitting = ranges.iter().enumerate().filter_map(|(place, range)| {
                let precision = precision(&range.item, media)?;
                Some((precision, Reverse(place), range.quality))
            });
            let (precision, place, quality) = fitting.max()?;
            (quality > Quality::ZERO).then_some((quality, precision, place, *format))
        });
        // Of equals the first in the table.
        let most = liked.reduce(|best, next| {
            let rank = |of: &(Quality, u8, Reverse<usize>, Self)| (of.0, of.1, of.2);
            if rank(&next) > rank(&best) {
                next
            } else {
                best
            }
        });
        most.map_or(Self::Page, |(.., format)| format)
    }

    /// The names of all.
    pub(super) fn names() -> [&'static str; 4] {
        FORMATS.map(|(name, _, _)| name)
    }

    /// The name by which it is asked for.
    pub(super) fn name(self) -> &'static str {
        self.entry().0
    }

    /// What its replies say they are.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            _ => self.entry().1,
        }
    }

    fn entry(self) -> (&'static str, &'static str) {
        let entry = FORMATS.iter().find(|(_, _, format)| *format == self);
        entry.map_or(("json", "application/json"), |&(name, media, _)| {
            (name, media)
        })
    }
}

impl FromStr for Format {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = FORMATS.iter().find(|(name, _, _)| *name == text);
        found.map(|(_, _, format)| *format).ok_or_else(|| {
            let names = Self::names().join(", ");
            InvalidValue::new(format!("must be one of {names}"))
        })
    }
}

/// How precisely a range of media types names one; `None` where it does not.
fn precision(range: &Mime, media: &str) -> Option<u8> {
    let (kind, _) = media.split_once('/')?;
    match (range.type_().as_str(), range.subtype().as_str()) {
        ("*", "*") => Some(0),
        (wanted, "*") if wanted == kind => Some(1),
        _ if range.essence_str() == media => Some(2),
        _ => None,
    }
}

/// How a stream is packed, if it is: as the request would like most. Parquet is packed as it is.
pub(super) fn packing(request: &HttpRequest, format: Format) -> Option<ContentEncoding> {
    let accept = AcceptEncoding::parse(request).ok()?;
    if format == Format::Parquet {
        return None;
    }
    let supported = [Encoding::zstd(), Encoding::gzip(), Encoding::identity()];
    match accept.negotiate(supported.iter())? {
        Encoding::Known(packing @ (ContentEncoding::Gzip | ContentEncoding::Zstd)) => Some(packing),
        _ => None,
    }
}
