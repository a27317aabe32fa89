//! How long texts may be that are kept although nobody refuses a request for them.

/// How many bytes are kept of a path, an origin or a referrer of an event: as many as a property
/// may have. A path can be three times as long as what was sent, for it is percent-encoded.
pub(crate) const LONGEST_OF_EVENT: usize = super::properties::LONGEST_VALUE;
/// How many bytes are kept of them, and of campaigns, of a session.
pub(crate) const LONGEST_OF_SESSION: usize = 2 * 1024;
/// How many bytes are kept of the name or version of an SDK.
pub(crate) const LONGEST_OF_SDK: usize = 255;

/// Leaves the beginning of a text, of so many bytes at most. Says whether something went.
pub(crate) fn cut(text: &mut String, longest: usize) -> bool {
    if text.len() <= longest {
        return false;
    }
    text.truncate(text.floor_char_boundary(longest));
    text.shrink_to_fit();
    true
}
