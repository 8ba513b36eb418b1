//! Motifs of the living room: light, seats, textiles.

use super::canvas::{Canvas, disc, rect, vessel};
use super::stage::GROUND;

pub(super) fn lamp(c: &mut Canvas) {
    let (shade_top, shade_bottom, shade_height) = (c.range(34, 62), c.range(74, 98), c.range(70, 98));
    let (main, dark, accent, wood, metal) = (c.pal.main, c.pal.dark, c.pal.accent, c.pal.wood, c.pal.metal);
    let top = c.range(78, 100);
    let low = top + shade_height;
    c.put(format_args!(
        r##"<ellipse cx="200" cy="{}" rx="{}" ry="120" fill="#fff3c9" opacity=".4"/>"##,
        low + 10,
        shade_bottom + 50
    ));
    match c.pick(3) {
        0 => {
            c.fill(&format!("M195 {low}h10V{}h-10Z", GROUND - 8), metal);
            c.form(&rect(152, GROUND - 12, 96, 12, 5), metal);
        }
        1 => {
            let (a, b) = (c.range(26, 40), c.range(24, 34));
            c.form(&format!("M190 {low}h20C206 {} {} {} {} {}Q{} {GROUND} {} {GROUND}H{}Q{} {GROUND} {} {}C{} {} 194 {} 190 {low}Z",
                low + 40, 200 + a + 20, GROUND - 80, 200 + a, GROUND - 16, 200 + a - 4, 200 + b, 200 - b, 200 - a + 4, 200 - a, GROUND - 16,
                200 - a - 20, GROUND - 80, low + 40), accent);
        }
        _ => {
            for foot in [-58, 58, 8] {
                c.line(&format!("M200 {low}L{} {}", 200 + foot, GROUND - 3), wood, 8);
            }
        }
    }
    c.body(
        &format!(
            "M{} {top}H{}L{} {low}Q200 {} {} {low}Z",
            200 - shade_top,
            200 + shade_top,
            200 + shade_bottom,
            low + 16,
            200 - shade_bottom
        ),
        main,
    );
    c.ellipse(200, top, shade_top, 5, dark);
}

pub(super) fn pendant(c: &mut Canvas) {
    let (drop, half, height) = (c.range(90, 140), c.range(84, 118), c.range(80, 120));
    let (main, dark, ink, paper) = (c.pal.main, c.pal.dark, c.pal.ink, c.pal.paper);
    let low = drop + height;
    c.put(format_args!(
        r##"<path d="M{} {low}L{} 400H{}L{} {low}Z" fill="#fff3c9" opacity=".38"/>"##,
        200 - half,
        130 - half,
        270 + half,
        200 + half
    ));
    c.line(&format!("M200 0V{drop}"), ink, 4);
    c.put(format_args!(r##"<circle cx="200" cy="{low}" r="24" fill="#fff7dd"/>"##));
    let d = match c.pick(3) {
        0 => format!(
            "M{} {low}C{} {} 170 {drop} 200 {drop}S{} {} {} {low}Z",
            200 - half,
            200 - half,
            drop + 20,
            200 + half,
            drop + 20,
            200 + half
        ),
        1 => format!("M{} {low}L176 {}Q200 {} 224 {}L{} {low}Z", 200 - half, drop + 8, drop - 8, drop + 8, 200 + half),
        _ => format!(
            "M{} {low}V{}Q{} {} 190 {drop}h20Q{} {} {} {}V{low}Z",
            200 - half,
            low - 26,
            200 - half + 4,
            drop + 26,
            200 + half - 4,
            drop + 26,
            200 + half,
            low - 26
        ),
    };
    c.body(&d, main);
    c.fill(&rect(200 - half - 2, low - 6, 2 * half + 4, 11, 5), dark);
    c.fill(&rect(188, drop - 16, 24, 26, 6), ink);
    if c.once_in(3) {
        c.circle(200, drop + height / 2, 9, paper);
    }
}

pub(super) fn chair(c: &mut Canvas) {
    let (seat, width, back) = (c.range(206, 222), c.range(60, 72), c.range(86, 118));
    let (main, dark, wood, wood_dark) = (c.pal.main, c.pal.dark, c.pal.wood, c.pal.wood_dark);
    let splay = c.range(6, 22);
    for (x, foot, colour) in [
        (-width + 22, -width + 16, wood_dark),
        (width - 22, width - 16, wood_dark),
        (-width + 8, -width - splay + 8, wood),
        (width - 8, width + splay - 8, wood),
    ] {
        let ground = if colour.to_string() == wood.to_string() { GROUND } else { GROUND - 12 };
        c.line(&format!("M{} {seat}L{} {}", 200 + x, 200 + foot, ground - 3), colour, 10);
    }
    let top = seat - back;
    match c.pick(3) {
        0 => c.body(
            &format!(
                "M{} {seat}L{} {}Q{} {top} 200 {top}T{} {}L{} {seat}Z",
                200 - width + 4,
                200 - width - 2,
                top + 34,
                200 - width + 2,
                200 + width + 2,
                top + 34,
                200 + width - 4
            ),
            main,
        ),
        1 => {
            for x in [-width + 10, -width / 3, width / 3, width - 10] {
                c.line(&format!("M{} {seat}L{} {}", 200 + x, 200 + x + x / 12, top + 12), wood, 8);
            }
            c.form(&rect(200 - width - 6, top - 4, 2 * width + 12, 32, 14), main);
        }
        _ => {
            for x in [-width + 6, width - 6] {
                c.line(&format!("M{} {seat}V{}", 200 + x, top + 10), wood, 9);
            }
            c.body(&rect(200 - width, top, 2 * width, back * 3 / 5, 16), main);
        }
    }
    c.form(&rect(200 - width - 8, seat - 10, 2 * width + 16, 26, 12), dark);
}

pub(super) fn sofa(c: &mut Canvas) {
    let (half, back, arm) = (c.range(122, 142), c.range(118, 146), c.range(26, 38));
    let (main, dark, light, wood, accent) = (c.pal.main, c.pal.dark, c.pal.light, c.pal.wood, c.pal.accent);
    let (top, seats) = (GROUND - back, c.range(1, 3));
    let half = if seats == 1 { half - 34 } else { half };
    for x in [200 - half + 18, 200 + half - 18] {
        c.line(&format!("M{x} {}V{}", GROUND - 24, GROUND - 3), wood, 9);
    }
    c.body(&rect(200 - half + 8, top, 2 * half - 16, back - 20, 26), main);
    let (inner, round) = (2 * half - 2 * arm, c.range(10, 18));
    for i in 0..seats {
        let (x, w) = (200 - half + arm + inner * i / seats, inner / seats);
        c.form(&rect(x, GROUND - 74, w, 44, round), light);
        c.seam(&format!("M{} {}v{}", x + w, top + 14, back - 96), 2);
    }
    for x in [200 - half, 200 + half - arm] {
        c.form(&rect(x, GROUND - 96, arm, 80, arm / 2 - 2), dark);
    }
    c.fill(&rect(200 - half + arm - 4, GROUND - 34, inner + 8, 18, 4), dark);
    if c.once_in(2) {
        let x = if c.once_in(2) { 200 - half + arm + 6 } else { 200 + half - arm - 62 };
        c.put(format_args!(r#"<g transform="rotate(-8 {x} 230)">"#));
        c.form(&rect(x, GROUND - 122, 56, 54, 12), accent);
        c.put(format_args!("</g>"));
    }
}

pub(super) fn table(c: &mut Canvas) {
    let (half, height, legs) = (c.range(88, 124), c.range(120, 170), c.pick(3));
    let (main, dark, wood, wood_dark, metal, leaf) =
        (c.pal.main, c.pal.dark, c.pal.wood, c.pal.wood_dark, c.pal.metal_dark, c.pal.leaf);
    let top = GROUND - height;
    match legs {
        0 => {
            for (x, foot) in [(20, 8), (-half + 30, -half + 6), (half - 30, half - 6)] {
                c.line(&format!("M{} {top}L{} {}", 200 + x, 200 + foot, GROUND - 4), wood, 11);
            }
        }
        1 => {
            c.form(&format!("M188 {top}h24l8 {}h-40Z", height - 10), metal);
            c.form(&rect(200 - half / 2 - 6, GROUND - 12, half + 12, 12, 5), metal);
        }
        _ => {
            for x in [200 - half + 14, 200 + half - 24] {
                c.form(&format!("M{x} {top}h10v{height}h-10Z"), wood_dark);
            }
            c.form(&rect(200 - half + 8, GROUND - 52, 2 * half - 16, 9, 3), wood);
        }
    }
    c.form(&rect(200 - half, top - 4, 2 * half, 20, 9), main);
    c.ellipse(200, top - 2, half, 13, dark);
    c.ellipse(200, top - 5, half, 13, main);
    let x = 200 + c.range(-half / 2, half / 2);
    c.form(&format!("M{} {}h34l-5 34q-12 5 -24 0Z", x - 17, top - 42), dark);
    for (dx, dy) in [(-22, -34), (0, -52), (22, -36)] {
        c.fill(
            &format!("M{x} {}q{} {} {dx} {dy}q{} {} {} {}Z", top - 40, dx - 12, dy / 2, 14 - dx / 3, -dy / 3, -dx, -dy),
            leaf,
        );
    }
}

pub(super) fn cushion(c: &mut Canvas) {
    let (half, pinch, turn) = (c.range(88, 108), c.range(10, 22), c.range(-10, 10));
    let (main, dark, accent) = (c.pal.main, c.pal.dark, c.pal.accent);
    let cy = GROUND - half + 4;
    let (l, r, t, b) = (200 - half, 200 + half, cy - half, cy + half - 8);
    let d = format!(
        "M{l} {t}Q200 {} {r} {t}Q{} {cy} {r} {b}Q200 {} {l} {b}Q{} {cy} {l} {t}Z",
        t + pinch,
        r - pinch,
        b - pinch / 3,
        l + pinch
    );
    let (tassel, button) = (c.once_in(3), c.once_in(3));
    c.put(format_args!(r#"<g transform="rotate({turn} 200 {GROUND})">"#));
    if tassel {
        for (x, y) in [(l, t), (r, t), (l, b), (r, b)] {
            let sign = if x < 200 { -1 } else { 1 };
            c.line(&format!("M{x} {y}l{} {}", 10 * sign, if y < cy { -12 } else { 6 }), accent, 9);
        }
    }
    c.body(&d, main);
    c.put(format_args!(r#"<path d="{d}" fill="none" stroke="{dark}" stroke-width="4"/>"#));
    if button {
        c.circle(200, cy, 9, dark);
    }
    c.seam(&format!("M{} {}q14 10 18 30M{} {}q-14 10 -18 30", l + 14, t + 20, r - 14, t + 20), 3);
    c.put(format_args!("</g>"));
}

pub(super) fn rug(c: &mut Canvas) {
    let (w, h, turn, kind) = (c.range(180, 215), c.range(245, 280), c.range(-24, 24), c.pick(5));
    let (main, dark, light, accent, paper) = (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.paper);
    let (x, y, inset) = (200 - w / 2, 200 - h / 2, c.range(14, 26));
    c.turned(turn, |c| {
        if kind == 4 {
            for (r, fill) in [(128, main), (104, light), (80, dark), (52, accent), (24, paper)] {
                if r == 128 {
                    c.cast(&disc(200, 200, r));
                }
                c.circle(200, 200, r, fill);
            }
            return;
        }
        let all = rect(x, y, w, h, 3);
        c.cast(&all);
        c.put(format_args!(
            r#"<path d="M{} {}h{}M{} {}h{}" stroke="{paper}" stroke-width="14" stroke-dasharray="3 5"/>"#,
            x + 2,
            y - 6,
            w - 4,
            x + 2,
            y + h + 6,
            w - 4
        ));
        c.fill(&all, main);
        c.put(format_args!(
            r#"<rect x="{}" y="{}" width="{}" height="{}" fill="none" stroke="{light}" stroke-width="5"/>"#,
            x + inset,
            y + inset,
            w - 2 * inset,
            h - 2 * inset
        ));
        match kind {
            0 => (0..4).for_each(|i| {
                let (s, fill) = (70 - i * 17, [light, dark, accent, paper][i as usize]);
                c.fill(
                    &format!("M200 {}l{s} {}l-{s} {}l-{s} -{}Z", 200 - s * 3 / 2, s * 3 / 2, s * 3 / 2, s * 3 / 2),
                    fill,
                );
            }),
            1 => (1..6).for_each(|i| {
                c.fill(
                    &format!("M{x} {}h{w}v{}h-{w}Z", y + h * i / 6 - 8, 10 + i % 3 * 6),
                    [accent, paper, dark][i as usize % 3],
                )
            }),
            2 => {
                c.fill(&format!("M{x} {}q{} -60 {w} 0V{}H{x}Z", y + h / 2, w / 2, y + h), dark);
                c.circle(200, y + h / 3, 38, accent);
            }
            _ => (0..3).for_each(|i| {
                let cy = y + h * (2 * i + 1) / 6;
                c.fill(&format!("M200 {}l44 34l-44 34l-44 -34Z", cy - 34), if i == 1 { accent } else { light });
                c.fill(&format!("M200 {}l20 16l-20 16l-20 -16Z", cy - 16), dark);
            }),
        }
        c.fill(&all, "url(#s)");
    });
}

pub(super) fn vase(c: &mut Canvas) {
    let (belly, neck, height) = (c.range(46, 66), c.range(16, 26), c.range(110, 140));
    let (main, light, leaf, leaf_dark, accent) = (c.pal.main, c.pal.light, c.pal.leaf, c.pal.leaf_dark, c.pal.accent);
    let top = GROUND - height;
    let stems = c.range(2, 4);
    for i in 0..stems {
        let (lean, rise) = ((i * 2 - stems + 1) * c.range(18, 26), c.range(56, 92));
        let (x, y) = (200 + lean, top - rise);
        c.line(&format!("M200 {top}Q{} {} {x} {y}", 200 + lean / 4, top - rise / 2), leaf_dark, 4);
        if c.once_in(2) {
            c.circle(x, y, 17, accent);
            c.circle(x, y, 7, light);
        } else {
            for (dx, dy) in [(-1, 10), (1, 26), (-1, 42)] {
                c.fill(
                    &format!(
                        "M{} {}q{} -24 {} -26q{} 22 {} 26Z",
                        x - lean * dy / 150,
                        y + dy,
                        dx * 8,
                        dx * 26,
                        -dx * 4,
                        -dx * 26
                    ),
                    leaf,
                );
            }
            c.fill(&format!("M{x} {}q-12 -20 0 -36q12 16 0 36Z", y + 8), leaf);
        }
    }
    let shoulder = GROUND - height * c.range(45, 70) / 100;
    c.body(&format!("M{} {top}C{} {} {} {} {} {shoulder}C{} {} {} {GROUND} {} {GROUND}H{}C{} {GROUND} {} {} {} {shoulder}C{} {} {} {} {} {top}Z",
        200 - neck - 4, 200 - neck + 4, top + 24, 200 - belly, shoulder - 30, 200 - belly, 200 - belly, shoulder + 40, 200 - belly / 2 - 10,
        200 - belly / 2, 200 + belly / 2, 200 + belly / 2 + 10, 200 + belly, shoulder + 40, 200 + belly,
        200 + belly, shoulder - 30, 200 + neck - 4, top + 24, 200 + neck + 4), main);
    c.ellipse(200, top, neck + 4, 5, light);
}

pub(super) fn candle(c: &mut Canvas) {
    let (half, height) = (c.range(54, 72), c.range(88, 136));
    let (main, paper, ink, accent, dark) = (c.pal.main, c.pal.paper, c.pal.ink, c.pal.accent, c.pal.dark);
    let top = GROUND - height;
    c.put(format_args!(r##"<circle cx="200" cy="{}" r="78" fill="#fff0bd" opacity=".5"/>"##, top - 26));
    c.body(&vessel(half, half - 4, top, GROUND, 14), main);
    c.ellipse(200, top, half, 11, dark);
    c.ellipse(200, top + 2, half - 6, 8, paper);
    c.line(&format!("M200 {top}v-16"), ink, 4);
    c.put(format_args!(r##"<path d="M200 {}q-17 -18 0 -46q17 28 0 46Z" fill="#f8b53c"/><path d="M200 {}q-8 -9 0 -24q8 15 0 24Z" fill="#fff3c9"/>"##, top - 10, top - 12));
    let (w, h) = (c.range(56, 78), c.range(34, 50));
    c.fill(&rect(200 - w / 2, GROUND - height / 2 - h / 2 + 4, w, h, 3), paper);
    c.line(
        &format!(
            "M{} {}h{}M{} {}h{}",
            200 - w / 2 + 12,
            GROUND - height / 2,
            w - 24,
            208 - w / 2 + 12,
            GROUND - height / 2 + 12,
            w - 40
        ),
        accent,
        3,
    );
}

pub(super) fn clock(c: &mut Canvas) {
    let (r, rim) = (c.range(98, 120), c.range(8, 16));
    let (main, dark, paper, ink, accent, wood) =
        (c.pal.main, c.pal.dark, c.pal.paper, c.pal.ink, c.pal.accent, c.pal.wood);
    let light_face = c.once_in(2) || c.pal.pale;
    let (face, marks) = if light_face { (paper, ink) } else { (main, paper) };
    let frame = if light_face {
        main
    } else if c.once_in(2) {
        wood
    } else {
        dark
    };
    c.cast(&disc(200, 200, r + rim));
    c.form(&disc(200, 200, r + rim), frame);
    c.circle(200, 200, r, face);
    let every = [1, 3][c.pick(2)];
    for hour in (0..12).step_by(every) {
        c.put(format_args!(
            r#"<path d="M200 {}v{}" stroke="{marks}" stroke-width="{}" stroke-linecap="round" transform="rotate({} 200 200)"/>"#,
            200 - r + 12, if hour % 3 == 0 { 16 } else { 8 }, if hour % 3 == 0 { 6 } else { 4 }, hour * 30
        ));
    }
    let (hour, minute) = (c.range(290, 320), c.range(30, 80));
    for (turn, length, width, colour) in
        [(hour, r / 2, 8, marks), (minute, r * 3 / 4, 6, marks), (minute + 140, r * 3 / 4, 2, accent)]
    {
        c.put(format_args!(
            r#"<path d="M200 212V{}" stroke="{colour}" stroke-width="{width}" stroke-linecap="round" transform="rotate({turn} 200 200)"/>"#,
            200 - length
        ));
    }
    c.circle(200, 200, 8, accent);
}
