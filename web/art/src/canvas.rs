//! SVG canvas, what a motif draws on: an SVG under construction, its palette, and dice thrown from the seed.
//!
//! Everything is drawn on a 400 x 400 grid in whole numbers. Presentation attributes only: a style element would be
//! refused by the shop's Content-Security-Policy when a visitor opens the picture by itself.

use std::fmt::{Display, Write};

use super::palette::{COLOURS, Hex, Palette};
use super::stage::Stage;
use crate::dice::Dice;

/// An SVG under construction.
pub(super) struct Canvas {
    out: String,
    dice: Dice,
    print: usize,
    print_at: (i32, i32),
    stage: Stage,
    /// The colours of this picture.
    pub pal: Palette,
}

impl Canvas {
    pub fn new(motif: &str, seed: u64, stage: Stage) -> Self {
        let (colour, shape) = (seed % COLOURS.len() as u64, seed / COLOURS.len() as u64);
        let mut dice = Dice::new(motif, shape);
        let pal = Palette::new(COLOURS[colour as usize], &mut dice);
        let print = dice.pick(9);
        let print_at = (dice.range(16, 30), dice.range(-50, 50));
        Self { out: String::with_capacity(3_000), dice, print, print_at, stage, pal }
    }

    /// A number from `low` to `high`, both included.
    pub fn range(&mut self, low: i32, high: i32) -> i32 {
        self.dice.range(low, high)
    }

    /// A number below `choices`.
    pub fn pick(&mut self, choices: usize) -> usize {
        self.dice.pick(choices)
    }

    /// True once in `times` throws.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.dice.once_in(times)
    }

    /// A filled path.
    pub fn fill(&mut self, d: &str, fill: impl Display) {
        self.put(format_args!(r#"<path d="{d}" fill="{fill}"/>"#));
    }

    /// A filled path with light on one side and shadow on the other.
    pub fn form(&mut self, d: &str, fill: Hex) {
        self.fill(d, fill);
        self.fill(d, "url(#s)");
    }

    /// A [`Canvas::form`] that carries this picture's print, if it has one.
    pub fn body(&mut self, d: &str, fill: Hex) {
        self.fill(d, fill);
        if self.print < 6 {
            self.fill(d, "url(#p)");
        }
        self.fill(d, "url(#s)");
    }

    /// The shadow a flat thing casts on what it lies on.
    pub fn cast(&mut self, d: &str) {
        self.put(format_args!(r#"<path d="{d}" transform="translate(5 9)" opacity=".14"/>"#));
    }

    /// A line with round ends.
    pub fn line(&mut self, d: &str, colour: impl Display, width: i32) {
        self.put(format_args!(
            r#"<path d="{d}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linecap="round" stroke-linejoin="round"/>"#
        ));
    }

    /// A path in black or white at an opacity in percent: a crease, a gleam.
    pub fn veil(&mut self, d: &str, white: bool, percent: i32) {
        let colour = if white { "#fff" } else { "#000" };
        self.put(format_args!(r#"<path d="{d}" fill="{colour}" opacity=".{percent:02}"/>"#));
    }

    /// A thin dark line at low opacity: a seam, a fold.
    pub fn seam(&mut self, d: &str, width: i32) {
        self.put(format_args!(
            r##"<path d="{d}" fill="none" stroke="#000" stroke-width="{width}" stroke-linecap="round" opacity=".16"/>"##
        ));
    }

    pub fn circle(&mut self, cx: i32, cy: i32, r: i32, fill: impl Display) {
        self.put(format_args!(r#"<circle cx="{cx}" cy="{cy}" r="{r}" fill="{fill}"/>"#));
    }

    pub fn ellipse(&mut self, cx: i32, cy: i32, rx: i32, ry: i32, fill: impl Display) {
        self.put(format_args!(r#"<ellipse cx="{cx}" cy="{cy}" rx="{rx}" ry="{ry}" fill="{fill}"/>"#));
    }

    /// Everything `inside` draws is turned by `degrees` about the middle.
    pub fn turned(&mut self, degrees: i32, inside: impl FnOnce(&mut Self)) {
        self.put(format_args!(r#"<g transform="rotate({degrees} 200 200)">"#));
        inside(self);
        self.out.push_str("</g>");
    }

    /// Raw markup, for the scenery.
    pub fn put(&mut self, markup: std::fmt::Arguments<'_>) {
        self.out.write_fmt(markup).expect("a String takes everything");
    }

    /// The finished document.
    pub fn finish(self) -> String {
        let size = super::SIZE;
        let (shade, print) = (self.shade(), self.print_pattern());
        let light =
            r##"<radialGradient id="g"><stop stop-opacity=".3"/><stop offset="1" stop-opacity="0"/></radialGradient>"##;
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400" width="{size}" height="{size}"><defs>{shade}{light}{print}</defs>{}</svg>"#,
            self.out
        )
    }

    fn shade(&self) -> &'static str {
        match self.stage {
            Stage::Floor(_) => {
                r##"<linearGradient id="s"><stop stop-color="#fff" stop-opacity=".22"/><stop offset=".4" stop-color="#fff" stop-opacity="0"/><stop offset=".55" stop-opacity="0"/><stop offset="1" stop-opacity=".24"/></linearGradient>"##
            }
            _ => {
                r##"<linearGradient id="s" x2="1" y2="1"><stop stop-color="#fff" stop-opacity=".14"/><stop offset=".5" stop-opacity="0"/><stop offset="1" stop-opacity=".13"/></linearGradient>"##
            }
        }
    }

    /// The print of fabrics and glazes; numbers 6 and above are plain.
    fn print_pattern(&self) -> String {
        let (step, turn) = self.print_at;
        let half = step / 2;
        let (light, accent) = (self.pal.light, self.pal.accent);
        let marks = match self.print {
            0 => format!(r#"<rect width="{half}" height="{step}" fill="{light}" opacity=".55"/>"#),
            1 => format!(r#"<circle cx="{half}" cy="{half}" r="{}" fill="{light}" opacity=".8"/>"#, step / 5),
            2 => format!(r#"<rect width="3" height="{step}" fill="{accent}"/>"#),
            3 => format!(
                r#"<path d="M0 {half}L{half} 0 {step} {half}" fill="none" stroke="{light}" stroke-width="3" opacity=".7"/>"#
            ),
            4 => format!(
                r#"<circle cx="4" cy="5" r="2" fill="{accent}"/><circle cx="{half}" cy="{}" r="1.5" fill="{light}"/>"#,
                step - 4
            ),
            5 => format!(r#"<path d="M0 0H{step}M0 0V{step}" stroke="{light}" stroke-width="4" opacity=".5"/>"#),
            _ => return String::new(),
        };
        format!(
            r#"<pattern id="p" width="{step}" height="{step}" patternUnits="userSpaceOnUse" patternTransform="rotate({turn})">{marks}</pattern>"#
        )
    }
}

/// A rectangle with round corners.
pub(super) fn rect(x: i32, y: i32, w: i32, h: i32, r: i32) -> String {
    let (iw, ih) = (w - 2 * r, h - 2 * r);
    format!("M{} {y}h{iw}q{r} 0 {r} {r}v{ih}q0 {r} -{r} {r}h-{iw}q-{r} 0 -{r} -{r}v-{ih}q0 -{r} {r} -{r}Z", x + r)
}

/// A vessel about x = 200: `top` and `bottom` are half widths at heights `y0` and `y1`, the lower corners have radius `r`.
pub(super) fn vessel(top: i32, bottom: i32, y0: i32, y1: i32, r: i32) -> String {
    format!(
        "M{} {y0}L{} {}Q{} {y1} {} {y1}H{}Q{} {y1} {} {}L{} {y0}Z",
        200 - top,
        200 - bottom,
        y1 - r,
        200 - bottom,
        200 - bottom + r,
        200 + bottom - r,
        200 + bottom,
        200 + bottom,
        y1 - r,
        200 + top,
    )
}

/// A circle as a path.
pub(super) fn disc(cx: i32, cy: i32, r: i32) -> String {
    format!("M{} {cy}a{r} {r} 0 1 1 {} 0a{r} {r} 0 1 1 -{} 0Z", cx - r, 2 * r, 2 * r)
}
