//! Whether a file that could not be written can be again. A full disk takes small commits, and
//! refuses large ones: so that nobody is told the one and the other in turn, there must be some
//! room before it counts as writable.

/// How many bytes must be free, on the disk or in the file.
pub(super) const ROOM: u64 = 1024 * 1024;
/// How often it is tried, once a second, before what seems to be free is believed: doubled with
/// each time that it was not.
const MOST_PATIENCE: u32 = 64;
/// After so many times it is tried though nothing seems to be free: nobody knows all disks.
const LAST_RESORT: u32 = 600;

/// What is known of the file.
#[derive(Debug)]
pub(super) struct Outage {
    /// How often it was tried since it could not be written; `None` while it can.
    tried: Option<u32>,
    patience: u32,
    /// How many bytes were removed from the file and not taken since: the file does not shrink.
    freed: u64,
    /// Whether there was room in the file when it was tried last.
    had_room: bool,
    /// How many bytes were taken since it could not be written last.
    taken: u64,
}

impl Outage {
    /// All is well.
    pub(super) fn none() -> Self {
        Self {
            tried: None,
            patience: 0,
            freed: 0,
            had_room: false,
            taken: ROOM,
        }
    }

    pub(super) fn note_freed(&mut self, bytes: u64) {
        self.freed = self.freed.saturating_add(bytes);
    }

    pub(super) fn note_taken(&mut self, bytes: u64) {
        self.freed = self.freed.saturating_sub(bytes);
        self.taken = self.taken.saturating_add(bytes);
    }

    /// Notes that something of so many bytes could not be written. If the file can be opened and
    /// there is room on the disk, that was too large for it, or passes: others go on then.
    pub(super) fn begin(&mut self, bytes: u64, is_open: bool, free: u64) {
        let is_again = self.taken < ROOM;
        if self.taken > 0 {
            self.freed = 0;
        }
        self.taken = 0;
        self.had_room = false;
        self.patience = match is_again {
            true => (self.patience * 2).clamp(1, MOST_PATIENCE),
            false => 0,
        };
        let may_pass = free >= ROOM && (!is_again || free < bytes.saturating_mul(2));
        if !(is_open && may_pass) {
            self.tried = Some(0);
        }
    }

    /// Notes that it was tried again: whether the file could be opened and cleared, how many bytes
    /// are free on the disk, and how many wait in the file.
    pub(super) fn try_again(&mut self, is_open: bool, free: u64, waiting: u64) {
        let Some(tried) = &mut self.tried else {
            return;
        };
        *tried = tried.saturating_add(1);
        let is_empty = self.freed > 0 && waiting == 0;
        let has_room = self.freed >= ROOM || is_empty;
        // What was removed with one transaction can be used by the next but one.
        let had_room = std::mem::replace(&mut self.had_room, has_room);
        let is_roomy = free >= ROOM || (has_room && had_room);
        if is_open && *tried > self.patience && (is_roomy || *tried >= LAST_RESORT) {
            self.tried = None;
        }
    }

    /// Whether the file can be written, as far as is known.
    pub(super) fn is_over(&self) -> bool {
        self.tried.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: u64 = 100 * ROOM;

    /// How many times it must be tried.
    fn tries(outage: &mut Outage, free: u64, waiting: u64) -> u32 {
        let mut tries = 0;
        while !outage.is_over() {
            outage.try_again(true, free, waiting);
            tries += 1;
        }
        tries
    }

    #[test]
    fn a_full_disk_is_writable_again_when_there_is_room() {
        let mut outage = Outage::none();
        outage.begin(100, true, 0);
        for _ in 0..100 {
            outage.try_again(true, ROOM - 1, MANY);
            outage.try_again(false, MANY, 0);
            assert!(!outage.is_over());
        }
        outage.try_again(true, ROOM, MANY);
        assert!(outage.is_over());
        // Or in the file, when something was applied; or when all was.
        for (freed, waiting) in [(ROOM, MANY), (1, 0)] {
            let mut outage = Outage::none();
            outage.begin(100, true, 0);
            outage.try_again(true, 0, waiting);
            assert!(!outage.is_over());
            outage.note_freed(freed);
            assert_eq!(tries(&mut outage, 0, waiting), 2);
        }
    }

    #[test]
    fn what_is_too_large_for_the_disk_is_no_outage_for_others() {
        let mut outage = Outage::none();
        for _ in 0..10 {
            outage.begin(8 * ROOM, true, 2 * ROOM);
            assert!(outage.is_over());
        }
        outage.begin(8 * ROOM, false, 2 * ROOM);
        assert!(!outage.is_over());
    }

    #[test]
    fn a_disk_that_only_seems_to_have_room_is_tried_less_and_less_often() {
        let mut outage = Outage::none();
        let mut all = Vec::new();
        for _ in 0..9 {
            outage.begin(100, true, MANY);
            all.push(tries(&mut outage, MANY, 1));
        }
        assert_eq!(all, [0, 2, 3, 5, 9, 17, 33, 65, 65]);
        outage.note_taken(ROOM);
        outage.begin(100, true, MANY);
        assert!(outage.is_over());
        // Where nothing seems to be free, it is tried in the end.
        outage.begin(100, true, 0);
        assert_eq!(tries(&mut outage, 0, 1), LAST_RESORT);
    }
}
