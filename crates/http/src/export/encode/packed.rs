//! Bytes, packed or not.

use std::io::{self, Write};

use actix_web::http::header::ContentEncoding;
use flate2::{Compression, write::GzEncoder};

/// Where bytes are collected until they are sent.
pub(crate) enum Packed {
    Plain(Vec<u8>),
    Gzip(GzEncoder<Vec<u8>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl Packed {
    /// Fast rather than small: the reply should be as fast as the line.
    pub(super) fn new(packing: Option<ContentEncoding>) -> io::Result<Self> {
        Ok(match packing {
            Some(ContentEncoding::Gzip) => {
                Self::Gzip(GzEncoder::new(Vec::new(), Compression::fast()))
            }
            Some(ContentEncoding::Zstd) => {
                Self::Zstd(zstd::stream::write::Encoder::new(Vec::new(), 1)?)
            }
            _ => Self::Plain(Vec::new()),
        })
    }

    /// The bytes that are ready. A compressor keeps some until it has enough of them.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(match self {
            Self::Plain(bytes) => bytes,
            Self::Gzip(encoder) => encoder.get_mut(),
            Self::Zstd(encoder) => encoder.get_mut(),
        })
    }

    /// All bytes that are left.
    pub(super) fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain(bytes) => Ok(bytes),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl Write for Packed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(all) => all.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
