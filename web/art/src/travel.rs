//! Motifs of shoes, bags and what one takes along.

use super::canvas::{Canvas, rect};
use super::stage::GROUND;

pub(super) fn shoe(c: &mut Canvas) {
    let (main, dark, light, accent, paper, ink) =
        (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.paper, c.pal.ink);
    let (ankle, toe, sole) = (c.range(176, 206), c.range(300, 322), c.range(16, 28));
    let base = GROUND - sole;
    let upper = format!(
        "M92 {base}Q80 {} 92 {ankle}Q112 {} 140 {}Q160 {} 176 {}Q206 {} {} {}Q{} {} {} {base}Z",
        base - 60,
        ankle - 14,
        ankle - 4,
        ankle + 18,
        ankle + 6,
        base - 56,
        toe - 30,
        base - 50,
        toe + 12,
        base - 36,
        toe + 6
    );
    c.body(&upper, main);
    c.fill(
        &format!("M{} {}Q{} {} {} {base}h-62q10 -34 34 -42Z", toe - 30, base - 50, toe + 12, base - 36, toe + 6),
        light,
    );
    c.fill(&format!("M92 {base}Q82 {} 90 {}q26 8 30 {}Z", base - 40, base - 62, 62), dark);
    match c.pick(3) {
        0 => c.fill(&format!("M150 {base}q10 -40 60 -58l16 12q-34 16 -40 46Z"), accent),
        1 => {
            for x in [150, 176, 202] {
                c.line(&format!("M{x} {}l24 -40", base - 6), accent, 9);
            }
        }
        _ => c.circle(128, base - 46, 17, accent),
    }
    c.fill(&format!("M140 {}q20 10 36 2l46 {}q-14 16 -34 22q-40 -30 -48 -{}Z", ankle - 4, base - 54 - ankle, 30), dark);
    for i in 0..4 {
        let (x, y) = (160 + i * 17, ankle + 14 + i * (base - 60 - ankle) / 4);
        c.line(&format!("M{x} {y}l-16 16"), paper, 5);
    }
    c.line(&format!("M92 {}Q112 {} 138 {}", ankle, ankle - 14, ankle - 3), ink, 6);
    c.form(&format!("M84 {base}H{}q6 {} -10 {sole}H98q-16 0 -14 -{sole}Z", toe + 8, sole / 2), paper);
    c.fill(&format!("M86 {}H{}v6H96q-8 0 -10 -6Z", GROUND - 6, toe + 2), accent);
}

pub(super) fn boot(c: &mut Canvas) {
    let (main, dark, light, accent, ink, wood) =
        (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.ink, c.pal.wood_dark);
    let (top, toe, chelsea) = (c.range(108, 160), c.range(278, 296), c.once_in(2));
    let base = GROUND - 24;
    let d = format!(
        "M128 {top}H216V218Q220 238 {} 250Q{} 262 {} {base}H126Q136 200 128 {top}Z",
        toe - 22,
        toe + 10,
        toe + 8
    );
    c.form(&d, main);
    c.fill(&format!("M{} {base}q-6 -34 -40 -40q-26 12 -26 40Z", toe + 8), light);
    if chelsea {
        c.fill(&format!("M150 {}h44q-4 50 -22 78q-18 -28 -22 -78Z", top + 24), dark);
        for i in 0..4 {
            c.seam(&format!("M{} {}v{}", 158 + i * 9, top + 28, 40 + (i % 3) * 8), 2);
        }
        c.line(&format!("M172 {top}v-16"), accent, 9);
    } else {
        c.fill(&format!("M190 {top}h26V218q2 12 22 22l-22 16Q186 232 190 {top}Z"), dark);
        for y in (top + 16..236).step_by(22) {
            c.line(&format!("M190 {y}l24 -6"), accent, 5);
        }
        c.fill(&rect(122, top - 8, 100, 20, 9), accent);
    }
    c.form(&format!("M122 {base}H{}q4 12 -6 {}H122Z", toe + 10, GROUND - base), wood);
    c.fill(&format!("M122 {}h60v-14q-30 0 -60 0Z", GROUND), ink);
    c.fill(&format!("M122 {}H{}v8H122Z", base - 3, toe + 9), ink);
}

pub(super) fn backpack(c: &mut Canvas) {
    let (half, height) = (c.range(76, 90), c.range(176, 206));
    let (main, dark, light, accent, wood, metal) =
        (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.wood, c.pal.metal);
    let top = GROUND - height;
    c.line(&format!("M178 {}q0 -30 22 -30t22 30", top + 8), dark, 9);
    for sign in [-1, 1] {
        c.fill(&rect(200 + sign * half - 16, GROUND - 84, 32, 76, 13), dark);
    }
    c.body(
        &format!(
            "M{} {}Q{} {top} 200 {top}T{} {}V{}q0 18 -18 18H{}q-18 0 -18 -18Z",
            200 - half,
            top + 74,
            200 - half,
            200 + half,
            top + 74,
            GROUND - 18,
            218 - half
        ),
        main,
    );
    if c.once_in(2) {
        c.form(
            &format!(
                "M{} {}Q{} {} 200 {}T{} {}v34q-{half} 40 -{} 0Z",
                200 - half - 4,
                top + 72,
                200 - half,
                top - 4,
                top - 4,
                204 + half,
                top + 72,
                2 * half + 8
            ),
            light,
        );
        for x in [164, 228] {
            c.fill(&format!("M{x} {}h9v76h-9Z", top + 72), wood);
            c.fill(&rect(x - 4, top + 132, 17, 14, 3), metal);
        }
    } else {
        c.seam(
            &format!(
                "M{} {}Q{} {} 200 {}T{} {}",
                212 - half,
                top + 82,
                214 - half,
                top + 18,
                top + 18,
                188 + half,
                top + 82
            ),
            4,
        );
        c.circle(200 + half - 16, top + 92, 6, metal);
    }
    c.form(&rect(200 - half + 20, GROUND - 92, 2 * half - 40, 78, 16), dark);
    c.line(&format!("M{} {}H{}", 200 - half + 34, GROUND - 70, 166 + half), accent, 5);
}

pub(super) fn tote(c: &mut Canvas) {
    let (half, height, drop) = (c.range(74, 90), c.range(138, 166), c.range(64, 92));
    let (main, dark, accent, paper, wood) = (c.pal.main, c.pal.dark, c.pal.accent, c.pal.paper, c.pal.wood);
    let top = GROUND - height;
    let strap = if c.once_in(2) { wood } else { dark };
    c.line(
        &format!(
            "M{} {}C{} {} {} {} {} {}",
            200 - half / 2,
            top + 10,
            200 - half / 2,
            top - drop,
            200 + half / 2,
            top - drop,
            200 + half / 2,
            top + 10
        ),
        strap,
        10,
    );
    c.body(
        &format!(
            "M{} {top}H{}L{} {}q0 10 -12 10H{}q-12 0 -12 -10Z",
            200 - half,
            200 + half,
            190 + half,
            GROUND - 10,
            222 - half
        ),
        main,
    );
    c.fill(&format!("M{} {top}H{}v12H{}Z", 200 - half, 200 + half, 200 - half), dark);
    match c.pick(4) {
        0 => c.circle(200, top + 78, 34, accent),
        1 => {
            c.fill(&format!("M158 {}a42 42 0 0 1 84 0Z", top + 92), accent);
            c.fill(&format!("M158 {}h84v8h-84ZM172 {}h56v8h-56Z", top + 100, top + 116), paper);
        }
        2 => c.fill(&format!("M{} {}H{}l-7 46H{}Z", 204 - half, top + 76, 196 + half, 211 - half), accent),
        _ => {
            for (x, y) in [(176, 62), (200, 86), (224, 62), (200, 48)] {
                c.ellipse(x, top + y, 14, 22, paper);
            }
            c.circle(200, top + 66, 11, accent);
        }
    }
    for x in [200 - half / 2, 200 + half / 2] {
        c.fill(&rect(x - 8, top + 2, 16, 20, 4), strap);
    }
}

pub(super) fn wallet(c: &mut Canvas) {
    let (w, h, turn, open) = (c.range(176, 206), c.range(124, 146), c.range(-24, 18), c.once_in(2));
    let (main, dark, light, accent, metal, paper) =
        (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.metal, c.pal.paper);
    let (x, y) = (200 - w / 2, 200 - h / 2);
    c.turned(turn, |c| {
        for (i, fill) in [paper, accent, light].into_iter().enumerate() {
            if open {
                c.form(&rect(x + 14, y - 34 + 13 * i as i32, w - 28, 60, 8), fill);
            }
        }
        let d = rect(x, y, w, h, 14);
        c.cast(&d);
        c.form(&d, main);
        c.put(format_args!(
            r#"<path d="{}" fill="none" stroke="{light}" stroke-width="2" stroke-dasharray="6 5"/>"#,
            rect(x + 8, y + 8, w - 16, h - 16, 9)
        ));
        if open {
            c.fill(&format!("M{x} {}h{w}v{}q0 14 -14 14H{}q-14 0 -14 -14Z", y + h / 3, h * 2 / 3 - 14, x + 14), dark);
            c.circle(x + w - 26, y + h - 28, 8, metal);
        } else {
            c.form(&rect(x + w - 66, 180, 76, 42, 16), dark);
            c.circle(x + w - 40, 201, 10, metal);
        }
    });
}

pub(super) fn suitcase(c: &mut Canvas) {
    let (half, height) = (c.range(68, 88), c.range(168, 196));
    let (main, dark, light, accent, metal, ink, wood) =
        (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.metal_dark, c.pal.ink, c.pal.wood);
    let top = GROUND - 14 - height;
    c.line(&format!("M174 {top}v-46h52v46"), metal, 8);
    c.line(&format!("M172 {}h56", top - 46), ink, 13);
    for x in [200 - half + 16, 200 + half - 16] {
        c.circle(x, GROUND - 9, 10, ink);
    }
    c.form(&rect(200 - half, top, 2 * half, height, 22), main);
    match c.pick(3) {
        0 => {
            for i in 1..6 {
                let x = 200 - half + i * half / 3;
                c.seam(&format!("M{x} {}v{}", top + 14, height - 28), 5);
            }
        }
        1 => {
            for x in [200 - half / 2 - 8, 200 + half / 2 - 8] {
                c.fill(&format!("M{x} {top}h16v{height}h-16Z"), wood);
                c.fill(&rect(x - 3, top + height / 2 - 12, 22, 24, 4), metal);
            }
        }
        _ => {
            c.fill(&format!("M{} {}h{}v24h-{}Z", 200 - half, top + height / 2 - 12, 2 * half, 2 * half), dark);
            c.circle(200 + half / 3, top + 46, 21, accent);
            c.fill(&rect(200 - half + 18, top + height - 62, 46, 30, 4), light);
        }
    }
    c.fill(&rect(180, top + 12, 40, 10, 5), dark);
}

pub(super) fn umbrella(c: &mut Canvas) {
    let (half, rise, turn) = (c.range(118, 138), c.range(96, 122), c.range(-22, 22));
    let (main, dark, light, accent, wood, ink) =
        (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.wood, c.pal.ink);
    let (y, third) = (196, half * 2 / 3);
    c.turned(turn, |c| {
        c.line(&format!("M200 {}V318q0 24 -22 24t-22 -22", y - 20), wood, 10);
        c.line(&format!("M200 {}v-18", y - rise), ink, 6);
        let scallop = format!("q-{} -26 -{third} 0", third / 2);
        let d = format!(
            "M{} {y}C{} {} {} {} 200 {}S{} {} {} {y}{scallop}{scallop}{scallop}Z",
            200 - half,
            200 - half,
            y - 70,
            150,
            y - rise,
            y - rise,
            200 + half,
            y - 70,
            200 + half
        );
        c.cast(&d);
        c.body(&d, main);
        c.fill(
            &format!(
                "M{} {y}Q{} {} 200 {}Q{} {} {} {y}{scallop}Z",
                200 - third / 2,
                176,
                y - 80,
                y - rise,
                224,
                y - 80,
                200 + third / 2
            ),
            light,
        );
        c.seam(
            &format!(
                "M{} {y}Q{} {} 200 {}M{} {y}Q{} {} 200 {}",
                200 - third / 2,
                176,
                y - 80,
                y - rise,
                200 + third / 2,
                224,
                y - 80,
                y - rise
            ),
            3,
        );
        c.circle(200, y - rise, 6, accent);
        c.line(&format!("M{} {y}{}", 200 + half, scallop), dark, 3);
    });
}
