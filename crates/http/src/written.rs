//! JSON as it is written and sent: in parts, of which each is gone when it was sent.

use std::{
    collections::VecDeque,
    convert::Infallible,
    io::{self, Write},
    mem,
};

use actix_web::{HttpResponse, HttpResponseBuilder, body::SizedStream, web::Bytes};
use futures_util::stream;
use paneld_guard::ApiError;
use paneld_service::{AnswerBytes, ServiceError};
use serde::Serialize;

use crate::error::reply_for;

/// So many bytes are copied in much less than a millisecond. What has no more is not counted: it
/// is sent with the head of the reply.
const PART: usize = 64 * 1024;

/// A body.
pub(crate) struct Written {
    parts: VecDeque<Bytes>,
    /// The last part, as far as it is written.
    part: Vec<u8>,
    length: usize,
    answer: AnswerBytes,
    /// Why it was not written to its end.
    refused: Option<ServiceError>,
}

impl Written {
    /// Writes JSON, as a part of an answer.
    ///
    /// # Errors
    /// When it has no room beside other answers, or is longer than an answer may be.
    pub(crate) fn of(body: &impl Serialize, answer: AnswerBytes) -> Result<Self, ApiError> {
        let mut written = Self {
            parts: VecDeque::new(),
            part: Vec::new(),
            length: 0,
            answer,
            refused: None,
        };
        let done = serde_json::to_writer(&mut written, body);
        if let Some(refused) = written.refused {
            return Err(reply_for(refused));
        }
        done.map_err(ApiError::internal)?;
        Ok(written)
    }

    /// Replies with it.
    pub(crate) fn send(mut self, mut reply: HttpResponseBuilder) -> HttpResponse {
        if self.parts.is_empty() {
            return reply.body(self.part);
        }
        self.answer.forget_rows();
        self.parts.push_back(mem::take(&mut self.part).into());
        let length = self.length as u64;
        let parts = stream::unfold((self, 0), |(mut body, sent)| async move {
            // What was told before is on its way when more is asked for.
            body.answer.note_sent(sent);
            let part = body.parts.pop_front()?;
            let length = part.len();
            Some((Ok::<_, Infallible>(part), (body, length)))
        });
        reply.body(SizedStream::new(length, Box::pin(parts)))
    }

    /// Puts the part that is full to the others.
    fn end_part(&mut self) -> io::Result<()> {
        let part = mem::replace(&mut self.part, Vec::with_capacity(PART));
        match self.answer.write(part.len()) {
            Ok(()) => {
                self.parts.push_back(part.into());
                Ok(())
            }
            Err(refused) => {
                self.refused = Some(refused);
                Err(io::Error::from(io::ErrorKind::OutOfMemory))
            }
        }
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.part.len() == PART {
            self.end_part()?;
        }
        let fitting = bytes.len().min(PART - self.part.len());
        let (fitting, _later) = bytes.split_at(fitting);
        self.part.extend_from_slice(fitting);
        self.length += fitting.len();
        Ok(fitting.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
