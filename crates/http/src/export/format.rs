//! In which form events are wanted.

use std::str::FromStr;

use actix_web::{
    HttpRequest,
    http::header::{Accept, AcceptEncoding, ContentEncoding, Encoding, Header as _},
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
    pub(super) fn accepted_by(request: &HttpRequest) -> Self {
        let Ok(accept) = Accept::parse(request) else {
            return Self::Page;
        };
        let known = accept.ranked().into_iter().find_map(|wanted| {
            let found = FORMATS
                .iter()
                .find(|(_, media, _)| *media == wanted.essence_str());
            let is_any = wanted.type_() == "*" || wanted.essence_str() == "application/*";
            let format = found.map(|(_, _, format)| *format);
            format.or(is_any.then_some(Self::Page))
        });
        known.unwrap_or(Self::Page)
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
            let names = FORMATS.map(|(name, _, _)| name).join(", ");
            InvalidValue::new(format!("must be one of {names}"))
        })
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
