//! A seeded pseudo-random number generator: numbers that look random and are always the same for the same seed.

/// FNV-1a (Fowler, Noll, Vo), 64 bits.
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// SplitMix64 (Steele, Lea, Flood 2014): ours, because the demo shop must not change with a dependency's version.
pub struct Dice(u64);

impl Dice {
    /// Dice for a text and a number: the same text and number throw the same.
    pub fn new(text: &str, seed: u64) -> Self {
        let mut dice = Self(hash(text) ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        dice.next();
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `low` to `high`, both included.
    pub fn range(&mut self, low: i32, high: i32) -> i32 {
        let span = u64::from(high.abs_diff(low)) + 1;
        low + (self.next() % span) as i32
    }

    /// A number below `choices`.
    pub fn pick(&mut self, choices: usize) -> usize {
        (self.next() % choices as u64) as usize
    }

    /// True once in `times` throws.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.pick(times) == 0
    }
}
