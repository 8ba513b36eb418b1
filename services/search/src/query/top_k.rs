//! Top-k selection: the best so many of a stream, without sorting the rest.

/// A match with what it is ranked by; more is better, the second decides between equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ranked {
    pub(super) key: u64,
    pub(super) tie: u64,
    /// Complements of segment and row, so that the earlier one is better.
    pub(super) place: u64,
}

impl Ranked {
    pub(super) fn new(key: u64, tie: u64, segment: u32, doc: u32) -> Self {
        Self { key, tie, place: !(u64::from(segment) << 32 | u64::from(doc)) }
    }

    pub(super) fn segment(self) -> u32 {
        u32::try_from(!self.place >> 32).unwrap_or(u32::MAX)
    }

    pub(super) fn doc(self) -> u32 {
        u32::try_from(!self.place & u64::from(u32::MAX)).unwrap_or(u32::MAX)
    }
}

/// Keeps the best `wanted`. Twice as many are gathered before the worse half is dropped, so that each costs a constant
/// amount of work on average.
pub(super) struct TopK {
    wanted: usize,
    kept: Vec<Ranked>,
    /// What is not better than this is not among them.
    floor: Option<Ranked>,
}

impl TopK {
    /// Room for `wanted`, in a buffer that is used again.
    pub(super) fn new(wanted: usize, mut buffer: Vec<Ranked>) -> Self {
        buffer.clear();
        Self { wanted, kept: buffer, floor: None }
    }

    pub(super) fn push(&mut self, ranked: Ranked) {
        if self.floor.is_some_and(|floor| ranked <= floor) {
            return;
        }
        self.kept.push(ranked);
        if self.kept.len() >= self.wanted * 2 {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        if self.wanted == 0 || self.kept.len() <= self.wanted {
            return;
        }
        let last = self.wanted - 1;
        self.kept.select_nth_unstable_by(last, |a, b| b.cmp(a));
        self.floor = Some(self.kept[last]);
        self.kept.truncate(self.wanted);
    }

    /// The best, best first.
    pub(super) fn sorted(&mut self) -> &[Ranked] {
        self.shrink();
        self.kept.sort_unstable_by(|a, b| b.cmp(a));
        &self.kept
    }

    /// The buffer, for the next one.
    pub(super) fn into_buffer(self) -> Vec<Ranked> {
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keeps_what_sorting_all_would_put_first(keys in prop::collection::vec(0u64..50, 0..300), wanted in 1usize..40) {
            let all: Vec<_> = (0u32..).zip(&keys).map(|(n, key)| Ranked::new(*key, u64::from(n % 3), n % 2, n)).collect();
            let mut top = TopK::new(wanted, Vec::new());
            all.iter().for_each(|ranked| top.push(*ranked));
            let mut sorted = all;
            sorted.sort_by(|a, b| b.cmp(a));
            sorted.truncate(wanted);
            prop_assert_eq!(top.sorted(), sorted);
        }
    }

    #[test]
    fn a_place_comes_back() {
        let ranked = Ranked::new(1, 2, 7, u32::MAX);
        assert_eq!((ranked.segment(), ranked.doc()), (7, u32::MAX));
    }
}
