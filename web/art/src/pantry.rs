//! Motifs of the larder: what is eaten and drunk, in its packaging.

use super::canvas::{Canvas, rect, vessel};
use super::stage::GROUND;

pub(super) fn pouch(c: &mut Canvas) {
    let (half, height) = (c.range(64, 80), c.range(176, 206));
    let (main, dark, accent, paper, ink, leaf) =
        (c.pal.main, c.pal.dark, c.pal.accent, c.pal.paper, c.pal.ink, c.pal.leaf);
    let top = GROUND - height;
    c.body(
        &format!(
            "M{} {top}H{}L{} {}Q{} {GROUND} {} {GROUND}H{}Q{} {GROUND} {} {}Z",
            204 - half,
            196 + half,
            206 + half,
            GROUND - 30,
            206 + half,
            190 + half,
            210 - half,
            194 - half,
            194 - half,
            GROUND - 30
        ),
        main,
    );
    c.fill(&format!("M{} {top}H{}l1 26H{}Z", 204 - half, 196 + half, 203 - half), dark);
    c.seam(&format!("M{} {}H{}", 206 - half, top + 36, 194 + half), 3);
    let y = top + 58;
    match c.pick(3) {
        0 => c.fill(&rect(214 - half, y, 2 * half - 28, height - 88, 4), paper),
        1 => c.circle(200, y + 44, half - 12, paper),
        _ => c.fill(
            &format!(
                "M{} {y}a{} {} 0 0 1 {} 0v{}h-{}Z",
                216 - half,
                half - 16,
                half - 16,
                2 * half - 32,
                height - 106,
                2 * half - 32
            ),
            paper,
        ),
    }
    if c.once_in(2) {
        for (x, t) in [(182, -24), (214, 20)] {
            c.put(format_args!(r#"<g transform="rotate({t} {x} {})">"#, y + 40));
            c.ellipse(x, y + 40, 15, 21, ink);
            c.line(&format!("M{x} {}q-7 17 0 34", y + 23), accent, 3);
            c.put(format_args!("</g>"));
        }
    } else {
        for t in [-40, 0, 40] {
            c.put(format_args!(
                r#"<path d="M200 {}q-17 -24 0 -48q17 24 0 48Z" fill="{leaf}" transform="rotate({t} 200 {})"/>"#,
                y + 62,
                y + 62
            ));
        }
    }
    c.line(&format!("M{} {}h{}M{} {}h{}", 170, y + 84, 60, 182, y + 97, 36), accent, 5);
}

pub(super) fn tin(c: &mut Canvas) {
    let (half, height) = (c.range(54, 72), c.range(112, 156));
    let (main, dark, light, accent, paper, leaf, metal) =
        (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.paper, c.pal.leaf, c.pal.metal);
    let top = GROUND - height;
    let lid = if c.once_in(2) { metal } else { dark };
    c.body(&vessel(half, half, top, GROUND, 10), main);
    c.form(
        &format!(
            "M{} {}q{} 14 {} 0V{}q-{} -10 -{} 0Z",
            196 - half,
            top + 14,
            half + 4,
            2 * half + 8,
            top - 12,
            half + 4,
            2 * half + 8
        ),
        lid,
    );
    c.ellipse(200, top - 12, half + 4, 9, light);
    let cy = top + height / 2 + 12;
    match c.pick(3) {
        0 => {
            c.ellipse(200, cy, half * 3 / 4, 32, paper);
            c.fill(&format!("M200 {}q-26 -10 -14 -34q26 8 14 34Z", cy + 18), leaf);
            c.fill(&format!("M200 {}q26 -4 20 -30q-24 6 -20 30Z", cy + 18), accent);
        }
        1 => {
            c.fill(&format!("M{} {}h{}v46h-{}Z", 200 - half, cy - 23, 2 * half, 2 * half), paper);
            c.line(&format!("M172 {}h56M184 {}h32", cy - 4, cy + 9), accent, 5);
        }
        _ => {
            c.fill(&format!("M200 {}l{} 36l-{} 36l-{} -36Z", cy - 36, half / 2, half / 2, half / 2), accent);
            c.circle(200, cy, 13, paper);
        }
    }
    c.fill(&format!("M{} {}h{}v6h-{}Z", 200 - half, GROUND - 18, 2 * half, 2 * half), accent);
}

pub(super) fn jar(c: &mut Canvas) {
    let (half, height) = (c.range(58, 74), c.range(108, 140));
    let (main, dark, accent, paper, wood, leaf) =
        (c.pal.main, c.pal.dark, c.pal.accent, c.pal.paper, c.pal.wood, c.pal.leaf);
    let top = GROUND - height;
    let glass = format!(
        "M{} {top}H{}Q{} {} {} {}V{}q0 18 -18 18H{}q-18 0 -18 -18V{}Q{} {} {} {top}Z",
        212 - half,
        188 + half,
        200 + half,
        top + 10,
        200 + half,
        top + 30,
        GROUND - 18,
        218 - half,
        top + 30,
        200 - half,
        top + 10,
        212 - half
    );
    c.put(format_args!(r##"<path d="{glass}" fill="#fff" opacity=".55"/>"##));
    let level = top + c.range(14, 26);
    c.form(
        &format!("M{} {level}H{}V{}q0 13 -13 13H{}q-13 0 -13 -13Z", 206 - half, 194 + half, GROUND - 19, 219 - half),
        main,
    );
    if c.once_in(2) {
        c.form(&rect(204 - half, top - 26, 2 * half - 8, 30, 6), dark);
    } else {
        let skirt = format!(
            "M{} {}q10 -40 {} -40t{} 40q-14 8 -24 0t-24 0t-24 0t-24 0Z",
            200 - half - 4,
            top + 6,
            half + 4,
            half + 4
        );
        c.form(&skirt, accent);
        c.fill(&rect(206 - half, top - 8, 2 * half - 12, 6, 3), wood);
    }
    let y = GROUND - height / 2 - 8;
    c.fill(&rect(222 - half, y - 8, 2 * half - 44, 56, 6), paper);
    match c.pick(3) {
        0 => c.fill(&format!("M200 {}l15 9v17l-15 9l-15 -9v-17Z", y - 2), accent),
        1 => c.circle(200, y + 15, 15, accent),
        _ => c.fill(&format!("M200 {}q-26 -14 0 -36q26 22 0 36Z", y + 34), leaf),
    }
    c.line(&format!("M184 {}h32", y + 40), dark, 3);
    c.veil(&format!("M{} {}h8v{}h-8Z", 212 - half, top + 34, height - 62), true, 40);
}

pub(super) fn chocolate(c: &mut Canvas) {
    let (turn, w, h, kind) = (c.range(-24, 24), c.range(136, 156), c.range(250, 276), c.pick(4));
    let (main, dark, light, accent, paper) = (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.paper);
    let (x, y) = (200 - w / 2, 200 - h / 2);
    let tear = c.range(84, 120);
    c.turned(turn, |c| {
        let bar = rect(x + 6, y, w - 12, h, 5);
        c.cast(&bar);
        c.fill(&bar, "#5a3826");
        for row in 0..4 {
            for column in 0..3 {
                let s = (w - 12) / 3;
                c.fill(&rect(x + 9 + column * s, y + 4 + row * 34, s - 6, 29, 4), "#6d4732");
            }
        }
        c.fill(
            &format!(
                "M{} {}l14 -10l18 12l20 -14l22 12l20 -10l22 14L{} {}v30H{}Z",
                x + 2,
                y + tear,
                x + w - 2,
                y + tear - 8,
                x + 2
            ),
            "#d9d4cb",
        );
        let top = y + tear + 14;
        let wrap = rect(x, top, w, h - tear - 4, 4);
        c.body(&wrap, main);
        let cy = top + (h - tear) / 2;
        match kind {
            0 => {
                c.fill(&rect(x + 20, cy - 34, w - 40, 60, 3), paper);
                c.line(&format!("M{} {}h{}M{} {}h{}", x + 38, cy - 12, w - 76, x + 50, cy + 4, w - 100), accent, 5);
            }
            1 => {
                c.circle(200, cy, 40, accent);
                c.circle(200, cy, 24, paper);
            }
            2 => (0..4).for_each(|i| {
                c.fill(
                    &format!("M{x} {}l{w} -30v14l-{w} 30Z", cy + i * 24 - 20),
                    if i % 2 == 0 { accent } else { light },
                )
            }),
            _ => c.fill(&format!("M{x} {cy}l{} -44l{} 44l-{} 44Z", w / 2, w / 2, w / 2), accent),
        }
        c.fill(&format!("M{x} {}h{w}v12h-{w}Z", top + h - tear - 24), dark);
    });
}

pub(super) fn oil(c: &mut Canvas) {
    let (half, height, neck) = (c.range(40, 52), c.range(124, 150), c.range(52, 74));
    let (main, dark, accent, paper, wood, leaf, light) =
        (c.pal.main, c.pal.dark, c.pal.accent, c.pal.paper, c.pal.wood, c.pal.leaf, c.pal.light);
    let (shoulder, top) = (GROUND - height, GROUND - height - neck);
    c.form(&rect(187, top - 22, 26, 30, 5), wood);
    let square = c.once_in(2);
    let curve = if square { 12 } else { 46 };
    c.form(
        &format!(
            "M188 {top}h24V{}Q214 {} {} {}V{}q0 14 -14 14H{}q-14 0 -14 -14V{}Q186 {} 188 {}Z",
            shoulder - 10,
            shoulder + 6,
            200 + half,
            shoulder + curve,
            GROUND - 14,
            214 - half,
            shoulder + curve,
            shoulder + 6,
            shoulder - 10
        ),
        main,
    );
    c.fill(&rect(185, top - 2, 30, 9, 4), dark);
    let (y, h) = (shoulder + curve + 10, height - curve - 34);
    c.fill(&rect(200 - half, y, 2 * half, h, 2), paper);
    c.fill(&format!("M{} {y}h{}v6h-{}Z", 200 - half, 2 * half, 2 * half), accent);
    for (x, t) in [(188, -30), (212, 30), (200, 0)] {
        c.put(format_args!(
            r#"<path d="M{x} {b}q-10 -16 0 -32q10 16 0 32Z" fill="{leaf}" transform="rotate({t} {x} {b})"/>"#,
            b = y + h / 2 + 16
        ));
    }
    c.line(&format!("M184 {}h32", y + h - 10), accent, 4);
    c.veil(&format!("M{} {}h7v{}h-7Z", 208 - half, shoulder + curve, height - curve - 16), true, 34);
    if c.once_in(3) {
        c.circle(200 + half + 26, GROUND - 18, 18, leaf);
        c.circle(200 + half + 20, GROUND - 22, 5, light);
    }
}
