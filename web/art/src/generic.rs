//! Fallback motif of a category that has none: a small sculpture of simple solids.

use super::canvas::{Canvas, disc, rect};
use super::stage::GROUND;

pub(super) fn solids(c: &mut Canvas) {
    let fills = [c.pal.main, c.pal.accent, c.pal.dark, c.pal.light];
    let (wood, accent_dark) = (c.pal.wood, c.pal.accent_dark);
    let count = c.range(2, 4);
    let mut x = 200 - c.range(70, 90);
    for i in 0..count {
        let (fill, w) = (fills[(i as usize + c.pick(2)) % 4], c.range(58, 92));
        let h = c.range(70, 170);
        match c.pick(5) {
            0 => c.form(&disc(x + w / 2, GROUND - w / 2, w / 2), fill),
            1 => c.body(&rect(x, GROUND - h, w, h, 6), fill),
            2 => c.form(&format!("M{} {}L{} {GROUND}H{x}Z", x + w / 2, GROUND - h, x + w), fill),
            3 => {
                c.body(
                    &format!("M{x} {GROUND}V{}a{} {} 0 0 1 {w} 0V{GROUND}Z", GROUND - h + w / 2, w / 2, w / 2),
                    fill,
                );
                c.circle(x + w / 2, GROUND - h + w / 2, w / 5, accent_dark);
            }
            _ => {
                c.form(&rect(x, GROUND - h / 2, w, h / 2, 8), fill);
                c.form(&disc(x + w / 2, GROUND - h / 2 - w / 3, w / 3), wood);
            }
        }
        x += w - c.range(4, 22);
    }
}
