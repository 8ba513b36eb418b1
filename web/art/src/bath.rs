//! Motifs of the bathroom.

use super::canvas::{Canvas, disc, rect};
use super::stage::GROUND;

pub(super) fn soap(c: &mut Canvas) {
    let (half, height, count) = (c.range(84, 104), c.range(50, 64), c.range(1, 3));
    let (main, dark, light, accent, paper, wood, wood_dark) =
        (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.paper, c.pal.wood, c.pal.wood_dark);
    c.form(&rect(184 - half, GROUND - 12, 2 * half + 32, 12, 5), wood);
    for x in [200 - half, 180 + half] {
        c.fill(&rect(x, GROUND - 4, 20, 8, 3), wood_dark);
    }
    let mut y = GROUND - 12;
    for i in 0..count {
        let (w, shift) = (half - 8 * i, c.range(-8, 8));
        y -= height;
        let fill = [main, accent, light][i as usize];
        c.body(&rect(200 - w + shift, y, 2 * w, height, 17), fill);
        c.fill(&format!("M{} {y}h{}v{height}h-{}Z", 200 - w / 3 + shift, w * 2 / 3, w * 2 / 3), paper);
        c.line(&format!("M{} {}h{}", 200 - w / 5 + shift, y + height / 2 - 5, w * 2 / 5), dark, 4);
        c.line(&format!("M{} {}h{}", 200 - w / 8 + shift, y + height / 2 + 7, w / 4), accent, 3);
    }
    for (x, rise, r) in [(-56, 26, 13), (-30, 52, 8), (50, 38, 16), (24, 70, 7)] {
        c.veil(&disc(200 + x, y - rise, r), true, 55);
        c.veil(&disc(197 + x, y - rise - 3, r / 3), true, 80);
    }
}

pub(super) fn towel(c: &mut Canvas) {
    let (half, count, rolled) = (c.range(92, 112), c.range(2, 4), c.once_in(3));
    let (main, dark, light, accent, paper) = (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.paper);
    let fills = [main, light, accent, paper];
    if rolled {
        let r = 40;
        for (i, (x, y)) in [(-84, 0), (0, 0), (84, 0), (-42, -70), (42, -70)].into_iter().enumerate() {
            let (cx, cy, fill) = (200 + x, GROUND - r + y, fills[i % 3]);
            c.form(&disc(cx, cy, r), fill);
            c.seam(&format!("M{cx} {cy}a8 8 0 1 1 10 8a18 18 0 1 1 -24 -18a28 28 0 1 1 22 44"), 4);
        }
        return;
    }
    let mut y = GROUND;
    for i in 0..count {
        let (h, w) = (c.range(38, 50), half - c.range(0, 8));
        y -= h;
        let fill = fills[i as usize % 4];
        c.body(&rect(200 - w, y, 2 * w, h, h / 2 - 2), fill);
        c.seam(&format!("M{} {}H{}", 212 - w, y + h / 2, 180 + w), 3);
        c.fill(&format!("M{} {y}h12v{h}h-12ZM{} {y}h5v{h}h-5Z", 150 + w, 140 + w), dark);
    }
}

pub(super) fn pump(c: &mut Canvas) {
    let (half, height) = (c.range(44, 60), c.range(112, 146));
    let (main, accent, paper, ink, leaf, wood) =
        (c.pal.main, c.pal.accent, c.pal.paper, c.pal.ink, c.pal.leaf, c.pal.wood);
    let top = GROUND - height;
    let cap = if c.once_in(2) { ink } else { wood };
    if c.once_in(3) {
        c.form(&rect(200 - half / 2, top - 44, half, 46, 6), cap);
    } else {
        c.line(&format!("M200 {}v-44", top - 16), cap, 8);
        c.line(&format!("M206 {}h-44q-10 0 -12 12", top - 60), cap, 13);
        c.form(&rect(180, top - 28, 40, 30, 6), cap);
    }
    c.body(
        &format!(
            "M{} {}Q{} {top} 180 {top}h40Q{} {top} {} {}V{}q0 14 -14 14H{}q-14 0 -14 -14Z",
            200 - half,
            top + 34,
            200 - half,
            200 + half,
            200 + half,
            top + 34,
            GROUND - 14,
            214 - half
        ),
        main,
    );
    let (y, h) = (GROUND - height * 3 / 5, height * 2 / 5);
    c.fill(&rect(200 - half + 9, y, 2 * half - 18, h, 4), paper);
    c.fill(&format!("M200 {}q-20 -14 0 -34q20 20 0 34Z", y + h / 2 + 12), leaf);
    c.line(&format!("M{} {}h{}", 206 - half / 2, y + h - 9, half - 12), accent, 4);
    if c.once_in(2) {
        let x = 200 + half + 34;
        c.form(&rect(x - 30, GROUND - 56, 60, 56, 8), accent);
        c.form(&rect(x - 32, GROUND - 76, 64, 26, 6), cap);
    }
}

pub(super) fn brush(c: &mut Canvas) {
    let (turn, w, kind) = (c.range(24, 62), c.range(34, 46), c.pick(3));
    let (main, light, accent, wood, wood_dark, paper) =
        (c.pal.main, c.pal.light, c.pal.accent, c.pal.wood, c.pal.wood_dark, c.pal.paper);
    let back = if c.once_in(2) { wood } else { main };
    c.turned(turn, |c| match kind {
        0 => {
            let d = format!(
                "M{} 150a{w} {} 0 0 1 {} 0v20q0 46 -{} 56l-4 116q-2 22 -12 22t-12 -22l-4 -116q-{} -10 -{} -56Z",
                200 - w,
                w * 7 / 4,
                2 * w,
                w - 18,
                w - 14,
                w - 14
            );
            c.cast(&d);
            c.form(&d, back);
            c.ellipse(200, 140, w - 11, w * 3 / 2 - 8, light);
            let dots: String = (0..18)
                .map(|i| (i / 3, i % 3 - 1))
                .map(|(row, column)| format!("M{} {}h1", 200 + column * (w - 16) / 2 + row % 2 * 3, 100 + row * 17))
                .collect();
            c.line(&dots, wood_dark, 6);
        }
        1 => {
            let d = format!("M{} 60h{}q12 0 12 12v260q0 12 -12 12h-{}q-12 0 -12 -12v-260q0 -12 12 -12Z", 160, 24, 24);
            c.cast(&d);
            let teeth: String = (0..24).map(|i| format!("M190 {}h{}", 72 + i * 11, 50 + (i % 2) * 6)).collect();
            c.line(&teeth, back, 6);
            c.form(&d, back);
            c.seam("M172 84V320", 3);
        }
        _ => {
            for (x, fill) in [(168, main), (232, accent)] {
                let haft = rect(x - 9, 130, 18, 214, 8);
                c.cast(&haft);
                c.fill(&rect(x - 12, 62, 30, 62, 5), paper);
                c.fill(&rect(x - 12, 62, 30, 18, 5), light);
                c.form(&rect(x - 9, 60, 14, 80, 5), fill);
                c.form(&haft, fill);
                c.fill(&rect(x - 9, 226, 18, 12, 2), wood);
            }
        }
    });
}
