//! Colour palettes: named in OKLCH, where equal steps look equal, and turned into sRGB at the end.

use crate::dice::Dice;

/// A colour a product comes in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Colour {
    /// As a shop would call it.
    pub name: &'static str,
    lightness: f64,
    chroma: f64,
    hue: f64,
}

const fn colour(name: &'static str, lightness: f64, chroma: f64, hue: f64) -> Colour {
    Colour { name, lightness, chroma, hue }
}

/// All product colours. `seed % COLOURS.len()` is the colour of a picture.
pub const COLOURS: [Colour; 16] = [
    colour("Chalk", 0.95, 0.012, 90.0),
    colour("Sand", 0.85, 0.045, 85.0),
    colour("Ochre", 0.77, 0.135, 80.0),
    colour("Terracotta", 0.66, 0.125, 42.0),
    colour("Rust", 0.55, 0.13, 36.0),
    colour("Rose", 0.78, 0.085, 12.0),
    colour("Berry", 0.53, 0.16, 8.0),
    colour("Plum", 0.43, 0.095, 330.0),
    colour("Lavender", 0.75, 0.08, 300.0),
    colour("Indigo", 0.46, 0.13, 275.0),
    colour("Sky", 0.75, 0.085, 235.0),
    colour("Teal", 0.58, 0.09, 195.0),
    colour("Sage", 0.75, 0.06, 145.0),
    colour("Forest", 0.46, 0.075, 155.0),
    colour("Charcoal", 0.38, 0.012, 260.0),
    colour("Midnight", 0.34, 0.075, 262.0),
];

/// An sRGB colour that prints as `#rrggbb`.
#[derive(Clone, Copy)]
pub(super) struct Hex([u8; 3]);

impl std::fmt::Display for Hex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [r, g, b] = self.0;
        write!(f, "#{r:02x}{g:02x}{b:02x}")
    }
}

/// What a picture is painted with.
pub(super) struct Palette {
    pub main: Hex,
    pub dark: Hex,
    pub light: Hex,
    pub accent: Hex,
    pub accent_dark: Hex,
    pub ink: Hex,
    pub paper: Hex,
    pub wood: Hex,
    pub wood_dark: Hex,
    pub metal: Hex,
    pub metal_dark: Hex,
    pub leaf: Hex,
    pub leaf_dark: Hex,
    pub wall: Hex,
    pub wall_dark: Hex,
    pub wall_light: Hex,
    /// The main colour is so light that white on it is not seen.
    pub pale: bool,
}

impl Palette {
    /// The colour says what the thing is painted in; the dice choose a hue for the scenery that suits it.
    pub fn new(colour: Colour, dice: &mut Dice) -> Self {
        let Colour { lightness: l, chroma: c, hue: h, .. } = colour;
        let pale = l > 0.8;
        let h = h + f64::from(dice.range(-5, 5));
        let wall_hue = [h, h + 35.0, h - 40.0, h + 180.0, 75.0, 60.0, 230.0, 150.0][dice.pick(8)];
        let (wall_l, wall_c) = if pale { (0.80, 0.062) } else { (0.925, 0.03) };
        let wall_l = wall_l + f64::from(dice.range(-20, 15)) / 1000.0;
        let accent_hue = h + [150.0, 180.0, 205.0, 60.0, -60.0][dice.pick(5)];
        let accent_l = if l > 0.62 { 0.58 } else { 0.76 };
        let wood_hue = f64::from(dice.range(52, 72));
        let wood_l = f64::from(dice.range(58, 76)) / 100.0;
        Self {
            main: oklch(l, c, h),
            dark: oklch(l * 0.82, c, h),
            light: oklch((l + 0.09).min(0.985), c * 0.75, h),
            accent: oklch(accent_l, 0.115, accent_hue),
            accent_dark: oklch(accent_l - 0.12, 0.11, accent_hue),
            ink: oklch(0.30, 0.025, h),
            paper: oklch(0.965, 0.013, 85.0),
            wood: oklch(wood_l, 0.075, wood_hue),
            wood_dark: oklch(wood_l - 0.14, 0.075, wood_hue - 8.0),
            metal: oklch(0.80, 0.01, wall_hue),
            metal_dark: oklch(0.62, 0.014, wall_hue),
            leaf: oklch(0.62, 0.10, f64::from(dice.range(128, 158))),
            leaf_dark: oklch(0.48, 0.085, f64::from(dice.range(140, 165))),
            wall: oklch(wall_l, wall_c, wall_hue),
            wall_dark: oklch(wall_l - 0.055, wall_c + 0.02, wall_hue),
            pale,
            wall_light: oklch((wall_l + 0.035).min(0.975), wall_c * 0.7, wall_hue),
        }
    }
}

/// OKLCH to sRGB (Björn Ottosson, "A perceptual color space for image processing", 2020), clipped to the gamut.
fn oklch(lightness: f64, chroma: f64, hue_degrees: f64) -> Hex {
    let (sin, cos) = hue_degrees.to_radians().sin_cos();
    let (a, b) = (chroma * cos, chroma * sin);
    let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    Hex([
        channel(4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s),
        channel(-1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s),
        channel(-0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s),
    ])
}

/// One linear channel to its sRGB byte (IEC 61966-2-1).
fn channel(linear: f64) -> u8 {
    let linear = linear.clamp(0.0, 1.0);
    let encoded = if linear <= 0.003_130_8 { 12.92 * linear } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 };
    (encoded * 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_points_convert() {
        assert_eq!(oklch(1.0, 0.0, 0.0).to_string(), "#ffffff");
        assert_eq!(oklch(0.0, 0.0, 0.0).to_string(), "#000000");
        assert_eq!(oklch(0.627_955, 0.257_683, 29.233_9).to_string(), "#ff0000");
    }
}
