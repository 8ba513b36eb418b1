//! Motifs of the kitchen: mugs, pots, knives and what stands on the shelf above them.

use super::canvas::{Canvas, rect, vessel};
use super::stage::GROUND;

pub(super) fn mug(c: &mut Canvas) {
    let (half, height, taper) = (c.range(58, 74), c.range(105, 150), c.range(0, 14));
    let (top, hook) = (GROUND - height, c.range(48, 62));
    let (main, dark, light, ink) = (c.pal.main, c.pal.dark, c.pal.light, c.pal.ink);
    let (x, y) = (200 + half - 6, top + 26);
    let drop = height * 11 / 20;
    match c.pick(2) {
        0 => c.line(&format!("M{x} {y}c{hook} -8 {hook} {} -6 {drop}", drop + 6), dark, 15),
        _ => c.line(&format!("M{x} {y}h{}q14 0 14 14v{}q0 14 -14 14h-{}", hook - 22, drop - 28, hook - 18), dark, 13),
    }
    c.body(&vessel(half, half - taper, top, GROUND, 22), main);
    c.ellipse(200, top, half, 13, light);
    c.ellipse(200, top + 1, half - 7, 9, ink);
    if c.once_in(2) {
        for x in [182, 204, 226] {
            let rise = c.range(38, 60);
            c.put(format_args!(
                r##"<path d="M{x} {}c-12 -{} 12 -{} 0 -{rise}" fill="none" stroke="#fff" stroke-width="5" stroke-linecap="round" opacity=".5"/>"##,
                top - 20,
                rise / 3,
                rise * 2 / 3
            ));
        }
    }
}

pub(super) fn teapot(c: &mut Canvas) {
    let (rx, ry) = (c.range(78, 95), c.range(60, 78));
    let (main, dark, light, accent) = (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent);
    let cy = GROUND - ry;
    let top = cy - ry + 8;
    if c.once_in(2) {
        c.line(&format!("M{} {}c55 -30 80 60 6 82", 200 + rx - 22, cy - 32), dark, 13);
    } else {
        let wood = c.pal.wood;
        c.line(
            &format!("M{} {}C150 {} 250 {} {} {}", 200 - rx + 22, cy - 40, top - 95, top - 95, 200 + rx - 22, cy - 40),
            wood,
            9,
        );
    }
    let spout = 200 - rx;
    c.form(
        &format!(
            "M{} {}C{} {} {} {} {} {}l-18 -8C{} {} {} {} {} {}Z",
            spout + 30,
            cy + 36,
            spout - 18,
            cy + 26,
            spout - 12,
            cy - 30,
            spout - 30,
            cy - 44,
            spout - 44,
            cy - 10,
            spout - 10,
            cy - 20,
            spout + 26,
            cy - 18
        ),
        dark,
    );
    c.body(
        &format!(
            "M{} {GROUND}C{} {} {} {top} 200 {top}S{} {} {} {GROUND}Q200 {} {} {GROUND}Z",
            200 - rx / 2,
            200 - rx - 24,
            cy + 30,
            200 - rx,
            200 + rx + 24,
            cy + 30,
            200 + rx / 2,
            GROUND + 8,
            200 - rx / 2
        ),
        main,
    );
    c.form(
        &format!(
            "M158 {}Q164 {} 200 {}T242 {}Q200 {} 158 {}Z",
            top + 6,
            top - 14,
            top - 16,
            top + 6,
            top + 18,
            top + 6
        ),
        light,
    );
    c.circle(200, top - 21, 9, accent);
}

pub(super) fn pan(c: &mut Canvas) {
    let (half, height) = (c.range(84, 104), c.range(78, 120));
    let (main, dark, metal, wood, ink) = (c.pal.main, c.pal.dark, c.pal.metal, c.pal.wood, c.pal.ink);
    let top = GROUND - height;
    if c.once_in(3) {
        c.line(&format!("M{} {}h130", 200 + half - 8, top + 18), wood, 16);
        c.line(&format!("M{} {}h24", 200 + half - 8, top + 18), ink, 12);
    } else {
        for x in [200 - half - 15, 200 + half - 15] {
            c.fill(&rect(x, top + 18, 30, 16, 8), ink);
        }
    }
    c.form(&rect(200 - half, top, 2 * half, height, 26), main);
    c.fill(&format!("M{} {top}h{}v14h-{}Z", 200 - half, 2 * half, 2 * half), dark);
    if !c.once_in(4) {
        let dome = c.range(26, 46);
        c.form(
            &format!(
                "M{} {top}C{} {} {} {} 200 {}S{} {} {} {top}Z",
                200 - half - 5,
                200 - half,
                top - dome + 8,
                150,
                top - dome,
                top - dome,
                200 + half,
                top - dome + 8,
                200 + half + 5
            ),
            main,
        );
        c.fill(&rect(200 - half - 7, top - 5, 2 * half + 14, 9, 4), metal);
        c.fill(&rect(186, top - dome - 18, 28, 14, 6), wood);
    }
    c.veil(&format!("M{} {}q8 -4 10 4v{}q-8 6 -10 -4Z", 200 - half + 16, top + 28, height - 62), true, 30);
}

pub(super) fn knife(c: &mut Canvas) {
    let (turn, belly, handle) = (c.range(-50, -30), c.range(34, 58), c.range(100, 122));
    let (metal, metal_dark, wood, dark) = (c.pal.metal, c.pal.metal_dark, c.pal.wood, c.pal.wood_dark);
    let grip = if c.once_in(2) { c.pal.main } else { wood };
    let (main, paper) = (c.pal.main, c.pal.paper);
    c.turned(turn, |c| {
        let split = 70 + handle;
        let blade = format!("M{split} 182H330Q362 184 376 200Q340 {} 290 {}H{split}Z", 182 + belly, 182 + belly);
        let haft = format!("M60 186q-14 2 -14 16t10 20q12 6 24 2l{} -4v-40Z", handle - 6);
        c.cast(&blade);
        c.cast(&haft);
        c.form(&blade, metal);
        c.fill(
            &format!(
                "M{split} {}H290Q330 {} 368 202Q332 {} 288 {}H{split}Z",
                172 + belly,
                170 + belly,
                182 + belly,
                182 + belly
            ),
            metal_dark,
        );
        c.form(&haft, grip);
        c.fill(&rect(split - 12, 180, 18, 42, 4), dark);
        for i in 0..3 {
            c.circle(82 + i * (handle - 40) / 2, 202, 5, if i == 1 { main } else { paper });
        }
        c.veil(&format!("M{} 188H330l18 6H{}Z", split + 14, split + 14), true, 45);
    });
}

pub(super) fn board(c: &mut Canvas) {
    let (turn, w, h) = (c.range(-26, 26), c.range(150, 190), c.range(200, 235));
    let (wood, dark, accent, leaf) = (c.pal.wood, c.pal.wood_dark, c.pal.accent, c.pal.leaf);
    let (main, round) = (c.pal.main, c.range(14, 60));
    let shape = c.pick(3);
    c.turned(turn, |c| {
        let (x, y) = (200 - w / 2, 235 - h / 2);
        let handle = rect(178, y - 72, 44, 90, 20);
        let slab = rect(x, y, w, h, round.min(w / 2 - 2));
        c.cast(&handle);
        c.cast(&slab);
        c.form(&handle, wood);
        c.form(&slab, wood);
        c.circle(200, y - 48, 9, dark);
        for i in 1..5 {
            let gx = x + w * i / 5;
            c.seam(&format!("M{gx} {}c8 {} -8 {} 0 {}", y + 18, h / 4, h / 2, h - 36), 2);
        }
        match shape {
            0 => c.fill(&format!("M{x} {}h{w}v26h-{w}Z", y + h / 2), main),
            1 => {
                for (dx, r) in [(-34, 24), (6, 30), (44, 20)] {
                    c.circle(200 + dx, 240 + dx / 3, r, accent);
                    c.veil(&super::canvas::disc(200 + dx, 240 + dx / 3, r - 6), true, 30);
                }
            }
            _ => {
                for i in 0..4 {
                    c.fill(&format!("M{} 280q-16 -40 6 -78q26 34 -6 78Z", 160 + i * 26), leaf);
                }
            }
        }
    });
}

pub(super) fn bowl(c: &mut Canvas) {
    let (half, height, count) = (c.range(88, 112), c.range(56, 78), c.range(1, 3));
    let fills = [c.pal.main, c.pal.accent, c.pal.light];
    let (dark, ink, leaf) = (c.pal.dark, c.pal.ink, c.pal.leaf);
    let step = c.range(26, 34);
    for i in 0..count {
        let (base, w) = (GROUND - i * step, half - i * 6);
        let top = base - height;
        let d = format!(
            "M{} {top}C{} {} {} {base} {} {base}H{}C{} {base} {} {} {} {top}Z",
            200 - w,
            200 - w + 6,
            top + height * 3 / 4,
            200 - w / 2 - 12,
            200 - w / 3,
            200 + w / 3,
            200 + w / 2 + 12,
            200 + w - 6,
            top + height * 3 / 4,
            200 + w
        );
        let fill = fills[i as usize % 3];
        c.body(&d, fill);
        c.ellipse(200, top, w, 14, if i == 0 { dark } else { fill });
    }
    let (top, w) = (GROUND - (count - 1) * step - height, half - (count - 1) * 6);
    c.ellipse(200, top + 2, w - 8, 9, ink);
    if c.once_in(2) {
        for (x, y) in [(160, -6), (186, -12), (214, -11), (240, -5)] {
            c.circle(x, top + y, 17, leaf);
        }
        c.ellipse(200, top + 10, w - 14, 6, dark);
    }
}

pub(super) fn moka(c: &mut Canvas) {
    let (waist, top_half, base_half) = (c.range(36, 44), c.range(54, 62), c.range(62, 72));
    let (main, dark, metal, ink, accent) = (c.pal.main, c.pal.dark, c.pal.metal, c.pal.ink, c.pal.accent);
    let (head, middle) = (c.range(92, 106), GROUND - c.range(92, 104));
    c.line(&format!("M{} {}h38l14 20v78", 200 + top_half - 10, head + 24), ink, 14);
    c.form(&format!("M{} {head}l-34 -8 14 42Z", 200 - top_half + 12), metal);
    c.form(&format!("M{} {head}H{}L{} {middle}H{}Z", 200 - top_half, 200 + top_half, 200 + waist, 200 - waist), main);
    c.form(
        &format!("M{} {middle}H{}L{} {GROUND}H{}Z", 200 - waist, 200 + waist, 200 + base_half, 200 - base_half),
        metal,
    );
    c.fill(&rect(200 - waist - 8, middle - 10, 2 * waist + 16, 20, 5), dark);
    c.form(&format!("M{} {head}L200 {}L{} {head}Z", 200 - top_half - 3, head - 30, 200 + top_half + 3), metal);
    c.circle(200, head - 36, 11, accent);
    for sign in [-1, 1] {
        c.seam(
            &format!(
                "M{} {head}L{} {middle}L{} {GROUND}",
                200 + sign * top_half / 3,
                200 + sign * waist / 3,
                200 + sign * base_half / 3
            ),
            2,
        );
    }
    c.veil(&format!("M{} {}l10 0 6 70h-10Z", 200 - top_half + 12, head + 12), true, 35);
}

pub(super) fn glass(c: &mut Canvas) {
    let (half, height, foot) = (c.range(46, 60), c.range(112, 140), c.once_in(2));
    let (main, accent, leaf) = (c.pal.main, c.pal.accent, c.pal.leaf);
    let stem = if foot { c.range(50, 70) } else { 0 };
    let (base, top) = (GROUND - stem, GROUND - stem - height);
    let bottom = if foot { half / 2 } else { half - 10 };
    if foot {
        c.put(format_args!(r##"<path d="M196 {base}h8v{}h46v6h-100v-6h46Z" fill="#fff" opacity=".65"/>"##, stem - 6));
    }
    c.put(format_args!(r##"<path d="{}" fill="#fff" opacity=".45"/>"##, vessel(half, bottom, top, base, bottom - 6)));
    let level = top + c.range(28, 60);
    let shrink = (half - bottom) * (level - top) / height;
    c.form(&vessel(half - shrink - 5, bottom - 4, level, base - 6, bottom - 10), main);
    c.ellipse(200, level, half - shrink - 5, 8, accent);
    if c.once_in(2) {
        c.fill(&format!("M{} {}q-6 -44 34 -50q4 38 -34 50Z", 186 + half, top + 12), leaf);
    } else {
        c.line(&format!("M190 {}L{} {}", level + 30, 218 + half / 2, top - 44), accent, 7);
    }
    c.put(format_args!(
        r##"<ellipse cx="200" cy="{top}" rx="{half}" ry="9" fill="none" stroke="#fff" stroke-width="4" opacity=".8"/>"##
    ));
    c.veil(&format!("M{} {}h10l8 {}h-8Z", 200 - half + 12, top + 18, height * 2 / 3), true, 60);
}
