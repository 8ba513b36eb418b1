//! Motifs of computers and what is plugged into them: catalogues that are imported are full of these.

use super::canvas::{Canvas, disc, rect};
use super::stage::GROUND;

/// What a screen shows: hills, bars or a window.
fn screen(c: &mut Canvas, x: i32, y: i32, w: i32, h: i32) {
    let (main, dark, light, accent, paper) = (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.paper);
    c.fill(&rect(x, y, w, h, 3), light);
    let base = y + h;
    match c.pick(3) {
        0 => {
            c.circle(x + w * 3 / 4, y + h / 3, h / 7, accent);
            c.fill(
                &format!(
                    "M{x} {base}V{}Q{} {} {} {}T{} {}V{base}Z",
                    y + h * 2 / 3,
                    x + w / 4,
                    y + h / 3,
                    x + w / 2,
                    y + h * 2 / 3,
                    x + w,
                    y + h / 2
                ),
                main,
            );
            c.fill(
                &format!(
                    "M{x} {base}V{}Q{} {} {} {}V{base}Z",
                    y + h * 4 / 5,
                    x + w / 2,
                    y + h / 2,
                    x + w,
                    y + h * 5 / 6
                ),
                dark,
            );
        }
        1 => {
            for i in 0..5 {
                let (bar, rise) = (w / 8, h * c.range(20, 75) / 100);
                let left = x + w / 10 + i * w / 6;
                c.fill(&rect(left, base - 8 - rise, bar, rise, 2), if i % 2 == 0 { main } else { accent });
            }
        }
        _ => {
            c.fill(&rect(x + w / 10, y + h / 8, w * 8 / 10, h * 6 / 8, 5), paper);
            c.fill(&rect(x + w / 10, y + h / 8, w / 4, h * 6 / 8, 5), main);
            c.line(&format!("M{} {}h{}M{} {}h{}", x + w / 2, y + h / 3, w / 4, x + w / 2, y + h / 2, w / 6), accent, 6);
        }
    }
    c.veil(&format!("M{} {y}h{}l-{} {h}h-{}Z", x + w * 2 / 3, w / 5, w / 4, w / 5), true, 14);
}

pub(super) fn laptop(c: &mut Canvas) {
    let (half, height) = (c.range(98, 114), c.range(120, 140));
    let (main, dark, metal, metal_dark, ink) = (c.pal.main, c.pal.dark, c.pal.metal, c.pal.metal_dark, c.pal.ink);
    let painted = c.once_in(2);
    let (lid, deck) = if painted { (main, dark) } else { (metal, metal_dark) };
    let top = GROUND - 14 - height;
    c.form(&rect(200 - half, top, 2 * half, height, 12), lid);
    c.fill(&rect(206 - half, top + 6, 2 * half - 12, height - 14, 6), ink);
    screen(c, 212 - half, top + 12, 2 * half - 24, height - 28);
    c.form(
        &format!("M{} {}H{}l12 10q0 8 -12 8H{}q-12 0 -12 -8Z", 178 - half, GROUND - 16, 222 + half, 178 - half),
        deck,
    );
    c.fill(&rect(172, GROUND - 16, 56, 6, 3), ink);
}

pub(super) fn monitor(c: &mut Canvas) {
    let (half, height, stand) = (c.range(104, 124), c.range(120, 142), c.range(34, 50));
    let (metal, metal_dark, ink, wood, main) = (c.pal.metal, c.pal.metal_dark, c.pal.ink, c.pal.wood, c.pal.main);
    let low = GROUND - stand;
    let frame = [ink, metal_dark, main][c.pick(3)];
    let foot = if c.once_in(3) { wood } else { metal };
    c.form(&format!("M184 {low}h32l6 {}h-44Z", stand - 8), foot);
    c.form(&rect(142, GROUND - 9, 116, 9, 4), foot);
    c.form(&rect(200 - half, low - height, 2 * half, height + 6, 9), frame);
    screen(c, 208 - half, low - height + 8, 2 * half - 16, height - 16);
}

pub(super) fn tower(c: &mut Canvas) {
    let (half, height, rack) = (c.range(52, 64), c.range(168, 196), c.once_in(2));
    let (main, dark, ink, accent, metal, paper) =
        (c.pal.main, c.pal.dark, c.pal.ink, c.pal.accent, c.pal.metal, c.pal.paper);
    if rack {
        let (w, rows) = (half + 34, c.range(3, 4));
        let h = 46;
        for i in 0..rows {
            let y = GROUND - (i + 1) * (h + 3);
            c.form(&rect(200 - w, y, 2 * w, h, 6), if i % 2 == 0 { ink } else { dark });
            for slot in 0..4 {
                c.fill(&rect(212 - w + slot * 30, y + 10, 24, h - 20, 3), main);
            }
            c.circle(184 + w, y + 15, 5, accent);
            c.circle(184 + w, y + 31, 5, metal);
        }
        return;
    }
    let top = GROUND - height;
    c.form(&rect(200 - half, top, 2 * half, height, 10), main);
    c.fill(&rect(214 - half, top + 16, 2 * half - 28, 22, 4), dark);
    c.line(&format!("M{} {}h{}", 222 - half, top + 27, 2 * half - 44), paper, 3);
    for i in 0..7 {
        c.line(&format!("M{} {}h{}", 220 - half, top + height / 2 + i * 11, 2 * half - 40), ink, 4);
    }
    c.circle(200, top + height / 2 - 22, 9, metal);
    c.circle(200, top + height / 2 - 22, 4, accent);
}

pub(super) fn mouse(c: &mut Canvas) {
    let (turn, w, h, cord) = (c.range(-24, 30), c.range(60, 74), c.range(98, 116), c.once_in(2));
    let (main, dark, light, accent, ink) = (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.ink);
    c.turned(turn, |c| {
        if cord {
            c.line(&format!("M200 {}q-4 -60 60 -70t60 -60", 210 - h), ink, 7);
        }
        let d = format!(
            "M{} {}Q{} {} 200 {}T{} {}V{}Q{} {} 200 {}T{} {}Z",
            200 - w,
            200,
            200 - w,
            210 - h,
            210 - h,
            200 + w,
            200,
            240,
            200 + w,
            210 + h,
            210 + h,
            200 - w,
            240
        );
        c.cast(&d);
        c.body(&d, main);
        c.fill(&format!("M{} {}Q{} {} 200 {}V200Z", 200 - w, 200, 200 - w, 210 - h, 210 - h), light);
        c.seam(&format!("M{} 200H{}M200 {}V200", 200 - w, 200 + w, 212 - h), 4);
        c.fill(&rect(190, 226 - h, 20, 46, 10), dark);
        c.fill(&rect(194, 236 - h, 12, 24, 6), accent);
    });
}

pub(super) fn drive(c: &mut Canvas) {
    let (turn, w, h, kind) = (c.range(-22, 22), c.range(150, 172), c.range(208, 232), c.pick(3));
    let (main, dark, accent, paper, ink, metal) =
        (c.pal.main, c.pal.dark, c.pal.accent, c.pal.paper, c.pal.ink, c.pal.metal);
    let metal_dark = c.pal.metal_dark;
    c.turned(turn, |c| {
        let (x, y) = (200 - w / 2, 200 - h / 2);
        if kind == 0 {
            let plug = rect(172, y - 34, 56, 70, 4);
            let stick = rect(154, y + 14, 92, h - 30, 22);
            c.cast(&plug);
            c.cast(&stick);
            c.form(&plug, metal);
            c.fill("M182 76h12v12h-12ZM206 76h12v12h-12Z", ink);
            c.body(&stick, main);
            c.fill(&rect(176, y + 60, 48, 40, 6), paper);
            c.circle(200, y + h - 44, 11, dark);
            return;
        }
        let d = rect(x, y, w, h, 12);
        c.cast(&d);
        c.form(&d, if kind == 1 { metal } else { main });
        for (cx, cy) in [(x + 14, y + 14), (x + w - 14, y + 14), (x + 14, y + h - 14), (x + w - 14, y + h - 14)] {
            c.circle(cx, cy, 4, metal_dark);
        }
        if kind == 1 {
            c.fill(&disc(200, y + w / 2 + 8, w / 2 - 20), metal_dark);
            c.circle(200, y + w / 2 + 8, 19, metal);
            c.fill(&rect(x + 20, y + h - 62, w - 40, 40, 4), main);
        } else {
            c.fill(&rect(x + 20, y + 30, w - 40, h / 2, 5), paper);
            c.fill(&rect(x + 20, y + 30, w - 40, 26, 5), accent);
            c.line(&format!("M{} {}h{}M{} {}h{}", x + 36, y + 80, w - 90, x + 36, y + 98, w - 110), dark, 5);
        }
    });
}

pub(super) fn chip(c: &mut Canvas) {
    let (turn, kind) = (c.range(-26, 26), c.pick(3));
    let (main, dark, accent, paper, ink, metal) =
        (c.pal.main, c.pal.dark, c.pal.accent, c.pal.paper, c.pal.ink, c.pal.metal);
    let side = c.range(150, 176);
    c.turned(turn, |c| match kind {
        0 => {
            let half = side / 2;
            let pins: String = (0..8).map(|i| 214 - half + i * (side - 28) / 7).map(|p| format!("M{p} {}V{}M{} {p}H{}", 184 - half, 216 + half, 184 - half, 216 + half)).collect();
            c.line(&pins, metal, 6);
            let d = rect(200 - half, 200 - half, side, side, 10);
            c.cast(&d);
            c.form(&d, main);
            c.form(&rect(230 - half, 230 - half, side - 60, side - 60, 8), metal);
            c.circle(216 - half, 216 - half, 5, accent);
            c.line(&format!("M{} 196h{}M{} 212h{}", 248 - half, side - 110, 248 - half, side - 130), dark, 5);
        }
        1 => {
            let d = rect(56, 148, 288, 104, 6);
            c.cast(&d);
            c.form(&d, main);
            for i in 0..4 {
                c.form(&rect(76 + i * 66, 164, 50, 56, 4), ink);
            }
            let teeth: String = (0..24).map(|i| format!("M{} 236v14", 66 + i * 12)).collect();
            c.line(&teeth, "#d9b44a", 6);
            c.fill("M190 252v-9h20v9Z", paper);
        }
        _ => {
            let d = format!("M60 120H340V{}H60Z", 120 + side - 10);
            c.cast(&d);
            c.form(&d, dark);
            let cy = 120 + side / 2 - 5;
            for cx in [134, 258] {
                c.circle(cx, cy, side / 2 - 20, ink);
                for t in 0..7 {
                    c.put(format_args!(r#"<path d="M{cx} {cy}q10 -{r} 26 -{r}q-4 {r} -26 {r}Z" fill="{main}" transform="rotate({} {cx} {cy})"/>"#, t * 51, r = side / 2 - 30));
                }
                c.circle(cx, cy, 13, accent);
            }
            c.fill(&format!("M44 104h12v{}h-12Z", side + 30), metal);
        }
    });
}

pub(super) fn router(c: &mut Canvas) {
    let (half, height, masts) = (c.range(98, 120), c.range(40, 54), c.range(0, 3));
    let (main, dark, accent, ink, leaf) = (c.pal.main, c.pal.dark, c.pal.accent, c.pal.ink, c.pal.leaf);
    let top = GROUND - height;
    for i in 0..masts {
        let x = 200 - half + 34 + i * (half - 34);
        c.line(&format!("M{x} {top}l{} -{}", (i - 1) * 12, 96), ink, 10);
    }
    c.form(&rect(200 - half, top, 2 * half, height, 12), main);
    c.fill(&format!("M{} {top}h{}l-14 -14h-{}Z", 212 - half, 2 * half - 24, 2 * half - 52), dark);
    for i in 0..5 {
        c.circle(222 - half + i * 18, top + height / 2, 5, if i % 3 == 0 { accent } else { leaf });
    }
    for i in 0..4 {
        c.fill(&rect(216 + i * (half - 30) / 4, top + height / 2 - 9, 15, 18, 2), ink);
    }
    if masts == 0 {
        for (r, width) in [(24, 7), (46, 7), (68, 7)] {
            c.put(format_args!(r#"<path d="M{} {}a{r} {r} 0 0 1 {} 0" fill="none" stroke="{accent}" stroke-width="{width}" stroke-linecap="round" opacity=".75"/>"#, 200 - r * 7 / 10, top - 40 - r * 7 / 10 + 20, r * 14 / 10));
        }
        c.circle(200, top - 30, 7, accent);
    }
}

pub(super) fn cable(c: &mut Canvas) {
    let (turn, r, turns) = (c.range(-30, 30), c.range(72, 88), c.range(2, 4));
    let (main, dark, accent, ink, metal) = (c.pal.main, c.pal.dark, c.pal.accent, c.pal.ink, c.pal.metal);
    c.turned(turn, |c| {
        for i in 0..turns {
            let r = r + i * 13;
            c.put(format_args!(
                r#"<circle cx="200" cy="190" r="{r}" fill="none" stroke="{}" stroke-width="11"/>"#,
                if i % 2 == 0 { main } else { dark }
            ));
        }
        c.put(format_args!(
            r##"<circle cx="200" cy="190" r="{r}" fill="none" stroke="#fff" stroke-width="3" opacity=".25"/>"##
        ));
        let outer = r + (turns - 1) * 13;
        for (x, sign) in [(140, -1), (262, 1)] {
            c.line(
                &format!(
                    "M{} {}q{} 50 {} 84",
                    200 + sign * outer * 7 / 10,
                    190 + outer * 7 / 10,
                    sign * 6,
                    x - 200 - sign * outer * 7 / 10
                ),
                main,
                11,
            );
            let y = 190 + outer * 7 / 10 + 80;
            c.form(&rect(x - 16, y, 32, 42, 7), ink);
            c.form(&rect(x - 11, y + 42, 22, 18, 2), metal);
        }
        c.form(&rect(186, 190 - outer - 10, 28, outer - r + 22, 8), accent);
    });
}

pub(super) fn plug(c: &mut Canvas) {
    let (half, height, kind) = (c.range(70, 84), c.range(92, 116), c.pick(2));
    let (main, dark, light, accent, ink, metal) =
        (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.ink, c.pal.metal);
    let top = GROUND - height;
    if kind == 0 {
        c.line(&format!("M{} {}q70 0 60 -70t40 -60", 200 + half - 10, GROUND - 24), ink, 9);
        for x in [172, 214] {
            c.form(&rect(x, top - 40, 14, 50, 5), metal);
        }
        c.body(&rect(200 - half, top, 2 * half, height, 22), main);
        c.fill(&rect(200 - half / 2, top + height / 2 - 12, half, 28, 8), dark);
        c.circle(200, top + height / 2 + 2, 7, accent);
    } else {
        let w = half + 26;
        c.form(&rect(200 - w, GROUND - 62, 2 * w, 62, 14), main);
        for i in 0..3 {
            let x = 200 - w + 40 + i * (w - 22);
            c.circle(x, GROUND - 31, 22, light);
            c.circle(x - 8, GROUND - 31, 4, ink);
            c.circle(x + 8, GROUND - 31, 4, ink);
        }
        c.fill(&rect(176 + w - 12, GROUND - 46, 16, 30, 4), accent);
        c.line(&format!("M{} {}q-40 -4 -30 -60t-10 -70", 202 - w, GROUND - 31), ink, 9);
    }
}
