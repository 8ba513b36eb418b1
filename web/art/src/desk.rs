//! Motifs of desk and bookshelf.

use super::canvas::{Canvas, rect, vessel};
use super::stage::GROUND;

pub(super) fn notebook(c: &mut Canvas) {
    let (turn, w, h, kind, spiral) = (c.range(-20, 20), c.range(168, 190), c.range(226, 256), c.pick(4), c.once_in(3));
    let (main, dark, light, accent, paper, ink, wood) =
        (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.paper, c.pal.ink, c.pal.wood);
    let (x, y) = (200 - w / 2, 200 - h / 2);
    c.turned(turn, |c| {
        let d = rect(x, y, w, h, 10);
        c.cast(&d);
        c.fill(&rect(x + 5, y + 5, w, h, 10), paper);
        c.body(&d, main);
        match kind {
            0 => {
                c.fill(&rect(x + 44, y + 46, w - 74, 54, 4), paper);
                c.line(&format!("M{} {}h{}M{} {}h{}", x + 60, y + 66, w - 106, x + 60, y + 82, w - 134), accent, 4);
            }
            1 => {
                c.circle(x + w / 2 + 10, y + h / 2, 50, accent);
                c.fill(&format!("M{} {}a50 50 0 0 0 100 0Z", x + w / 2 - 40, y + h / 2), light);
            }
            2 => c.fill(
                &format!("M{x} {}l{w} -60V{}q0 10 -10 10H{}q-10 0 -10 -10Z", y + h * 2 / 3, y + h - 10, x + 10),
                accent,
            ),
            _ => c.line(&format!("M{} {}h30", x + w / 2 - 5, y + h - 40), light, 5),
        }
        if spiral {
            for i in 0..9 {
                c.line(&format!("M{} {}h20", x - 8, y + 22 + i * (h - 44) / 8), ink, 6);
            }
        } else {
            c.fill(&format!("M{} {y}h-12q-10 0 -10 10v{}q0 10 10 10h12Z", x + 22, h - 20), dark);
            c.fill(&format!("M{} {y}h9v{h}h-9Z", x + w - 34), accent);
        }
        if kind != 2 {
            c.line(&format!("M{} {}v24", x + w / 3, y + h), wood, 6);
        }
    });
}

pub(super) fn pen(c: &mut Canvas) {
    let (turn, r, kind, gap) = (c.range(28, 62), c.range(13, 18), c.pick(3), c.range(52, 70));
    let (main, dark, light, accent, metal, metal_dark, wood, ink) =
        (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.metal, c.pal.metal_dark, c.pal.wood, c.pal.ink);
    c.turned(turn, |c| {
        for (i, (y, fill)) in [(200 - gap / 2, main), (200 + gap / 2, accent)].into_iter().enumerate() {
            if kind == 2 && i == 1 {
                continue;
            }
            let (y, x) = (if kind == 2 { 200 } else { y }, 60 + 26 * i as i32);
            let r = if kind == 2 { r + 5 } else { r };
            let barrel = rect(x, y - r, 200, 2 * r, r - 2);
            let tip = format!("M{} {}h12L{} {}v6L{} {}h-12Z", x + 190, y - r, x + 262, y - 3, x + 202, y + r);
            c.cast(&barrel);
            c.cast(&tip);
            if kind == 1 {
                c.form(&tip, wood);
                c.fill(&format!("M{} {}L{} {}v6L{} {}Z", x + 240, y - 6, x + 262, y - 3, x + 240, y + 6), ink);
                c.form(&barrel, fill);
                c.fill(&format!("M{x} {}h30v{}h-30Z", y - r + 1, 2 * r - 2), light);
                c.fill(&format!("M{} {}h12v{}h-12Z", x + 28, y - r, 2 * r), metal);
            } else {
                c.form(&tip, metal);
                c.line(&format!("M{} {y}h22", x + 236), metal_dark, 2);
                c.form(&barrel, fill);
                c.fill(&format!("M{} {}h10v{}h-10Z", x + 84, y - r, 2 * r), metal);
                c.line(&format!("M{} {}h66", x + 14, y - r - 2), metal_dark, 6);
                c.fill(&format!("M{} {}h16v{}h-16Z", x + 180, y - r, 2 * r), dark);
            }
            c.veil(&format!("M{} {}h150v5h-150Z", x + 24, y - r / 2 - 2), true, 35);
        }
        if kind == 2 {
            c.line("M330 262q-40 30 -90 6t-110 14", dark, 4);
        }
    });
}

pub(super) fn organiser(c: &mut Canvas) {
    let (half, height) = (c.range(50, 68), c.range(94, 118));
    let (main, dark, light, accent, wood, metal, ink, leaf) =
        (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.wood, c.pal.metal, c.pal.ink, c.pal.leaf);
    let top = GROUND - height;
    for (i, fill) in [accent, wood, leaf, light, metal].into_iter().enumerate() {
        let x = 200 - half + 18 + (2 * half - 36) * i as i32 / 4;
        let (rise, lean) = (c.range(60, 112), (i as i32 - 2) * 5);
        c.put(format_args!(r#"<g transform="rotate({lean} {x} {top})">"#));
        c.fill(&rect(x - 6, top - rise, 12, rise + 30, 2), fill);
        c.fill(&format!("M{} {}l6 -16l6 16Z", x - 6, top - rise), if i % 2 == 0 { wood } else { ink });
        c.put(format_args!("</g>"));
    }
    c.body(&vessel(half, half, top, GROUND, 12), main);
    c.fill(&format!("M{} {top}h{}v12h-{}Z", 200 - half, 2 * half, 2 * half), dark);
    if c.once_in(2) {
        c.form(&rect(190 + half - 8, GROUND - height / 2, 62, height / 2, 8), dark);
        c.line(&format!("M{} {}h26", 200 + half + 8, GROUND - height / 4), metal, 5);
    }
}

pub(super) fn poster(c: &mut Canvas) {
    let (w, h, kind) = (c.range(176, 206), c.range(236, 262), c.pick(6));
    let (main, dark, light, accent, paper, ink, wood, leaf) =
        (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.paper, c.pal.ink, c.pal.wood, c.pal.leaf);
    let (x, y) = (200 - w / 2, 196 - h / 2);
    let frame = [wood, ink, paper][c.pick(3)];
    let (mx, my, mw, mh) = (x + 26, y + 26, w - 52, h - 52);
    let (cx, cy) = (200, my + mh / 2);
    c.cast(&rect(x, y, w, h, 2));
    c.form(&rect(x, y, w, h, 2), frame);
    c.fill(&rect(x + 9, y + 9, w - 18, h - 18, 0), "#fffdf8");
    c.put(format_args!(
        r#"<clipPath id="c"><path d="M{mx} {my}h{mw}v{mh}h-{mw}Z"/></clipPath><g clip-path="url(#c)">"#
    ));
    c.fill(&rect(mx, my, mw, mh, 0), light);
    match kind {
        0 => {
            let r = c.range(30, 44);
            c.circle(cx, cy - 24, r, accent);
            c.fill(&format!("M{mx} {}Q{cx} {} {} {}V400H{mx}Z", cy + 20, cy - 20, mx + mw, cy + 40), main);
            c.fill(&format!("M{mx} {}Q{cx} {} {} {}V400H{mx}Z", cy + 60, cy + 40, mx + mw, cy + 16), dark);
        }
        1 => {
            for i in 0..4 {
                let r = mw / 2 - i * mw / 9;
                c.fill(
                    &format!("M{} {}a{r} {r} 0 0 1 {} 0V{}H{}Z", cx - r, cy + 10, 2 * r, my + mh, cx - r),
                    [main, accent, paper, dark][i as usize],
                );
            }
        }
        2 => {
            let (a, b) = (c.range(-20, 20), c.range(-20, 20));
            c.circle(cx - 20 + a, cy - 30, mw / 3, main);
            c.fill(&rect(cx - 10 + b, cy - 6, mw / 2, mh / 3, 0), accent);
            c.fill(&format!("M{} {}l60 90h-120Z", cx - 10, cy - 4 + a), dark);
        }
        3 => {
            c.line(&format!("M{cx} {}V{}", my + mh, cy - 50), dark, 5);
            for i in 0..5 {
                let ly = cy + 62 - i * 28;
                c.fill(
                    &format!("M{cx} {ly}q10 -34 52 -36q-6 34 -52 36ZM{cx} {ly}q-10 -34 -52 -36q6 34 52 36Z"),
                    if i % 2 == 0 { main } else { leaf },
                );
            }
        }
        4 => {
            for row in 0..5 {
                for column in 0..4 {
                    let s = mw / 4;
                    let (px, py) = (mx + column * s, my + row * mh / 5);
                    let fill = [main, accent, dark, paper][c.pick(4)];
                    c.fill(&format!("M{px} {py}h{s}a{s} {s} 0 0 1 -{s} {s}Z"), fill);
                }
            }
        }
        _ => {
            c.fill(
                &format!(
                    "M{mx} {}L{} {}L{cx} {}L{} {}L{} {}V400H{mx}Z",
                    cy + 30,
                    cx - 30,
                    cy - 44,
                    cy + 8,
                    cx + 36,
                    cy - 22,
                    mx + mw,
                    cy + 44
                ),
                main,
            );
            c.fill(&format!("M{} {}l14 22l10 -8l12 12Z", cx - 30, cy - 44), paper);
            c.circle(mx + mw - 34, my + 36, 18, accent);
            c.fill(&format!("M{mx} {}h{mw}V400H{mx}Z", cy + 66), dark);
        }
    }
    c.put(format_args!("</g>"));
    c.veil(&format!("M{} {}h60l-{} {}h-60Z", x + w - 74, y + 9, w / 2, h - 18), true, 10);
}

pub(super) fn book(c: &mut Canvas) {
    let (main, dark, light, accent, paper, wood) =
        (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.paper, c.pal.wood);
    let count = c.range(2, 4);
    let fills = [main, accent, dark, light];
    let mut y = GROUND;
    for i in 0..count {
        let (thick, half, shift) = (c.range(28, 44), c.range(86, 118), c.range(-14, 14));
        y -= thick;
        let (x, fill) = (200 - half + shift, fills[i as usize % 4]);
        c.fill(&rect(x + 8, y + 5, 2 * half - 12, thick - 10, 2), paper);
        c.seam(
            &format!(
                "M{} {}h{}M{} {}h{}",
                x + 30,
                y + thick / 3,
                2 * half - 40,
                x + 30,
                y + thick * 2 / 3,
                2 * half - 40
            ),
            1,
        );
        c.form(
            &format!(
                "M{} {y}h-{}q-14 0 -14 {}t14 {}h{}v-6h-{}q-6 0 -6 -{}t6 -{}h{}Z",
                x + 2 * half,
                2 * half - 14,
                thick / 2,
                thick - thick / 2,
                2 * half - 14,
                2 * half - 18,
                thick / 2 - 6,
                thick - thick / 2 - 6,
                2 * half - 18
            ),
            fill,
        );
        c.fill(&format!("M{x} {}h44v{}h-44Z", y + 1, thick - 2), fill);
        c.fill(
            &format!("M{} {}h6v{}h-6ZM{} {}h4v{}h-4Z", x + 12, y + 1, thick - 2, x + 24, y + 1, thick - 2),
            if i % 2 == 0 { paper } else { wood },
        );
    }
    if c.once_in(2) {
        let x = 200 + c.range(-30, 30);
        c.form(&format!("M{} {}h56l-6 50q-22 8 -44 0Z", x - 28, y - 54), wood);
        c.line(&format!("M{} {}q24 -4 18 22q-4 12 -20 10", x + 26, y - 46), wood, 7);
        c.ellipse(x, y - 54, 28, 5, dark);
    } else {
        let x = 200 + c.range(-30, 30);
        c.circle(x, y - 25, 25, accent);
        c.line(&format!("M{x} {}q2 -10 8 -14", y - 48), dark, 4);
    }
}
