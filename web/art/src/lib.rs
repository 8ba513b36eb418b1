//! Procedural generation of product pictures: a motif and a seed give one small SVG, the same on every machine. The
//! storefront draws them for products that have no picture, the demo catalogue for all of its products. Pure.
//!
//! Thousands of distinct pictures cost no download and no licence. The low part of a seed is the colour (see [`Colour`]), the
//! rest is shape and scenery, so a product shows each of its colours in the same form by changing one number. Pictures hold no
//! text, no script and no outside reference.

mod bath;
mod canvas;
mod choice;
mod computer;
mod desk;
mod dice;
mod garden;
mod generic;
mod kitchen;
mod living;
mod office;
mod outdoor;
mod palette;
mod pantry;
mod play;
mod stage;
mod tech;
mod travel;
mod wear;

pub use dice::Dice;
pub use palette::{COLOURS, Colour};

use canvas::Canvas;
use stage::Stage;

type Draw = fn(&mut Canvas);

/// Width and height of every picture in CSS pixels; the view box is a square too, so layout never shifts.
pub const SIZE: u32 = 800;

/// Every motif by name: where it stands, and who draws it.
const MOTIFS: &[(&str, Stage, Draw)] = &[
    ("mug", Stage::Floor(80), kitchen::mug),
    ("teapot", Stage::Floor(105), kitchen::teapot),
    ("pan", Stage::Floor(120), kitchen::pan),
    ("knife", Stage::Flat, kitchen::knife),
    ("board", Stage::Flat, kitchen::board),
    ("bowl", Stage::Floor(90), kitchen::bowl),
    ("moka", Stage::Floor(80), kitchen::moka),
    ("glass", Stage::Floor(60), kitchen::glass),
    ("lamp", Stage::Floor(75), living::lamp),
    ("pendant", Stage::Hang, living::pendant),
    ("chair", Stage::Floor(90), living::chair),
    ("sofa", Stage::Floor(140), living::sofa),
    ("table", Stage::Floor(110), living::table),
    ("cushion", Stage::Floor(100), living::cushion),
    ("rug", Stage::Flat, living::rug),
    ("vase", Stage::Floor(65), living::vase),
    ("candle", Stage::Floor(70), living::candle),
    ("clock", Stage::Hang, living::clock),
    ("pot", Stage::Floor(75), garden::pot),
    ("can", Stage::Floor(95), garden::can),
    ("trowel", Stage::Flat, garden::trowel),
    ("birdhouse", Stage::Hang, garden::birdhouse),
    ("lantern", Stage::Floor(70), garden::lantern),
    ("tshirt", Stage::Flat, wear::tshirt),
    ("sweater", Stage::Flat, wear::sweater),
    ("jacket", Stage::Flat, wear::jacket),
    ("trousers", Stage::Flat, wear::trousers),
    ("dress", Stage::Flat, wear::dress),
    ("socks", Stage::Flat, wear::socks),
    ("beanie", Stage::Flat, wear::beanie),
    ("scarf", Stage::Flat, wear::scarf),
    ("shoe", Stage::Floor(130), travel::shoe),
    ("boot", Stage::Floor(100), travel::boot),
    ("backpack", Stage::Floor(90), travel::backpack),
    ("tote", Stage::Floor(85), travel::tote),
    ("wallet", Stage::Flat, travel::wallet),
    ("suitcase", Stage::Floor(90), travel::suitcase),
    ("umbrella", Stage::Hang, travel::umbrella),
    ("headphones", Stage::Floor(95), tech::headphones),
    ("speaker", Stage::Floor(80), tech::speaker),
    ("keyboard", Stage::Flat, tech::keyboard),
    ("watch", Stage::Flat, tech::watch),
    ("camera", Stage::Floor(115), tech::camera),
    ("phone", Stage::Flat, tech::phone),
    ("turntable", Stage::Flat, tech::turntable),
    ("notebook", Stage::Flat, desk::notebook),
    ("pen", Stage::Flat, desk::pen),
    ("organiser", Stage::Floor(75), desk::organiser),
    ("poster", Stage::Hang, desk::poster),
    ("book", Stage::Floor(110), desk::book),
    ("pannier", Stage::Floor(100), outdoor::pannier),
    ("bottle", Stage::Floor(55), outdoor::bottle),
    ("tent", Stage::Floor(150), outdoor::tent),
    ("mat", Stage::Floor(120), outdoor::mat),
    ("helmet", Stage::Floor(115), outdoor::helmet),
    ("ball", Stage::Floor(80), outdoor::ball),
    ("car", Stage::Floor(130), play::car),
    ("bear", Stage::Floor(90), play::bear),
    ("blocks", Stage::Floor(110), play::blocks),
    ("rocket", Stage::Floor(60), play::rocket),
    ("kite", Stage::Hang, play::kite),
    ("soap", Stage::Floor(105), bath::soap),
    ("towel", Stage::Floor(115), bath::towel),
    ("pump", Stage::Floor(65), bath::pump),
    ("brush", Stage::Flat, bath::brush),
    ("pouch", Stage::Floor(80), pantry::pouch),
    ("tin", Stage::Floor(75), pantry::tin),
    ("jar", Stage::Floor(75), pantry::jar),
    ("chocolate", Stage::Flat, pantry::chocolate),
    ("oil", Stage::Floor(55), pantry::oil),
    ("laptop", Stage::Floor(120), computer::laptop),
    ("monitor", Stage::Floor(110), computer::monitor),
    ("tower", Stage::Floor(85), computer::tower),
    ("mouse", Stage::Flat, computer::mouse),
    ("drive", Stage::Flat, computer::drive),
    ("chip", Stage::Flat, computer::chip),
    ("router", Stage::Floor(118), computer::router),
    ("cable", Stage::Flat, computer::cable),
    ("plug", Stage::Floor(90), computer::plug),
    ("printer", Stage::Floor(112), office::printer),
    ("cartridge", Stage::Floor(105), office::cartridge),
    ("paper", Stage::Floor(110), office::paper),
    ("projector", Stage::Floor(105), office::projector),
];

/// The names [`art`] draws as themselves; any other name gets a sculpture of simple solids.
pub fn motifs() -> impl Iterator<Item = &'static str> {
    MOTIFS.iter().map(|(name, ..)| *name)
}

/// The picture of a product that has none of its own, by the slugs of its category (`hard-drives`) and of itself.
pub fn of_product(category: &str, product: &str) -> String {
    art(choice::motif(category), dice::hash(product))
}

/// The picture of `motif` for `seed`: an SVG document of one to four kilobytes.
pub fn art(motif: &str, seed: u64) -> String {
    let known = MOTIFS.iter().find(|(name, ..)| *name == motif);
    let (stage, draw) = known.map_or((Stage::Floor(110), generic::solids as Draw), |(_, stage, draw)| (*stage, *draw));
    let mut canvas = Canvas::new(motif, seed, stage);
    stage::scenery(&mut canvas, stage);
    stage::present(&mut canvas, stage, draw);
    canvas.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_without_a_picture_get_one_by_their_category() {
        let picture = |product: &str| of_product("hard-drives", product);
        assert_eq!(picture("fast-disk"), picture("fast-disk"));
        assert_ne!(picture("fast-disk"), picture("slow-disk"));
        assert_eq!(of_product("mug", "x"), of_product("mugs-cups", "x"));
    }
}
