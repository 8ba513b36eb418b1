//! Word lists of the demo catalogue: names, makers and sentences.

use super::lines::Line;
use souk_art::Dice;

/// Given names of products. A prime number of them, so that every stride visits all.
pub(super) const NAMES: [&str; 127] = [
    "Alba", "Noor", "Linde", "Marisol", "Oslo", "Tindra", "Yara", "Bruno", "Celeste", "Dune", "Elva", "Faro", "Greta",
    "Hanno", "Iris", "Juno", "Kaya", "Lumi", "Milo", "Nera", "Odile", "Paloma", "Quill", "Runa", "Saga", "Tove", "Uma",
    "Vela", "Wren", "Xenia", "Ylva", "Zora", "Arlo", "Bea", "Cala", "Dahlia", "Esme", "Fenna", "Gaia", "Hedda", "Isla",
    "Jonas", "Kira", "Leif", "Maren", "Nilo", "Orla", "Pia", "Remy", "Signe", "Theo", "Ulla", "Vito", "Willa", "Yuki",
    "Zeno", "Aster", "Birk", "Clove", "Delta", "Ember", "Fjord", "Grove", "Heath", "Indra", "Jade", "Kelp", "Lark",
    "Moss", "North", "Olive", "Pebble", "Quince", "Reed", "Sorrel", "Thyme", "Umber", "Verve", "Willow", "Yarrow",
    "Zephyr", "Amara", "Bodil", "Corsa", "Doro", "Enzo", "Flora", "Gino", "Halden", "Ines", "Jori", "Koto", "Lido",
    "Mira", "Nova", "Orto", "Pico", "Rosa", "Sol", "Tamo", "Urla", "Vara", "Wes", "Yoko", "Zita", "Anker", "Brisa",
    "Cedro", "Dina", "Ebbe", "Fiora", "Gala", "Hilde", "Ivo", "Jasper", "Kora", "Lene", "Mondo", "Nuna", "Otis",
    "Petra", "Rilla", "Sten", "Tilde", "Vesper", "Wanda", "Ziva",
];

/// How far apart neighbouring products of a line stand in [`NAMES`].
pub(super) const STRIDE: usize = 37;

/// What is appended when a name comes round again.
pub(super) const SERIES: [&str; 10] =
    ["Due", "Studio", "Forma", "Lux", "Piccolo", "Grande", "Linea", "Classic", "Nova", "Atelier"];

/// Where things are made.
pub(super) const ORIGINS: [&str; 12] = [
    "Portugal",
    "Italy",
    "Germany",
    "Denmark",
    "Morocco",
    "France",
    "Spain",
    "Austria",
    "Poland",
    "Sweden",
    "Greece",
    "Netherlands",
];

/// Makers of a department.
pub(super) fn brands(department: &str) -> &'static [&'static str] {
    match department {
        "Kitchen" => &["Kiln Street", "Maison Tilleul", "Oda & Sons", "Ferro", "Tafel", "Casa Piatti", "Brand & Berg"],
        "Living" => {
            &["Atelier Nord", "Hanno & Iris", "Lumen Works", "Vester", "Casa Luma", "Studio Falk", "Moebel Mitte"]
        }
        "Garden" => &["Green Thumb Society", "Hortus", "Balkonia", "Terra Madre", "Verdana", "Oak & Fern"],
        "Clothing" => {
            &["Common Thread", "Linea Sette", "Nordlys", "Maren Wolf", "Fieldcraft", "Atelier Oro", "Plain People"]
        }
        "Shoes & Bags" => &["Cobble", "Passo", "Marchand", "Wayfare", "Tasca", "Norr Leather"],
        "Technology" => &["Oktave", "Tonic Audio", "Pixelwerk", "Meridian Lab", "Keyfold", "Halden Instruments"],
        "Desk & Books" => &["Papeterie Blanc", "Inkwell", "Kontor", "Folio Press", "Margin", "Studio Bogen"],
        "Outdoor" => &["Ridgeline", "Veloce", "Basecamp Nine", "Tramontana", "Loop Cycling", "Fjellrev Supply"],
        "Play" => &["Little Owl", "Holzwurm", "Pip & Poppy", "Kinderhaus", "Tumble", "Bear Brothers"],
        "Bath" => &["Savonnerie Azur", "Still Water", "Hamam", "Botanica", "Lave", "Soft Goods Co."],
        _ => &["Mercato Vecchio", "Roastery Lane", "Bottega Verde", "Old Mill", "Spice Route", "Honey & Rye"],
    }
}

const OPENINGS: [&str; 8] = [
    "{brand} makes the {name} {noun} for people who would rather buy once.",
    "{brand} drew the {name} {noun} with few lines and made it to be used every day.",
    "Quiet in shape, sure in the hand: the {name} {noun} by {brand}.",
    "Better with time, and hardly finished when new: {name}, made in small series by {brand}.",
    "{name} began as a sketch on a market stall and became the {noun} {brand} is known for.",
    "There is nothing on the {name} {noun} that could be left out, and {brand} tried.",
    "With {name}, {brand} took what everybody knows and mended what always annoyed us about it.",
    "Made to be picked up first: {name}, the {noun} by {brand}.",
];

const MATTERS: [&str; 6] = [
    "Good {material} does most of the work; the rest is patience.",
    "The {material} comes from suppliers {brand} has known for years.",
    "We chose {material} because it ages well and can be repaired.",
    "{Material} gives it its weight and its calm look.",
    "Each piece differs a little, as {material} does.",
    "Only {material}, honestly worked, and finished by hand.",
];

const CLOSINGS: [&str; 6] = [
    "Packed without plastic.",
    "Comes in a plain box that makes a fine present.",
    "Two years' guarantee, and spare parts for longer.",
    "If it is not for you, send it back within 30 days.",
    "Made in batches of two hundred; the next one is on its way when this one is gone.",
    "Wipe, wash or air it as the label says and it will outlast the fashion.",
];

/// Three short paragraphs about a product.
pub(super) fn description(dice: &mut Dice, line: &Line, name: &str, noun: &str, material: &str, brand: &str) -> String {
    let mut one = |sentences: &[&'static str]| sentences[dice.pick(sentences.len())];
    let (opening, story, matter, closing) = (one(&OPENINGS), one(line.story), one(&MATTERS), one(&CLOSINGS));
    let capital = material.chars().next().map_or('M', |c| c.to_ascii_uppercase());
    let lower = material.to_lowercase();
    format!("{opening} {story}\n{matter}\n{closing}")
        .replace("{name}", name)
        .replace("{noun}", noun)
        .replace("{brand}", brand)
        .replace("{Material}", &format!("{capital}{}", &lower[1..]))
        .replace("{material}", &lower)
}
