//! How long texts may be that are kept although nobody refuses a request for them.

/// How many bytes are kept of a path, an origin, a referrer or a campaign, of an event and of its
/// session. The event store reads 2,048 values at a time, and is slow with those of 4 KiB or more.
pub(crate) const LONGEST_ADDRESS: usize = 2 * 1024;
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
