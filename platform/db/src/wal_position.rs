//! WAL position (LSN), a place in PostgreSQL's write-ahead log: what a writer hands to its later reads so that they see the
//! write.
//!
//! It is one number, so that a high-water mark is one atomic maximum and a header is a few digits: the timeline above, the
//! log sequence number below. A newer timeline outranks every place on an older one (docs/adr/0004-position-tokens.md).

use std::fmt;

/// Bits of the log sequence number, which counts bytes; records begin at multiples of eight, so its last three are zero
/// and not kept. 2^55 bytes are 32 PiB of log.
const LSN_BITS: u32 = 52;
const LSN_ALIGN_BITS: u32 = 3;
const LSN_MASK: u64 = (1 << LSN_BITS) - 1;
/// A promotion begins a new timeline; the last number that fits is not one.
const MAX_TIMELINE: u32 = (1 << (64 - LSN_BITS)) - 1;

/// A timeline and a place on it. Ordered by timeline first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WalPosition(u64);

impl WalPosition {
    /// Before everything: a read at least here may go anywhere.
    pub const ANY: WalPosition = WalPosition(0);
    /// Where no replica ever is: only the primary will do.
    pub const PRIMARY: WalPosition = WalPosition(u64::MAX);

    /// The end of what was written: rounded up, so that a reader at this place has all of it. What is too large to be
    /// kept is [`WalPosition::PRIMARY`].
    pub(crate) fn written(timeline: u32, lsn: u64) -> WalPosition {
        Self::pack(timeline, lsn.div_ceil(1 << LSN_ALIGN_BITS))
    }

    /// The end of what was replayed: rounded down.
    pub(crate) fn replayed(timeline: u32, lsn: u64) -> WalPosition {
        Self::pack(timeline, lsn >> LSN_ALIGN_BITS)
    }

    fn pack(timeline: u32, units: u64) -> WalPosition {
        if timeline >= MAX_TIMELINE || units > LSN_MASK {
            return WalPosition::PRIMARY;
        }
        WalPosition(u64::from(timeline) << LSN_BITS | units)
    }

    /// The number that travels in headers and tokens.
    pub const fn raw(self) -> u64 {
        self.0
    }

    /// From [`WalPosition::raw`]; every number is a position.
    pub const fn from_raw(raw: u64) -> WalPosition {
        WalPosition(raw)
    }

    /// The timeline; 0 for [`WalPosition::ANY`].
    pub const fn timeline(self) -> u32 {
        (self.0 >> LSN_BITS) as u32
    }

    /// True when a server that has replayed up to here shows everything up to `wanted`. Only places on one timeline can be
    /// compared: a server that left it earlier, or never came to it, may be further along and lack the write all the same.
    pub(crate) fn covers(self, wanted: WalPosition) -> bool {
        wanted == WalPosition::ANY
            || (wanted.timeline() == self.timeline() && wanted <= self && wanted != WalPosition::PRIMARY)
    }
}

impl fmt::Display for WalPosition {
    /// `2:16/B374D848`, as PostgreSQL writes the part after the colon.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lsn = (self.0 & LSN_MASK) << LSN_ALIGN_BITS;
        write!(f, "{}:{:X}/{:X}", self.timeline(), lsn >> 32, lsn & 0xffff_ffff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_never_taken_to_have_more_than_it_has() {
        let wrote = WalPosition::written(1, 0x16_B374_D841);
        assert_eq!(wrote.to_string(), "1:16/B374D848");
        assert!(!WalPosition::replayed(1, 0x16_B374_D847).covers(wrote));
        assert!(WalPosition::replayed(1, 0x16_B374_D848).covers(wrote));
        assert!(WalPosition::replayed(1, 0).covers(WalPosition::ANY));
    }

    #[test]
    fn another_timeline_is_never_covered() {
        let (old, new) = (WalPosition::written(1, 100), WalPosition::written(2, 100));
        assert!(old < new, "the mark of a call that saw both is the newer one");
        assert!(!WalPosition::replayed(2, 10_000).covers(old), "it may have left the old timeline before the write");
        assert!(!WalPosition::replayed(1, 10_000).covers(new), "it may never have come to the new one");
    }

    #[test]
    fn what_does_not_fit_and_what_asks_for_the_primary_is_covered_by_nobody() {
        for odd in [WalPosition::written(MAX_TIMELINE, 8), WalPosition::written(1, u64::MAX), WalPosition::PRIMARY] {
            assert_eq!(odd, WalPosition::PRIMARY);
            assert!(!WalPosition::replayed(MAX_TIMELINE - 1, 1 << 54).covers(odd));
            assert!(!odd.covers(odd));
        }
        assert_eq!(WalPosition::from_raw(WalPosition::written(7, 8).raw()).timeline(), 7);
    }
}
