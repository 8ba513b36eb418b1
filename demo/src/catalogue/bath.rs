//! Product lines of the bathroom.

use super::lines::{Fact, Line, PLAIN, Sizes};

/// The lines.
pub(super) const LINES: &[Line] = &[
    Line {
        department: "Bath",
        category: "Soaps",
        motif: "soap",
        share: 2,
        nouns: &["soap bar", "hand soap"],
        materials: &["Olive oil", "Shea butter", "Goat milk", "Sea salt"],
        cents: (490, 1_900),
        grams: (90, 220),
        tax: "standard",
        facts: &[
            Fact::Words("scent", "Scent", &["Lavender", "Verbena", "Fig leaf", "Orange blossom", "Unscented"]),
            Fact::YesNo("vegan", "Vegan", 80),
        ],
        story: &["Cooked slowly, cut by wire, dried for six weeks; it lasts as long as three bottles."],
        ..PLAIN
    },
    Line {
        department: "Bath",
        category: "Towels",
        motif: "towel",
        share: 2,
        nouns: &["towel", "bath towel", "hammam towel"],
        materials: &["Organic cotton", "Linen", "Bamboo", "Waffle cotton"],
        cents: (1_400, 5_900),
        grams: (250, 900),
        sizes: Sizes::All("Size", &["50 x 100 cm", "70 x 140 cm", "100 x 150 cm"]),
        step: 55,
        facts: &[
            Fact::Number("density", "Density", Some("g/m2"), 300, 650, 50),
            Fact::YesNo("hanging_loop", "Hanging loop", 90),
        ],
        story: &["Thirsty from the first wash and dry again by the evening."],
        ..PLAIN
    },
    Line {
        department: "Bath",
        category: "Lotions",
        motif: "pump",
        nouns: &["hand lotion", "body wash", "shampoo"],
        materials: &["Rosemary", "Almond oil", "Aloe", "Calendula"],
        cents: (990, 3_900),
        grams: (280, 620),
        sizes: Sizes::All("Volume", &["250 ml", "500 ml"]),
        step: 60,
        facts: &[
            Fact::Words("skin_type", "Skin type", &["All", "Dry", "Sensitive"]),
            Fact::YesNo("vegan", "Vegan", 90),
        ],
        story: &["Short list of contents, long list of people who ask what smells so good."],
        coloured: false,
        ..PLAIN
    },
    Line {
        department: "Bath",
        category: "Brushes & Combs",
        motif: "brush",
        share: 1,
        nouns: &["hairbrush", "comb", "toothbrush"],
        materials: &["Beech", "Pear wood", "Bamboo"],
        cents: (490, 3_900),
        grams: (20, 160),
        facts: &[
            Fact::Words("bristles", "Bristles", &["Natural", "Wood", "Nylon"]),
            Fact::YesNo("plastic_free", "Plastic free", 75),
        ],
        story: &["Rounded pins, oiled wood, and no screw in sight."],
        ..PLAIN
    },
];
