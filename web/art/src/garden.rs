//! Motifs of balcony and garden.

use super::canvas::{Canvas, rect, vessel};
use super::stage::GROUND;

pub(super) fn pot(c: &mut Canvas) {
    let (half, height) = (c.range(54, 74), c.range(84, 112));
    let (main, dark, leaf, leaf_dark) = (c.pal.main, c.pal.dark, c.pal.leaf, c.pal.leaf_dark);
    let top = GROUND - height;
    match c.pick(4) {
        0 => {
            for (i, turn) in [-58, -34, -12, 12, 34, 58].into_iter().enumerate() {
                let rise = c.range(92, 128);
                let fill = if i % 2 == 0 { leaf } else { leaf_dark };
                c.put(format_args!(r#"<path d="M200 {}q-26 -{} 0 -{rise}q26 {} 0 {rise}Z" fill="{fill}" transform="rotate({turn} 200 {})"/>"#, top + 8, rise / 2, rise / 2, top + 8));
            }
        }
        1 => {
            let (w, h) = (c.range(26, 36), c.range(86, 124));
            c.form(&rect(200 - w, top - h, 2 * w, h + 20, w - 2), leaf);
            c.form(&rect(200 + w - 6, top - h + 36, 44, 24, 11), leaf);
            c.form(&rect(200 + w + 16, top - h + 4, 22, 50, 10), leaf);
            for i in 0..3 {
                c.seam(&format!("M{} {}v{}", 200 - w / 2 + i * w / 2, top - h + 16, h - 10), 3);
            }
        }
        2 => {
            for (i, (x, y, r)) in
                [(-44, -34, 34), (40, -40, 36), (0, -72, 44), (-18, -26, 34), (24, -20, 32)].into_iter().enumerate()
            {
                let r = r + c.range(-5, 8);
                c.circle(200 + x, top + y, r, if i % 2 == 0 { leaf_dark } else { leaf });
            }
        }
        _ => {
            for (lean, rise) in [(-70, 96), (-28, 128), (26, 122), (72, 88)] {
                let rise = rise + c.range(-10, 14);
                c.line(
                    &format!(
                        "M200 {}Q{} {} {} {}",
                        top + 6,
                        200 + lean / 5,
                        top - rise * 2 / 3,
                        200 + lean,
                        top - rise
                    ),
                    leaf_dark,
                    4,
                );
                c.put(format_args!(
                    r#"<ellipse cx="{}" cy="{}" rx="30" ry="23" fill="{leaf}" transform="rotate({} {} {})"/>"#,
                    200 + lean,
                    top - rise,
                    lean / 2,
                    200 + lean,
                    top - rise
                ));
                c.seam(&format!("M{} {}l{} -22", 200 + lean, top - rise + 16, lean / 5), 2);
            }
        }
    }
    if c.once_in(2) {
        c.body(&vessel(half, half * 3 / 4, top, GROUND, 8), main);
        c.form(&rect(200 - half - 7, top - 4, 2 * half + 14, 24, 5), dark);
    } else {
        c.body(&vessel(half, half - 6, top, GROUND, 34), main);
        c.ellipse(200, top, half, 8, dark);
    }
}

pub(super) fn can(c: &mut Canvas) {
    let (half, height) = (c.range(56, 70), c.range(92, 122));
    let (main, dark, metal, light) = (c.pal.main, c.pal.dark, c.pal.metal, c.pal.light);
    let top = GROUND - height;
    let reach = c.range(86, 104);
    c.form(
        &format!(
            "M{} {}L{} {}l-22 -10L{} {}Z",
            200 - half + 6,
            GROUND - 14,
            200 - half - reach + 24,
            top - 14,
            200 - half + 6,
            GROUND - 46
        ),
        dark,
    );
    c.form(&format!("M{} {}l34 -26l12 24l-30 18Z", 200 - half - reach - 6, top - 4), metal);
    c.line(
        &format!(
            "M{} {}C{} {} {} {} {} {}",
            206 + half / 2,
            top + 2,
            200 + half + 60,
            top - 40,
            200 + half + 70,
            GROUND - 40,
            200 + half - 4,
            GROUND - 28
        ),
        dark,
        11,
    );
    c.line(
        &format!(
            "M{} {top}C{} {} {} {} {} {top}",
            200 - half + 12,
            200 - half + 20,
            top - 62,
            200 + half - 20,
            top - 62,
            200 + half - 12
        ),
        dark,
        10,
    );
    c.body(&vessel(half - 8, half, top, GROUND, 12), main);
    c.ellipse(200, top, half - 8, 10, dark);
    c.form(&format!("M{} {top}a{} 20 0 0 1 {} -8Z", 200 - half + 8, half, half), light);
    c.fill(&rect(200 - half, GROUND - 30, 2 * half, 8, 3), metal);
}

pub(super) fn trowel(c: &mut Canvas) {
    let (turn, w, h) = (c.range(28, 60), c.range(42, 56), c.range(120, 150));
    let (main, wood, metal, metal_dark, paper, accent) =
        (c.pal.main, c.pal.wood, c.pal.metal, c.pal.metal_dark, c.pal.paper, c.pal.accent);
    let fork = c.once_in(3);
    c.turned(turn, |c| {
        let haft = rect(183, 222, 34, 130, 16);
        c.cast(&haft);
        if fork {
            for x in [-34, 0, 34] {
                c.line(&format!("M200 196L{} 160V{}", 200 + x, 190 - h), metal_dark, 11);
            }
        } else {
            let blade = format!(
                "M{} 172C{} {} 190 {} 200 {}C210 {} {} {} {} 172Q200 196 {} 172Z",
                200 - w,
                200 - w,
                172 - h / 2,
                180 - h,
                172 - h,
                180 - h,
                200 + w,
                172 - h / 2,
                200 + w,
                200 - w
            );
            c.cast(&blade);
            c.form(&blade, metal);
            c.seam(&format!("M200 178V{}", 200 - h), 4);
        }
        c.line("M200 178V236", metal_dark, 12);
        c.form(&haft, main);
        c.fill(&rect(181, 222, 38, 18, 5), metal);
        c.fill(&rect(183, 306, 34, 12, 3), paper);
        c.circle(200, 340, 6, wood);
        c.line("M200 344q-20 34 10 40", accent, 3);
    });
}

pub(super) fn birdhouse(c: &mut Canvas) {
    let (half, height, roof) = (c.range(58, 76), c.range(110, 136), c.range(58, 78));
    let (main, dark, wood, ink, accent, light) =
        (c.pal.main, c.pal.dark, c.pal.wood, c.pal.ink, c.pal.accent, c.pal.light);
    let (top, low) = (170, 170 + height);
    c.line(&format!("M200 0V{}", top - roof), ink, 3);
    c.form(&format!("M{} {top}L200 {}L{} {top}V{low}H{}Z", 200 - half, top - roof + 10, 200 + half, 200 - half), main);
    for i in 1..4 {
        let x = 200 - half + half * i / 2;
        c.seam(&format!("M{x} {top}V{low}"), 2);
    }
    c.line(&format!("M{} {}L200 {}L{} {}", 200 - half - 16, top + 10, top - roof, 200 + half + 16, top + 10), dark, 15);
    c.circle(200, top + 34, 25, light);
    c.circle(200, top + 34, 19, ink);
    c.line(&format!("M200 {}h18", top + 76), wood, 9);
    c.form(&rect(200 - half - 8, low - 8, 2 * half + 16, 14, 4), wood);
    if c.once_in(2) {
        let x = 210;
        c.put(format_args!(r#"<path d="M{x} {}q4 -28 32 -28q22 0 22 22q-4 26 -34 26Z" fill="{accent}"/><circle cx="{}" cy="{}" r="3" fill="{ink}"/>"#, top + 68, x + 40, top + 54));
    }
}

pub(super) fn lantern(c: &mut Canvas) {
    let (half, height) = (c.range(46, 58), c.range(118, 146));
    let (main, dark, paper) = (c.pal.main, c.pal.dark, c.pal.paper);
    let top = GROUND - height;
    c.put(format_args!(r##"<circle cx="200" cy="{}" r="118" fill="#fff0bd" opacity=".38"/>"##, GROUND - height / 2));
    c.put(format_args!(
        r#"<path d="M166 {}a34 34 0 0 1 68 0" fill="none" stroke="{dark}" stroke-width="8"/>"#,
        top - 34
    ));
    c.put(format_args!(
        r##"<path d="M{} {top}h{}v{height}h-{}Z" fill="#fff6d8" opacity=".75"/>"##,
        200 - half,
        2 * half,
        2 * half
    ));
    c.form(&rect(182, GROUND - 62, 36, 54, 6), paper);
    c.put(format_args!(r##"<path d="M200 {}q-14 -15 0 -38q14 23 0 38Z" fill="#f8b53c"/>"##, GROUND - 66));
    for x in [200 - half, 194, 200 + half - 9] {
        if x != 194 || height > 130 {
            c.form(&format!("M{x} {top}h9v{height}h-9Z"), main);
        }
    }
    c.form(&format!("M{} {top}L176 {}h48L{} {top}Z", 200 - half - 12, top - 36, 200 + half + 12), main);
    c.form(&rect(200 - half - 10, GROUND - 12, 2 * half + 20, 14, 4), dark);
    c.form(&rect(200 - half - 14, top - 4, 2 * half + 28, 10, 4), dark);
}
