//! Where a list of events goes on.

use std::str::FromStr;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use paneld_analytics::{EventPlace, Window};
use paneld_domain::{Event, InvalidValue, Timestamp};

/// A place in a list of events, and the window of that list: a window such as `today` is another
/// one tomorrow, but whoever goes through a list means that of the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EventCursor {
    /// Behind which event the list goes on.
    pub(super) place: EventPlace,
    /// The window of the list.
    pub(super) window: Window,
}

impl EventCursor {
    /// Behind this event.
    pub(super) fn behind(event: &Event, window: Window) -> Self {
        Self {
            place: EventPlace {
                created_at: event.created_at,
                id: event.id.as_u128(),
            },
            window,
        }
    }

    /// As a text that means nothing to anyone else.
    pub(super) fn encode(&self) -> String {
        let moments = [self.place.created_at, self.window.start, self.window.end];
        let [place, start, end] = moments.map(|moment| moment.timestamp_millis());
        let id = self.place.id;
        URL_SAFE_NO_PAD.encode(format!("{place}:{id:032x}:{start}:{end}"))
    }

    fn decode(text: &str) -> Option<Self> {
        let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let parts: Vec<_> = plain.split(':').collect();
        let [place, id, start, end] = parts.as_slice() else {
            return None;
        };
        let everything = Window::everything();
        let moment = |text: &str| {
            let moment = Timestamp::from_timestamp_millis(text.parse().ok()?)?;
            Some(moment).filter(|moment| (everything.start..=everything.end).contains(moment))
        };
        let window = Window {
            start: moment(start)?,
            end: moment(end)?,
        };
        Some(Self {
            place: EventPlace {
                created_at: moment(place)?,
                id: u128::from_str_radix(id, 16).ok()?,
            },
            window: Some(window).filter(|window| window.start < window.end)?,
        })
    }
}

impl FromStr for EventCursor {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::decode(text).ok_or(InvalidValue::new("must be a nextCursor of this list"))
    }
}
