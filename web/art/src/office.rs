//! Motifs of the office: printing and what it uses up.

use super::canvas::{Canvas, disc, rect};
use super::stage::GROUND;

pub(super) fn printer(c: &mut Canvas) {
    let (half, height) = (c.range(92, 112), c.range(84, 108));
    let (main, dark, light, accent, ink, paper) =
        (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.ink, c.pal.paper);
    let top = GROUND - height;
    let sheet = c.range(64, 96);
    c.fill(&format!("M{} {}l8 -{sheet}h{}l8 {sheet}Z", 200 - half / 2 - 14, top + 6, half + 12), paper);
    c.form(&rect(200 - half, top, 2 * half, height, 14), main);
    c.fill(&rect(212 - half, top + 12, 2 * half - 24, 18, 6), dark);
    c.circle(178 + half, top + 21, 5, accent);
    c.circle(162 + half, top + 21, 5, light);
    c.fill(&rect(214 - half, GROUND - 44, 2 * half - 28, 16, 5), ink);
    c.fill(&format!("M{} {}h{}l14 40h-{}Z", 232 - half, GROUND - 36, 2 * half - 64, 2 * half - 36), paper);
    c.line(
        &format!("M{} {}h{}M{} {}h{}", 244 - half, GROUND - 22, half, 242 - half, GROUND - 10, half + 20),
        accent,
        4,
    );
    c.veil(&format!("M{} {}h{}l14 40h-{}Z", 232 - half, GROUND - 36, 2 * half - 64, 2 * half - 36), false, 4);
}

pub(super) fn cartridge(c: &mut Canvas) {
    let (kind, height) = (c.pick(2), c.range(110, 140));
    let (main, dark, light, accent, ink, paper, metal) =
        (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.ink, c.pal.paper, c.pal.metal);
    if kind == 0 {
        let count = c.range(2, 4);
        let w = 46;
        for i in 0..count {
            let x = 200 - count * (w + 8) / 2 + i * (w + 8);
            let fill = [main, accent, dark, light][i as usize];
            c.form(&rect(x, GROUND - height, w, height, 7), ink);
            c.fill(&rect(x + 7, GROUND - height + 22, w - 14, height - 50, 4), fill);
            c.fill(&rect(x + 12, GROUND - height - 9, w - 24, 12, 3), ink);
            c.fill(&format!("M{} {}q-12 -15 0 -32q12 17 0 32Z", x + w / 2, GROUND - height / 2 + 22), paper);
        }
    } else {
        let half = c.range(108, 122);
        c.form(&format!("M{} {}h{}l14 20v46H{}v-46Z", 214 - half, GROUND - 66, 2 * half - 28, 200 - half), ink);
        c.form(&rect(206 - half, GROUND - 92, 2 * half - 12, 34, 14), main);
        c.fill(&rect(232 - half, GROUND - 46, half, 30, 4), paper);
        c.fill(&rect(232 - half, GROUND - 46, 24, 30, 4), accent);
        c.form(&disc(190 + half, GROUND - 30, 19), metal);
        c.circle(190 + half, GROUND - 30, 8, dark);
        c.line(&format!("M170 {}q30 -34 60 0", GROUND - 92), dark, 9);
    }
}

pub(super) fn paper(c: &mut Canvas) {
    let (half, height, ream) = (c.range(92, 112), c.range(58, 86), c.once_in(2));
    let (main, dark, accent, sheet, wood) = (c.pal.main, c.pal.dark, c.pal.accent, c.pal.paper, c.pal.wood);
    let top = GROUND - height;
    if ream {
        c.form(&rect(200 - half, top, 2 * half, height, 4), sheet);
        let edges: String = (1..height / 7).map(|i| format!("M{} {}h{}", 200 - half, top + i * 7, 2 * half)).collect();
        c.seam(&edges, 1);
        c.body(&rect(200 - half / 2, top - 1, half, height + 2, 3), main);
        c.fill(&rect(200 - half / 2, top + height / 2 - 12, half, 24, 2), accent);
    } else {
        let r = height / 2 + 12;
        for (x, fill) in [(-r - 4, main), (r + 4, accent)] {
            c.form(&disc(200 + x, GROUND - r, r), sheet);
            for ring in [r - 10, r - 20] {
                c.put(format_args!(
                    r##"<circle cx="{}" cy="{}" r="{ring}" fill="none" stroke="#000" stroke-width="2" opacity=".1"/>"##,
                    200 + x,
                    GROUND - r
                ));
            }
            c.circle(200 + x, GROUND - r, r / 3 + 6, wood);
            c.circle(200 + x, GROUND - r, r / 3, fill);
        }
        c.form(&format!("M{} {}h58v{}h-58Z", 172, GROUND - 2 * r - 34, 30), dark);
    }
}

pub(super) fn projector(c: &mut Canvas) {
    let (half, height, r) = (c.range(88, 108), c.range(70, 88), c.range(28, 36));
    let (main, dark, accent, ink, metal) = (c.pal.main, c.pal.dark, c.pal.accent, c.pal.ink, c.pal.metal);
    let top = GROUND - 10 - height;
    let cx = 200 - half / 2;
    let cy = top + height / 2;
    c.put(format_args!(r##"<path d="M{cx} {cy}L{} 60H{}Z" fill="#fff6d8" opacity=".4"/>"##, cx - 90, cx + 150));
    for x in [212 - half, 164 + half] {
        c.fill(&rect(x, GROUND - 14, 24, 14, 4), ink);
    }
    c.form(&rect(200 - half, top, 2 * half, height, 16), main);
    for (r, fill) in [(r + 7, dark), (r, ink), (r - 12, metal)] {
        c.circle(cx, cy, r, fill);
    }
    c.circle(cx + 6, cy - 6, r / 4, accent);
    for i in 0..5 {
        c.line(&format!("M{} {}h{}", 214, top + 18 + i * 11, half - 34), dark, 4);
    }
    c.circle(180 + half, top - 1, 7, accent);
}
