//! Product lines of the larder. Food is taxed at the reduced rate.

use super::lines::{Fact, Line, PLAIN, Sizes};

const ORGANIC: Fact = Fact::YesNo("organic", "Organic", 70);
const WEIGHTS: Sizes = Sizes::All("Weight", &["250 g", "500 g", "1 kg"]);

/// What all food has in common.
const FOOD: Line = Line { department: "Pantry", coloured: false, tax: "reduced", ..PLAIN };

/// The lines.
pub(super) const LINES: &[Line] = &[
    Line {
        category: "Coffee",
        motif: "pouch",
        share: 2,
        nouns: &["coffee", "espresso beans", "filter coffee"],
        materials: &["Arabica", "Single origin", "Robusta blend"],
        cents: (790, 2_400),
        grams: (260, 290),
        sizes: WEIGHTS,
        step: 85,
        facts: &[
            ORGANIC,
            Fact::Words("roast", "Roast", &["Light", "Medium", "Dark"]),
            Fact::Words("grind", "Grind", &["Whole bean", "Espresso", "Filter"]),
        ],
        story: &["Roasted on Tuesdays in a drum from 1958, rested two days, sent on Thursday."],
        ..FOOD
    },
    Line {
        category: "Tea",
        motif: "tin",
        share: 2,
        nouns: &["tea", "loose tea", "herbal tea"],
        materials: &["Green", "Black", "Rooibos", "Peppermint"],
        cents: (690, 2_900),
        grams: (120, 180),
        sizes: Sizes::All("Weight", &["100 g", "250 g"]),
        step: 110,
        facts: &[
            ORGANIC,
            Fact::YesNo("caffeine", "Caffeine", 55),
            Fact::Words("form", "Form", &["Loose leaf", "Bags", "Pearls"]),
        ],
        story: &["Whole leaves in a tin that closes with a sigh."],
        ..FOOD
    },
    Line {
        category: "Honey & Jam",
        motif: "jar",
        share: 2,
        nouns: &["honey", "jam", "fruit spread"],
        materials: &["Forest", "Apricot", "Wildflower", "Fig", "Quince"],
        cents: (490, 1_900),
        grams: (340, 620),
        sizes: Sizes::All("Weight", &["250 g", "500 g"]),
        step: 75,
        facts: &[
            ORGANIC,
            Fact::YesNo("vegan", "Vegan", 60),
            Fact::Words("texture", "Texture", &["Creamy", "Liquid", "With pieces"]),
        ],
        story: &["Cooked in copper with less sugar than grandmother would approve of."],
        ..FOOD
    },
    Line {
        category: "Chocolate",
        motif: "chocolate",
        share: 2,
        nouns: &["chocolate", "chocolate bar"],
        materials: &["Dark", "Milk", "Hazelnut", "Sea salt"],
        cents: (290, 1_200),
        grams: (80, 120),
        sizes: Sizes::All("Pack", &["1 bar", "Pack of 3", "Pack of 10"]),
        step: 180,
        facts: &[ORGANIC, Fact::Number("cocoa", "Cocoa", Some("%"), 35, 90, 5), Fact::YesNo("vegan", "Vegan", 50)],
        story: &["From the bean, by three people and a stone mill."],
        ..FOOD
    },
    Line {
        category: "Oil & Vinegar",
        motif: "oil",
        share: 1,
        nouns: &["olive oil", "vinegar", "walnut oil"],
        materials: &["Cold-pressed", "Unfiltered", "Barrel-aged"],
        cents: (790, 3_900),
        grams: (480, 1_200),
        sizes: Sizes::All("Volume", &["250 ml", "500 ml", "1 l"]),
        step: 80,
        facts: &[
            ORGANIC,
            Fact::Words("taste", "Taste", &["Mild", "Fruity", "Peppery"]),
            Fact::Number("harvest", "Harvest", None, 2_024, 2_026, 1),
        ],
        story: &["Picked early, pressed the same night, bottled dark."],
        ..FOOD
    },
];
