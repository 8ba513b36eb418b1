//! Backdrop, the room a thing stands in: wall, floor, a soft shape behind it.

use super::canvas::{Canvas, rect};

/// How a motif is presented.
#[derive(Clone, Copy)]
pub(super) enum Stage {
    /// It stands on a floor at y = 310 and throws a shadow of this half width.
    Floor(i32),
    /// It lies flat and is seen from above.
    Flat,
    /// It hangs on a wall or from a ceiling.
    Hang,
}

/// The line on which motifs are designed to stand.
pub(super) const GROUND: i32 = 310;
/// Where that line is in the picture.
const FLOOR: i32 = 326;

/// Draws the motif in its place, with its shadow.
pub(super) fn present(c: &mut Canvas, stage: Stage, draw: fn(&mut Canvas)) {
    let Stage::Floor(half) = stage else { return draw(c) };
    // Small things fill the frame, wide ones must still fit into it.
    let percent = if half < 118 { 117 } else { 107 };
    let (dx, dy) = (200 - 2 * percent, FLOOR - GROUND * percent / 100);
    c.put(format_args!(r#"<g transform="translate({dx} {dy}) scale({}.{:02})">"#, percent / 100, percent % 100));
    c.ellipse(206, GROUND + 3, half + 22, half / 9 + 9, "url(#g)");
    draw(c);
    c.put(format_args!("</g>"));
}

/// Paints the background.
pub(super) fn scenery(c: &mut Canvas, stage: Stage) {
    let wall = c.pal.wall;
    c.fill("M0 0h400v400H0Z", wall);
    match stage {
        Stage::Floor(_) => room(c),
        Stage::Flat => table(c),
        Stage::Hang => backdrop(c),
    }
}

fn room(c: &mut Canvas) {
    let (dark, light) = (c.pal.wall_dark, c.pal.wall_light);
    let horizon = c.range(262, 292);
    match c.pick(6) {
        0 => {
            c.fill(&format!("M0 {horizon}H400V400H0Z"), dark);
            let (x, y, r) = (c.range(120, 280), c.range(110, 160), c.range(60, 95));
            c.circle(x, y, r, light);
        }
        1 => {
            let (w, top) = (c.range(95, 130), c.range(60, 100));
            c.fill(&format!("M0 {horizon}H400V400H0Z"), dark);
            let arch = format!("M{} {horizon}V{}a{w} {w} 0 0 1 {} 0V{horizon}Z", 200 - w, top + w, 2 * w);
            c.fill(&arch, light);
        }
        2 => {
            let (a, b) = (c.range(200, 270), c.range(200, 290));
            c.fill(&format!("M0 {a}Q200 {} 400 {b}V400H0Z", b + 60), dark);
            let r = c.range(50, 80);
            c.circle(310 - r, 120, r, light);
        }
        3 => {
            let r = c.range(140, 165);
            c.circle(200, 210, r, dark);
        }
        4 => {
            c.fill(&format!("M0 {horizon}H400V400H0Z"), dark);
            let x = c.range(60, 140);
            for i in 0..3 {
                let x = x + i * 62;
                c.veil(&format!("M{x} 40h46l60 {}h-46Z", horizon - 60), true, 28);
            }
        }
        _ => {
            let w = c.range(110, 145);
            c.ellipse(200, 334, w, 22, dark);
            c.fill(&format!("M{} 334v66h{}v-66Z", 200 - w, 2 * w), dark);
            c.ellipse(200, 330, w, 22, light);
        }
    }
}

fn table(c: &mut Canvas) {
    let (dark, light) = (c.pal.wall_dark, c.pal.wall_light);
    match c.pick(5) {
        0 => {
            let (a, b) = (c.range(60, 200), c.range(180, 360));
            c.fill(&format!("M{a} 0L{b} 400H400V0Z"), dark);
        }
        1 => {
            let (x, y, r) = (c.range(160, 240), c.range(160, 240), c.range(140, 175));
            c.circle(x, y, r, light);
        }
        2 => {
            let inset = c.range(28, 50);
            c.fill(&rect(inset, inset, 400 - 2 * inset, 400 - 2 * inset, inset / 2), light);
        }
        3 => {
            let (x, y) = (c.range(-40, 40), c.range(300, 420));
            c.circle(x, y, 170, dark);
            c.circle(400 - x, 400 - y, 120, light);
        }
        _ => {
            let x = c.range(-60, 40);
            for i in 0..4 {
                let x = x + i * 120;
                c.veil(&format!("M{x} 400l170 -400h54l-170 400Z"), true, 22);
            }
        }
    }
}

fn backdrop(c: &mut Canvas) {
    let (dark, light) = (c.pal.wall_dark, c.pal.wall_light);
    match c.pick(4) {
        0 => {
            let y = c.range(285, 330);
            c.fill(&format!("M0 {y}H400V400H0Z"), dark);
        }
        1 => {
            let r = c.range(130, 165);
            c.circle(200, 205, r, light);
        }
        2 => {
            let x = c.range(80, 180);
            c.veil(&format!("M{x} 0h90l130 400h-90Z"), true, 26);
            c.veil(&format!("M{} 0h40l130 400h-40Z", x + 110), true, 26);
        }
        _ => {
            let w = c.range(110, 140);
            c.fill(&format!("M{} 400V{}a{w} {w} 0 0 1 {} 0V400Z", 200 - w, 60 + w, 2 * w), dark);
        }
    }
}
