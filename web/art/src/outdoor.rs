//! Motifs of cycling, camping and sport.

use super::canvas::{Canvas, disc, rect};
use super::stage::GROUND;

pub(super) fn pannier(c: &mut Canvas) {
    let (half, height) = (c.range(78, 96), c.range(150, 180));
    let (main, dark, light, accent, ink, metal) =
        (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.ink, c.pal.metal);
    let top = GROUND - height;
    c.line(&format!("M150 {}q0 -30 50 -30t50 30", top + 4), ink, 9);
    for x in [160, 240] {
        c.fill(&rect(x - 9, top - 16, 18, 30, 5), metal);
    }
    c.body(
        &format!(
            "M{} {top}H{}L{} {}q0 20 -22 20H{}q-22 0 -22 -20Z",
            212 - half,
            188 + half,
            200 + half,
            GROUND - 20,
            222 - half
        ),
        main,
    );
    if c.once_in(2) {
        c.form(&rect(204 - half, top - 8, 2 * half - 8, 44, 20), light);
        for x in [200 - half / 2, 200 + half / 2] {
            c.fill(&format!("M{} {}h12v70h-12Z", x - 6, top + 8), ink);
            c.fill(&rect(x - 11, top + 54, 22, 18, 4), metal);
        }
    } else {
        c.form(
            &format!(
                "M{} {top}H{}L{} {}Q200 {} {} {}Z",
                210 - half,
                190 + half,
                192 + half,
                top + 58,
                top + 88,
                208 - half,
                top + 58
            ),
            dark,
        );
        c.fill(&rect(190, top + 54, 20, 36, 5), ink);
    }
    c.form(&rect(228 - half, GROUND - 66, 2 * half - 56, 50, 10), dark);
    c.fill(&rect(200 - half / 2, GROUND - 48, half, 13, 6), accent);
    c.veil(&rect(200 - half / 2, GROUND - 48, half, 5, 2), true, 55);
}

pub(super) fn bottle(c: &mut Canvas) {
    let (half, height) = (c.range(36, 48), c.range(170, 206));
    let (main, dark, accent, metal, ink, wood, paper) =
        (c.pal.main, c.pal.dark, c.pal.accent, c.pal.metal, c.pal.ink, c.pal.wood, c.pal.paper);
    let top = GROUND - height;
    let neck = half - c.range(6, 18);
    if c.once_in(2) {
        c.line(&format!("M{} {}q0 -46 {} -46t{} 46", 202 - neck, top - 8, neck - 2, neck - 2), accent, 8);
    }
    c.form(&rect(200 - neck, top - 30, 2 * neck, 40, 8), if height % 2 == 0 { wood } else { ink });
    c.body(
        &format!(
            "M{} {top}H{}Q{} {} {} {}V{}q0 16 -16 16H{}q-16 0 -16 -16V{}Q{} {} {} {top}Z",
            200 - neck,
            200 + neck,
            200 + half,
            top + 14,
            200 + half,
            top + 46,
            GROUND - 16,
            216 - half,
            top + 46,
            200 - half,
            top + 14,
            200 - neck
        ),
        main,
    );
    c.fill(&rect(199 - neck, top - 3, 2 * neck + 2, 8, 3), metal);
    match c.pick(3) {
        0 => c.fill(&format!("M{} {}h{}v26h-{}Z", 200 - half, GROUND - 60, 2 * half, 2 * half), dark),
        1 => {
            c.circle(200, top + height / 2 + 10, half / 2, paper);
            c.fill(
                &format!(
                    "M{} {}l{} -{}l{} {}Z",
                    200 - half / 3,
                    top + height / 2 + 18,
                    half / 3,
                    half / 2,
                    half / 3,
                    half / 2
                ),
                accent,
            );
        }
        _ => c.fill(
            &format!(
                "M{} {}h{}v9h-{}ZM{} {}h{}v5h-{}Z",
                200 - half,
                top + 64,
                2 * half,
                2 * half,
                200 - half,
                top + 80,
                2 * half,
                2 * half
            ),
            accent,
        ),
    }
}

pub(super) fn tent(c: &mut Canvas) {
    let (half, height) = (c.range(132, 152), c.range(136, 168));
    let (main, dark, light, accent, ink, wood) =
        (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.ink, c.pal.wood);
    let top = GROUND - height;
    if c.once_in(2) {
        c.line(&format!("M{} {GROUND}L200 {top}L{} {GROUND}", 190 - half, 210 + half), wood, 3);
        c.line(&format!("M196 {top}l16 -20M204 {top}l-16 -20"), wood, 7);
        c.body(&format!("M200 {top}L{} {GROUND}H{}Z", 200 + half - 10, 210 - half), main);
        c.fill(&format!("M200 {top}L{} {GROUND}H{}Z", 200 + half - 10, 200 + half / 3), dark);
        c.fill(&format!("M200 {}L{} {GROUND}H{}Z", top + 34, 200 + half / 3, 200 - half / 3), ink);
        c.fill(
            &format!(
                "M200 {}Q{} {} {} {GROUND}H{}Z",
                top + 34,
                196 - half / 6,
                GROUND - 50,
                200 - half / 3 - 16,
                200 - half / 3 + 8
            ),
            light,
        );
        c.fill(
            &format!(
                "M200 {}Q{} {} {} {GROUND}H{}Z",
                top + 34,
                204 + half / 6,
                GROUND - 50,
                200 + half / 3 + 16,
                200 + half / 3 - 8
            ),
            accent,
        );
    } else {
        let d = format!(
            "M{} {GROUND}C{} {} {} {top} 200 {top}S{} {} {} {GROUND}Z",
            200 - half,
            190 - half,
            GROUND - 70,
            130,
            210 + half,
            GROUND - 70,
            200 + half
        );
        c.body(&d, main);
        c.fill(
            &format!(
                "M200 {top}C270 {top} {} {} {} {GROUND}H{}C{} {} 250 {} 200 {top}Z",
                210 + half,
                GROUND - 70,
                200 + half,
                200 + half / 2,
                200 + half / 2,
                GROUND - 80,
                top + 26
            ),
            dark,
        );
        c.fill(
            &format!(
                "M{} {GROUND}C{} {} 180 {} 196 {}Q230 {} 236 {GROUND}Z",
                200 - half / 2,
                200 - half / 2,
                GROUND - 60,
                top + 50,
                top + 46,
                GROUND - 90
            ),
            ink,
        );
        c.fill(
            &format!(
                "M196 {}Q164 {} {} {GROUND}h-22C{} {} 170 {} 196 {}Z",
                top + 46,
                GROUND - 70,
                220 - half / 2,
                196 - half / 2,
                GROUND - 70,
                top + 50,
                top + 46
            ),
            accent,
        );
        c.seam(
            &format!(
                "M200 {top}C130 {} {} {} {} {GROUND}",
                top + 10,
                200 - half / 2 - 40,
                GROUND - 60,
                190 - half / 2 - 30
            ),
            3,
        );
    }
    for x in [186 - half, 214 + half] {
        c.line(&format!("M{x} {}l{} 10", GROUND - 6, if x < 200 { -6 } else { 6 }), wood, 5);
    }
}

pub(super) fn mat(c: &mut Canvas) {
    let (half, r) = (c.range(104, 124), c.range(36, 50));
    let (main, dark, light, accent, wood) = (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.wood);
    let cy = GROUND - r;
    if c.once_in(2) {
        c.fill(&format!("M{} {}H370l-26 16H{}Z", 200, GROUND - 8, 190), dark);
    }
    c.body(&format!("M{} {}H{}v{}H{}Z", 200 - half, cy - r, 200 + half, 2 * r, 200 - half), main);
    c.ellipse(200 + half, cy, r / 2 + 2, r, dark);
    for (i, s) in [r - 9, r - 18, r - 27].into_iter().enumerate() {
        c.put(format_args!(
            r#"<ellipse cx="{}" cy="{cy}" rx="{}" ry="{}" fill="none" stroke="{}" stroke-width="4"/>"#,
            200 + half,
            s / 2 + 1,
            s,
            if i % 2 == 0 { light } else { main }
        ));
    }
    c.put(format_args!(r#"<ellipse cx="{}" cy="{cy}" rx="{}" ry="{r}" fill="{main}"/><ellipse cx="{}" cy="{cy}" rx="{}" ry="{r}" fill="url(#s)"/>"#, 200 - half, r / 2, 200 - half, r / 2));
    for x in [200 - half / 2, 200 + half / 2] {
        c.fill(&format!("M{} {}h15q{} {r} 0 {}h-15q{} -{r} 0 -{}Z", x - 7, cy - r, r / 3, 2 * r, r / 3, 2 * r), accent);
    }
    c.line(
        &format!("M{} {}Q200 {} {} {}", 204 - half / 2, cy - r, cy - r - 90, 200 + half / 2, cy - r),
        if r % 2 == 0 { wood } else { accent },
        8,
    );
}

pub(super) fn helmet(c: &mut Canvas) {
    let (half, height) = (c.range(106, 122), c.range(122, 148));
    let (main, dark, light, accent, ink) = (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.ink);
    let low = GROUND - 36;
    let top = low - height;
    c.line(
        &format!("M{} {low}Q180 {} 190 {}Q220 {} {} {low}", 210 - half, GROUND + 6, GROUND - 6, GROUND + 2, 150 + half),
        ink,
        7,
    );
    c.body(
        &format!(
            "M{} {low}C{} {} {} {top} 204 {top}S{} {} {} {low}Q200 {} {} {low}Z",
            200 - half,
            196 - half,
            low - 90,
            130,
            206 + half,
            low - 70,
            200 + half,
            low + 22,
            200 - half
        ),
        main,
    );
    match c.pick(2) {
        0 => {
            for (x, w) in [(-52, 20), (-14, 22), (24, 22), (60, 18)] {
                c.fill(
                    &format!(
                        "M{} {}Q{} {} {} {}q{w} -6 {w} 6Q{} {} {} {}Z",
                        200 + x,
                        low - 26,
                        200 + x,
                        top + 50,
                        200 + x * 3 / 4 + 6,
                        top + 30,
                        200 + x + w,
                        top + 60,
                        200 + x + w,
                        low - 22
                    ),
                    ink,
                );
            }
        }
        _ => {
            c.fill(&format!("M188 {top}h34Q246 {} 244 {}h-44Q200 {} 188 {top}Z", top + 60, low + 4, top + 60), light);
            for x in [-60, 84] {
                c.ellipse(200 + x, low - 56, 9, 17, ink);
            }
        }
    }
    c.fill(
        &format!(
            "M{} {}Q200 {} {} {}l2 16Q200 {} {} {low}Z",
            201 - half,
            low - 14,
            low + 8,
            199 + half,
            low - 14,
            low + 24,
            200 - half
        ),
        dark,
    );
    c.form(&format!("M{} {}q34 -4 44 26q-40 4 -52 -8Z", 192 + half, low - 16), accent);
}

pub(super) fn ball(c: &mut Canvas) {
    let (r, turn, kind) = (c.range(82, 98), c.range(0, 90), c.pick(4));
    let (main, dark, light, accent, paper, ink) =
        (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.paper, c.pal.ink);
    let cy = GROUND - r;
    c.circle(200, cy, r, main);
    c.put(format_args!(r#"<clipPath id="c"><circle cx="200" cy="{cy}" r="{r}"/></clipPath><g clip-path="url(#c)"><g transform="rotate({turn} 200 {cy})">"#));
    match kind {
        0 => {
            c.line(&format!("M200 {}V{}M{} {cy}H{}", cy - r, cy + r, 200 - r, 200 + r), ink, 4);
            for sign in [-1, 1] {
                c.line(
                    &format!(
                        "M{} {}Q{} {cy} {} {}",
                        200 + sign * r * 3 / 4,
                        cy - r,
                        200 + sign * r / 4,
                        200 + sign * r * 3 / 4,
                        cy + r
                    ),
                    ink,
                    4,
                );
            }
        }
        1 => {
            c.fill(&format!("M200 {}l30 22l-11 36h-38l-11 -36Z", cy - 32), ink);
            for i in 0..5 {
                c.put(format_args!(r#"<g transform="rotate({} 200 {cy})"><path d="M200 {}V{}" stroke="{ink}" stroke-width="3"/><path d="M178 {}l22 -18l22 18l-6 -30h-32Z" fill="{ink}"/></g>"#, i * 72, cy - 32, cy - 66, cy - 62));
            }
        }
        2 => {
            for (i, fill) in [accent, light, dark].into_iter().enumerate() {
                let a = r * (i as i32 * 2 - 2) / 3;
                c.fill(
                    &format!(
                        "M{} {}Q{} {cy} {} {}h{}Q{} {cy} {} {}Z",
                        200 + a - 18,
                        cy - r,
                        200 + a * 2 - 20,
                        200 + a - 18,
                        cy + r,
                        36,
                        200 + a * 2 + 20,
                        200 + a + 18,
                        cy - r
                    ),
                    fill,
                );
            }
        }
        _ => {
            c.fill(&format!("M{} {}h{}v{}h-{}Z", 200 - r, cy - 18, 2 * r, 36, 2 * r), accent);
            c.fill(
                &format!(
                    "M{} {}h{}v6h-{}ZM{} {}h{}v6h-{}Z",
                    200 - r,
                    cy - 30,
                    2 * r,
                    2 * r,
                    200 - r,
                    cy + 24,
                    2 * r,
                    2 * r
                ),
                paper,
            );
        }
    }
    c.put(format_args!("</g></g>"));
    c.fill(&disc(200, cy, r), "url(#s)");
    c.veil(&disc(200 - r / 3, cy - r / 3, r / 4), true, 24);
}
