//! The type of a product line. The lines themselves stand in `home.rs`, `style.rs`, `leisure.rs`, `bath.rs` and `food.rs`.

/// Things of one category, enough about them to make any number.
pub(super) struct Line {
    /// First level of the category tree.
    pub department: &'static str,
    /// Second level.
    pub category: &'static str,
    /// Motif of `souk_art`.
    pub motif: &'static str,
    /// What the thing is called, singular.
    pub nouns: &'static [&'static str],
    /// What it is made of; part of the title.
    pub materials: &'static [&'static str],
    /// Cheapest and dearest in cents.
    pub cents: (i32, i32),
    /// Lightest and heaviest in grams.
    pub grams: (i32, i32),
    /// Whether it comes in colours.
    pub coloured: bool,
    /// Sizes a buyer chooses from.
    pub sizes: Sizes,
    /// Percent each size costs more than the smallest.
    pub step: i64,
    /// Attributes beside material, colour and origin.
    pub facts: &'static [Fact],
    /// Sentences about such things.
    pub story: &'static [&'static str],
    /// How many of about a hundred products are of this line.
    pub share: usize,
    /// Tax category: food and books are taxed less.
    pub tax: &'static str,
}

/// Sizes of a line.
#[derive(Clone, Copy)]
pub(super) enum Sizes {
    /// No choice.
    One,
    /// Every product has all of them: option name and values.
    All(&'static str, &'static [&'static str]),
    /// Every product has some neighbouring ones.
    Of(&'static str, &'static [&'static str]),
}

/// An attribute: key and label first.
pub(super) enum Fact {
    /// One of these words.
    Words(&'static str, &'static str, &'static [&'static str]),
    /// A number: unit, lowest, highest, step.
    Number(&'static str, &'static str, Option<&'static str>, i32, i32, i32),
    /// Yes or no: percent of yes.
    YesNo(&'static str, &'static str, i32),
}

impl Fact {
    pub fn key(&self) -> &'static str {
        match self {
            Fact::Words(key, ..) | Fact::Number(key, ..) | Fact::YesNo(key, ..) => key,
        }
    }

    pub fn label(&self) -> &'static str {
        match self {
            Fact::Words(_, label, ..) | Fact::Number(_, label, ..) | Fact::YesNo(_, label, ..) => label,
        }
    }
}

/// What a line is unless it says otherwise.
pub(super) const PLAIN: Line = Line {
    department: "",
    category: "",
    motif: "",
    nouns: &[],
    materials: &[],
    cents: (1_000, 5_000),
    grams: (200, 800),
    coloured: true,
    sizes: Sizes::One,
    step: 0,
    facts: &[],
    story: &[],
    share: 2,
    tax: "standard",
};

/// All lines, departments in display order.
pub(super) fn all() -> impl Iterator<Item = &'static Line> {
    [super::home::LINES, super::style::LINES, super::leisure::LINES, super::bath::LINES, super::food::LINES]
        .into_iter()
        .flatten()
}
