//! Product lines for what one wears and carries.

use super::lines::{Fact, Line, PLAIN, Sizes};

const CLOTHES: Sizes = Sizes::Of("Size", &["XS", "S", "M", "L", "XL", "XXL"]);
const SHOES: Sizes = Sizes::Of("Size", &["36", "37", "38", "39", "40", "41", "42", "43", "44", "45"]);
const FIT: Fact = Fact::Words("fit", "Fit", &["Regular", "Relaxed", "Slim", "Boxy"]);
const CARE: Fact = Fact::Words("care", "Care", &["Machine wash 30", "Machine wash 40", "Hand wash", "Dry clean"]);
const FOR: Fact = Fact::Words("for", "For", &["Women", "Men", "Everybody"]);
const ORGANIC: Fact = Fact::YesNo("organic", "Organic", 55);

/// The lines.
pub(super) const LINES: &[Line] = &[
    Line {
        department: "Clothing",
        category: "T-Shirts",
        motif: "tshirt",
        share: 3,
        nouns: &["t-shirt", "tee", "longsleeve"],
        materials: &["Organic cotton", "Linen", "Hemp", "Merino"],
        cents: (1_900, 5_900),
        grams: (140, 260),
        sizes: CLOTHES,
        facts: &[FIT, FOR, CARE, ORGANIC],
        story: &["Dense jersey that keeps its shape, a collar that lies flat, seams that do not wander."],
        ..PLAIN
    },
    Line {
        department: "Clothing",
        category: "Sweaters",
        motif: "sweater",
        share: 2,
        nouns: &["sweater", "jumper", "pullover"],
        materials: &["Lambswool", "Merino", "Cotton", "Alpaca"],
        cents: (4_900, 18_900),
        grams: (320, 720),
        sizes: CLOTHES,
        facts: &[FIT, FOR, CARE, ORGANIC],
        story: &["Knitted in one piece, so nothing rubs; warm without being heavy."],
        ..PLAIN
    },
    Line {
        department: "Clothing",
        category: "Jackets",
        motif: "jacket",
        share: 2,
        nouns: &["jacket", "parka", "overshirt"],
        materials: &["Waxed cotton", "Wool", "Recycled polyester", "Canvas"],
        cents: (8_900, 34_900),
        grams: (600, 1_500),
        sizes: CLOTHES,
        facts: &[FIT, FOR, CARE, Fact::YesNo("waterproof", "Waterproof", 45), Fact::YesNo("hood", "Hood", 50)],
        story: &["Four pockets where hands look for them, and a zip that runs with gloves on."],
        ..PLAIN
    },
    Line {
        department: "Clothing",
        category: "Trousers",
        motif: "trousers",
        share: 2,
        nouns: &["trousers", "chinos", "workwear pants"],
        materials: &["Denim", "Corduroy", "Linen", "Twill"],
        cents: (4_900, 15_900),
        grams: (380, 760),
        sizes: CLOTHES,
        facts: &[FIT, FOR, CARE, ORGANIC],
        story: &["Cut to sit down in, with a waistband that forgives a long lunch."],
        ..PLAIN
    },
    Line {
        department: "Clothing",
        category: "Dresses",
        motif: "dress",
        share: 2,
        nouns: &["dress", "summer dress", "pinafore"],
        materials: &["Linen", "Viscose", "Cotton poplin", "Silk"],
        cents: (5_900, 22_900),
        grams: (240, 520),
        sizes: CLOTHES,
        facts: &[
            FIT,
            CARE,
            ORGANIC,
            Fact::Words("length", "Length", &["Mini", "Knee", "Midi", "Maxi"]),
            Fact::YesNo("pockets", "Pockets", 85),
        ],
        story: &["It has pockets. We thought you should know that first."],
        ..PLAIN
    },
    Line {
        department: "Clothing",
        category: "Socks",
        motif: "socks",
        share: 2,
        nouns: &["socks", "crew socks", "boot socks"],
        materials: &["Organic cotton", "Merino", "Bamboo"],
        cents: (690, 2_400),
        grams: (40, 110),
        sizes: Sizes::All("Size", &["36-38", "39-42", "43-46"]),
        facts: &[FOR, ORGANIC, Fact::Words("height", "Height", &["Ankle", "Crew", "Knee"])],
        story: &["Reinforced where shoes are cruel, soft where nobody looks."],
        ..PLAIN
    },
    Line {
        department: "Clothing",
        category: "Hats",
        motif: "beanie",
        share: 1,
        nouns: &["beanie", "knitted hat"],
        materials: &["Merino", "Cashmere", "Recycled wool"],
        cents: (1_900, 7_900),
        grams: (60, 140),
        facts: &[FOR, CARE, Fact::YesNo("lined", "Lined", 40)],
        story: &["It covers the ears without asking and survives a coat pocket."],
        ..PLAIN
    },
    Line {
        department: "Clothing",
        category: "Scarves",
        motif: "scarf",
        share: 1,
        nouns: &["scarf", "shawl"],
        materials: &["Lambswool", "Cashmere", "Silk", "Cotton gauze"],
        cents: (2_400, 14_900),
        grams: (120, 360),
        facts: &[FOR, CARE, Fact::Number("length", "Length", Some("cm"), 160, 220, 10)],
        story: &["Long enough for two turns and a knot, light enough to be forgotten indoors."],
        ..PLAIN
    },
    Line {
        department: "Shoes & Bags",
        category: "Sneakers",
        motif: "shoe",
        share: 3,
        nouns: &["sneakers", "trainers", "running shoes"],
        materials: &["Leather", "Suede", "Recycled mesh", "Canvas"],
        cents: (5_900, 18_900),
        grams: (560, 940),
        sizes: SHOES,
        facts: &[
            FOR,
            Fact::Words("sole", "Sole", &["Natural rubber", "EVA", "Recycled rubber"]),
            Fact::YesNo("vegan", "Vegan", 45),
        ],
        story: &["Stitched sole, removable insole, laces of a sensible length."],
        ..PLAIN
    },
    Line {
        department: "Shoes & Bags",
        category: "Boots",
        motif: "boot",
        share: 2,
        nouns: &["boots", "chelsea boots", "lace-up boots"],
        materials: &["Leather", "Nubuck", "Waxed suede"],
        cents: (8_900, 28_900),
        grams: (980, 1_800),
        sizes: SHOES,
        facts: &[FOR, Fact::YesNo("waterproof", "Waterproof", 60), Fact::YesNo("lined", "Lined", 50)],
        story: &["They can be resoled, twice, and look best in their fifth winter."],
        ..PLAIN
    },
    Line {
        department: "Shoes & Bags",
        category: "Backpacks",
        motif: "backpack",
        share: 2,
        nouns: &["backpack", "daypack", "rucksack"],
        materials: &["Canvas", "Recycled nylon", "Leather", "Cordura"],
        cents: (4_900, 21_900),
        grams: (520, 1_300),
        facts: &[
            Fact::Number("volume", "Volume", Some("l"), 12, 32, 2),
            Fact::YesNo("laptop_compartment", "Laptop compartment", 75),
            Fact::YesNo("waterproof", "Waterproof", 40),
        ],
        story: &["Sits close to the back, opens wide, and has one pocket for keys that you will find in the dark."],
        ..PLAIN
    },
    Line {
        department: "Shoes & Bags",
        category: "Tote Bags",
        motif: "tote",
        share: 2,
        nouns: &["tote bag", "shopper", "market bag"],
        materials: &["Organic cotton", "Canvas", "Jute", "Leather"],
        cents: (1_400, 12_900),
        grams: (180, 720),
        facts: &[Fact::Number("volume", "Volume", Some("l"), 10, 26, 2), Fact::YesNo("zip", "Zip", 35), ORGANIC],
        story: &["Holds a week's vegetables or one very large novel, and folds into itself."],
        ..PLAIN
    },
    Line {
        department: "Shoes & Bags",
        category: "Wallets",
        motif: "wallet",
        share: 1,
        nouns: &["wallet", "card holder", "purse"],
        materials: &["Leather", "Vegetable-tanned leather", "Cork"],
        cents: (2_400, 9_900),
        grams: (50, 160),
        facts: &[
            Fact::Number("card_slots", "Card slots", None, 3, 12, 1),
            Fact::YesNo("coin_pocket", "Coin pocket", 60),
            Fact::YesNo("rfid", "RFID protection", 50),
        ],
        story: &["As thin as it can be with room for what you really carry."],
        ..PLAIN
    },
    Line {
        department: "Shoes & Bags",
        category: "Suitcases",
        motif: "suitcase",
        share: 1,
        nouns: &["suitcase", "cabin case", "trolley"],
        materials: &["Polycarbonate", "Aluminium", "Recycled PET"],
        cents: (9_900, 44_900),
        grams: (2_400, 4_800),
        sizes: Sizes::All("Size", &["Cabin", "Medium", "Large"]),
        step: 28,
        facts: &[
            Fact::Words("lock", "Lock", &["TSA", "Combination", "Key"]),
            Fact::Number("wheels", "Wheels", None, 2, 4, 2),
        ],
        story: &["Rolls straight over cobbles, and every wheel can be changed with a coin."],
        ..PLAIN
    },
    Line {
        department: "Shoes & Bags",
        category: "Umbrellas",
        motif: "umbrella",
        share: 1,
        nouns: &["umbrella", "walking umbrella"],
        materials: &["Recycled pongee", "Waxed cotton", "Nylon"],
        cents: (1_900, 8_900),
        grams: (320, 620),
        facts: &[
            Fact::YesNo("windproof", "Windproof", 70),
            Fact::Words("opening", "Opening", &["Automatic", "By hand"]),
            Fact::Number("diameter", "Diameter", Some("cm"), 95, 125, 5),
        ],
        story: &["Turns inside out once in a gale, shrugs, and turns back."],
        ..PLAIN
    },
];
