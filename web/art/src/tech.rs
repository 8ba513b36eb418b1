//! Motifs of sound, pictures and other machines.

use super::canvas::{Canvas, disc, rect};
use super::stage::GROUND;

pub(super) fn headphones(c: &mut Canvas) {
    let (half, top, pad) = (c.range(76, 92), c.range(86, 108), c.range(38, 48));
    let (main, dark, light, accent, ink) = (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.ink);
    let cy = GROUND - 64;
    c.line(
        &format!(
            "M{} {cy}C{} {} {} {top} 200 {top}S{} {} {} {cy}",
            200 - half,
            200 - half - 8,
            top + 30,
            200 - half + 26,
            200 + half + 8,
            top + 30,
            200 + half
        ),
        dark,
        17,
    );
    c.line(&format!("M{} {}Q200 {} {} {}", 200 - half / 2, top + 14, top - 12, 200 + half / 2, top + 14), main, 20);
    for sign in [-1, 1] {
        let x = 200 + sign * half;
        c.line(&format!("M{x} {}v-44", cy - 22), accent, 7);
        c.form(&rect(x - sign * 18 - 17, cy - 44, 34, 96, 16), ink);
        c.form(&rect(x + sign * 12 - pad / 2, cy - 52, pad, 112, 19), main);
        c.fill(&rect(x + sign * 16 - 6, cy - 30, 12, 68, 6), light);
        c.circle(x + sign * 16, cy + 24, 4, accent);
    }
}

pub(super) fn speaker(c: &mut Canvas) {
    let (half, height) = (c.range(54, 76), c.range(150, 190));
    let (main, dark, ink, accent, wood, metal) =
        (c.pal.main, c.pal.dark, c.pal.ink, c.pal.accent, c.pal.wood, c.pal.metal);
    let top = GROUND - height;
    match c.pick(3) {
        0 => {
            c.form(&rect(200 - half, top, 2 * half, height, 14), wood);
            c.form(&rect(200 - half + 10, top + 10, 2 * half - 20, height - 20, 8), main);
            let r = half - 22;
            for (cy, r) in [(GROUND - r - 24, r), (top + 40, r / 2)] {
                c.circle(200, cy, r, dark);
                c.circle(200, cy, r * 3 / 4, ink);
                c.circle(200, cy, r / 3, accent);
            }
        }
        1 => {
            c.body(&rect(200 - half, top, 2 * half, height, half - 10), main);
            c.ellipse(200, top + 20, half - 16, 12, dark);
            c.fill(&format!("M{} {}h{}v16h-{}Z", 200 - half, GROUND - 52, 2 * half, 2 * half), ink);
            c.circle(200, GROUND - 44, 4, accent);
        }
        _ => {
            let (w, low) = (112, GROUND - 104);
            c.line(&format!("M150 {low}q0 -34 50 -34t50 34"), wood, 10);
            c.form(&rect(200 - w, low, 2 * w, 104, 24), main);
            c.fill(&rect(216 - w, low + 16, 2 * w - 32, 72, 14), dark);
            for i in 0..9 {
                c.line(&format!("M{} {}v48", 234 - w + i * 20, low + 28), main, 5);
            }
            c.circle(190 + w - 24, low + 52, 17, metal);
            c.circle(190 + w - 24, low + 52, 6, accent);
        }
    }
}

pub(super) fn keyboard(c: &mut Canvas) {
    let (turn, round, board) = (c.range(-24, 24), c.range(8, 22), c.pick(2));
    let (main, dark, light, accent, paper, ink) =
        (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.paper, c.pal.ink);
    let caps = if board == 0 { paper } else { light };
    let pad = if board == 0 { main } else { ink };
    let strong = if board == 0 { dark } else { main };
    let special = c.range(0, 11);
    c.turned(turn, |c| {
        let d = rect(52, 132, 296, 136, round);
        c.cast(&d);
        c.form(&d, pad);
        let mut keys = [const { String::new() }; 3];
        for row in 0..4 {
            let (mut x, mut column) = (66, 0);
            while x < 334 {
                let w = match (row, column) {
                    (3, 3) => 104,
                    (_, 0) if row > 0 => 18 + row * 9,
                    _ => 20,
                };
                let w = w.min(334 - x);
                let kind = if (row * 5 + column) % 12 == special { 2 } else { usize::from(w != 20) };
                if w > 9 {
                    keys[kind] += &format!("M{} {}h{}v17h-{}Z", x + 3, 149 + row * 28, w - 6, w - 6);
                }
                x += w + 4;
                column += 1;
            }
        }
        for (d, fill) in keys.into_iter().zip([caps, strong, accent]) {
            c.put(format_args!(
                r#"<path d="{d}" fill="{fill}" stroke="{fill}" stroke-width="6" stroke-linejoin="round"/>"#
            ));
        }
    });
}

pub(super) fn watch(c: &mut Canvas) {
    let (turn, r, band, square) = (c.range(-20, 24), c.range(58, 72), c.range(46, 58), c.once_in(3));
    let (main, dark, light, accent, paper, ink, metal, wood) =
        (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.paper, c.pal.ink, c.pal.metal, c.pal.wood_dark);
    let leather = c.once_in(2) && !c.pal.pale;
    let strap = if leather { wood } else { main };
    let face = if leather { main } else { paper };
    let hands = if leather { paper } else { ink };
    c.turned(turn, |c| {
        let d = format!("M{} 40q0 -14 14 -14h{}q14 0 14 14L{} 200H{}ZM{} 360q0 14 14 14h{}q14 0 14 -14L{} 200H{}Z",
            200 - band / 2, band - 28, 208 + band / 2, 192 - band / 2, 200 - band / 2, band - 28, 208 + band / 2, 192 - band / 2);
        c.cast(&d);
        c.form(&d, strap);
        for y in [300, 318, 336] {
            c.circle(200, y, 3, dark);
        }
        c.seam(&format!("M{} 46V130M{} 46V130M{} 280V352M{} 280V352", 206 - band / 2, 194 + band / 2, 206 - band / 2, 194 + band / 2), 2);
        c.fill(&rect(200 + r, 190, 18, 20, 5), metal);
        let (case, dial) = if square { (rect(200 - r, 200 - r, 2 * r, 2 * r, 22), rect(210 - r, 210 - r, 2 * r - 20, 2 * r - 20, 14)) } else { (disc(200, 200, r), disc(200, 200, r - 10)) };
        c.cast(&case);
        c.form(&case, metal);
        c.fill(&dial, face);
        c.put(format_args!(
            r#"<circle cx="200" cy="200" r="{}" fill="none" stroke="{hands}" stroke-width="8" pathLength="120" stroke-dasharray="1.4 8.6" stroke-dashoffset=".7"/>"#,
            r - 20
        ));
        c.line(&format!("M200 200L{} {}", 200 - r / 3, 200 - r / 4), hands, 6);
        c.line(&format!("M200 200L{} {}", 200 + r / 3, 200 - r / 2), hands, 5);
        c.line(&format!("M194 212L214 {}", 182 - r / 4), accent, 2);
        c.circle(200, 200, 5, accent);
        c.veil(&format!("M{} 200a{} {} 0 0 1 {} -{}Z", 212 - r, r - 12, r - 12, r - 12, r - 12), true, 18);
        c.line("M200 200h1", light, 2);
    });
}

pub(super) fn camera(c: &mut Canvas) {
    let (half, height, r) = (c.range(98, 114), c.range(112, 132), c.range(44, 52));
    let (main, dark, ink, metal, metal_dark, accent, paper) =
        (c.pal.main, c.pal.dark, c.pal.ink, c.pal.metal, c.pal.metal_dark, c.pal.accent, c.pal.paper);
    let top = GROUND - height;
    let cy = top + height / 2 + 8;
    if c.once_in(2) {
        c.line(
            &format!(
                "M{} {}C{} {} {} {} {} {}",
                204 - half,
                top + 20,
                130 - half,
                top - 80,
                200,
                top - 70,
                196 + half,
                top + 20
            ),
            ink,
            5,
        );
    }
    c.form(&format!("M168 {top}l10 -26q2 -6 10 -6h30q8 0 10 6l10 26Z"), metal);
    c.fill(&rect(200 + half - 62, top - 12, 34, 16, 5), accent);
    c.form(&rect(200 - half, top, 2 * half, height, 18), metal);
    c.body(&rect(200 - half, top + 28, 2 * half, height - 42, 4), main);
    c.fill(&rect(214 - half, top + 8, 30, 14, 4), paper);
    for (r, fill) in [(r + 8, metal_dark), (r, ink), (r - 12, dark), (r - 20, ink)] {
        c.circle(200, cy, r, fill);
    }
    c.circle(200 + r / 5, cy - r / 5, r / 3, accent);
    c.veil(&disc(200 - r / 4, cy - r / 3, r / 5), true, 55);
    c.circle(184 + half, top + 44, 6, accent);
}

pub(super) fn phone(c: &mut Canvas) {
    let (turn, w, h, lens, art) = (c.range(-24, 24), c.range(124, 138), c.range(250, 270), c.pick(3), c.pick(4));
    let (main, dark, light, accent, ink, paper) =
        (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.ink, c.pal.paper);
    let (x, y) = (200 - w / 2, 200 - h / 2);
    c.turned(turn, |c| {
        let d = rect(x, y, w, h, 26);
        c.cast(&d);
        c.body(&d, main);
        match art {
            0 => c.fill(
                &format!(
                    "M{x} {}Q200 {} {} {}V{}q0 26 -26 26H{}q-26 0 -26 -26Z",
                    y + h * 2 / 3,
                    y + h / 2,
                    x + w,
                    y + h * 3 / 4,
                    y + h - 26,
                    x + 26
                ),
                light,
            ),
            1 => {
                c.circle(200, y + h * 2 / 3, 40, accent);
                c.fill(&format!("M160 {}a40 40 0 0 0 80 0Z", y + h * 2 / 3), paper);
            }
            2 => {
                (0..4).for_each(|i| c.circle(200, y + h * 2 / 3, 48 - i * 12, [light, accent, paper, dark][i as usize]))
            }
            _ => c.seam(&format!("M{} {}h{}", x + 24, y + h - 34, w - 48), 4),
        }
        let (cw, ch) = [(54, 92), (62, 62), (94, 40)][lens];
        c.fill(&rect(x + 14, y + 14, cw, ch, 16), dark);
        let spots: &[(i32, i32)] = [&[(27, 30), (27, 64)][..], &[(20, 20), (42, 42)], &[(22, 20), (52, 20)]][lens];
        for (dx, dy) in spots {
            c.circle(x + 14 + dx, y + 14 + dy, 14, ink);
            c.circle(x + 11 + dx, y + 11 + dy, 4, light);
        }
        c.put(format_args!(
            r#"<path d="{}" fill="none" stroke="{dark}" stroke-width="4"/>"#,
            rect(x + 2, y + 2, w - 4, h - 4, 24)
        ));
    });
}

pub(super) fn turntable(c: &mut Canvas) {
    let (turn, r) = (c.range(-16, 16), c.range(98, 110));
    let (main, dark, accent, ink, metal, wood, paper) =
        (c.pal.main, c.pal.dark, c.pal.accent, c.pal.ink, c.pal.metal, c.pal.wood, c.pal.paper);
    let plinth = if c.once_in(2) { wood } else { main };
    let label = if c.once_in(2) { accent } else { main };
    c.turned(turn, |c| {
        let d = rect(52, 76, 296, 248, 14);
        c.cast(&d);
        c.form(&d, plinth);
        c.circle(172, 200, r + 6, metal);
        c.circle(172, 200, r, ink);
        for ring in [r - 14, r - 30, r - 46] {
            c.put(format_args!(
                r##"<circle cx="172" cy="200" r="{ring}" fill="none" stroke="#fff" stroke-width="2" opacity=".13"/>"##
            ));
        }
        c.veil(
            &format!(
                "M172 200L{} {}A{r} {r} 0 0 1 {} {}Z",
                172 + r * 5 / 10,
                200 - r * 86 / 100,
                172 + r * 8 / 10,
                200 - r * 6 / 10
            ),
            true,
            16,
        );
        c.circle(172, 200, 34, label);
        c.circle(172, 200, 5, paper);
        c.circle(310, 118, 22, dark);
        c.circle(310, 118, 12, metal);
        c.line("M310 118L306 228L262 262", metal, 8);
        c.line("M266 258l-14 14", accent, 13);
        c.circle(76, 302, 8, accent);
        c.line("M312 264v34", dark, 7);
        c.circle(312, 282, 8, paper);
    });
}
