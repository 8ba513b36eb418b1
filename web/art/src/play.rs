//! Motifs of the nursery.

use super::canvas::{Canvas, disc, rect};
use super::stage::GROUND;

pub(super) fn car(c: &mut Canvas) {
    let (half, wheel, kind) = (c.range(108, 126), c.range(26, 34), c.pick(3));
    let (main, dark, light, accent, wood, wood_dark, paper) =
        (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.wood, c.pal.wood_dark, c.pal.paper);
    let low = GROUND - wheel;
    match kind {
        0 => {
            c.form(
                &format!(
                    "M{} {low}V{}q0 -16 18 -18L{} {}Q{} {} {} {}h{}q22 0 34 22l16 32q28 4 28 22V{low}Z",
                    200 - half,
                    low - 44,
                    226 - half / 2 - 20,
                    low - 66,
                    210 - half / 2,
                    low - 116,
                    240 - half / 2,
                    low - 116,
                    half - 30
                ),
                main,
            );
            c.form(&rect(236 - half / 2, low - 102, 48, 38, 8), light);
            c.form(&format!("M{} {}h28q10 0 16 12l12 26h-56Z", 296 - half / 2, low - 102), light);
        }
        1 => {
            c.form(&rect(200 - half, low - 66, 2 * half - 66, 66, 6), wood);
            c.form(&format!("M{} {low}V{}q0 -12 12 -12h26q10 0 14 10l16 36v52Z", 140 + half, low - 86), main);
            c.form(&rect(152 + half, low - 84, 24, 30, 5), paper);
            for (i, fill) in [accent, dark, light].into_iter().enumerate() {
                c.form(&rect(212 - half + i as i32 * 50, low - 108, 44, 42, 5), fill);
            }
        }
        _ => {
            c.form(&rect(200 - half, low - 30, 2 * half, 34, 8), wood);
            c.form(&rect(200 - half + 6, low - 118, 82, 92, 8), main);
            c.fill(&rect(226 - half, low - 100, 40, 36, 6), paper);
            c.form(&rect(280 - half, low - 78, 2 * half - 92, 52, 24), accent);
            c.form(&format!("M{} {}h28l6 -40h-40Z", 134 + half, low - 76), dark);
            c.form(&rect(190 - half, low - 128, 108, 16, 7), dark);
        }
    }
    for x in [200 - half + 46, 200 + half - 50] {
        c.form(&disc(x, GROUND - wheel, wheel), wood_dark);
        c.circle(x, GROUND - wheel, wheel * 3 / 5, wood);
        c.circle(x, GROUND - wheel, wheel / 5, accent);
    }
}

pub(super) fn bear(c: &mut Canvas) {
    let (head, ear, kind) = (c.range(56, 66), c.range(20, 27), c.pick(3));
    let (main, dark, light, accent, ink) = (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.ink);
    let body_y = GROUND - 62;
    let head_y = body_y - 58 - head / 3;
    for sign in [-1, 1] {
        c.ellipse(200 + sign * 58, body_y + 40, 32, 24, dark);
        c.ellipse(200 + sign * 66, body_y + 40, 17, 18, light);
        c.put(format_args!(
            r#"<ellipse cx="{}" cy="{}" rx="20" ry="42" fill="{dark}" transform="rotate({} {} {})"/>"#,
            200 + sign * 62,
            body_y - 14,
            sign * -34,
            200 + sign * 62,
            body_y - 14
        ));
        match kind {
            0 => {
                c.put(format_args!(r#"<ellipse cx="{x}" cy="{y}" rx="19" ry="44" fill="{main}" transform="rotate({t} {x} {y})"/><ellipse cx="{x}" cy="{y}" rx="9" ry="31" fill="{light}" transform="rotate({t} {x} {y})"/>"#, x = 200 + sign * 30, y = head_y - head - 15, t = sign * 12));
            }
            1 => c.form(
                &format!(
                    "M{} {}l{} -{}l{} {}Z",
                    200 + sign * 14,
                    head_y - head + 8,
                    sign * 34,
                    ear + 30,
                    sign * 14,
                    ear + 50
                ),
                main,
            ),
            _ => {
                c.circle(200 + sign * (head - 12), head_y - head + 16, ear, main);
                c.circle(200 + sign * (head - 12), head_y - head + 16, ear / 2, light);
            }
        }
    }
    c.body(
        &format!(
            "M138 {}Q138 {} 200 {}T262 {}Q262 {GROUND} 200 {GROUND}T138 {}Z",
            body_y + 4,
            body_y - 62,
            body_y - 62,
            body_y + 4,
            body_y + 4
        ),
        main,
    );
    c.ellipse(200, body_y + 14, 34, 36, light);
    c.form(&disc(200, head_y, head), main);
    c.ellipse(200, head_y + head / 3, head * 2 / 5, head * 3 / 10, light);
    for sign in [-1, 1] {
        c.circle(200 + sign * head * 2 / 5, head_y - 4, 6, ink);
    }
    c.ellipse(200, head_y + head / 5, 9, 6, ink);
    c.line(&format!("M200 {}v9q-8 8 -14 2M200 {}q8 8 14 2", head_y + head / 5, head_y + head / 5 + 9), ink, 3);
    c.fill(&format!("M200 {}l-34 -16v32ZM200 {}l34 -16v32Z", body_y - 48, body_y - 48), accent);
    c.circle(200, body_y - 48, 8, accent);
}

pub(super) fn blocks(c: &mut Canvas) {
    let side = c.range(64, 74);
    let (main, dark, light, accent, wood, leaf) =
        (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.wood, c.pal.leaf);
    let shift = c.range(-16, 16);
    let base = GROUND - side;
    c.form(&rect(200 - side - 6, base, side, side, 5), wood);
    c.circle(200 - side / 2 - 6, base + side / 2, side / 4, accent);
    if c.once_in(2) {
        c.form(&rect(206, base, side, side, 5), main);
        c.fill(&format!("M{} {}l{} {}h-{}Z", 206 + side / 2, base + 16, side / 3, side - 32, side * 2 / 3), light);
    } else {
        let s = side + 22;
        c.form(&format!("M206 {GROUND}V{base}h{s}v{side}h-{}a{} {} 0 0 0 -{} 0Z", s / 4, s / 4, s / 4, s / 2), main);
    }
    let second = base - side;
    c.form(&rect(200 - side / 2 + shift, second, side, side, 5), accent);
    c.fill(&rect(200 - side / 2 + shift + side / 4, second + side / 4, side / 2, side / 2, 3), wood);
    match c.pick(3) {
        0 => c.form(
            &format!(
                "M{} {second}l{} -{}l{} {}Z",
                194 - side / 2 + shift,
                side / 2 + 6,
                side * 2 / 3,
                side / 2 + 6,
                side * 2 / 3
            ),
            dark,
        ),
        1 => c.form(&format!("M{} {second}a{} {} 0 0 1 {side} 0Z", 200 - side / 2 + shift, side / 2, side / 2), leaf),
        _ => {
            c.form(&rect(200 - side / 4 + shift, second - side, side / 2, side, 5), dark);
            c.circle(200 + shift, second - side - 16, 16, light);
        }
    }
    let x = 200 - side - 44;
    c.form(&disc(x, GROUND - 22, 22), leaf);
}

pub(super) fn rocket(c: &mut Canvas) {
    let (half, height) = (c.range(40, 52), c.range(166, 196));
    let (main, dark, light, accent, paper, metal) =
        (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.paper, c.pal.metal);
    let base = GROUND - 26;
    let top = base - height;
    for sign in [-1, 1] {
        c.form(
            &format!(
                "M{} {}q{} 20 {} {}l{} -26Z",
                200 + sign * (half - 4),
                base - 62,
                sign * 44,
                sign * 44,
                88,
                sign * -44
            ),
            accent,
        );
    }
    c.form(&format!("M176 {base}h48l10 26h-68Z"), metal);
    c.body(
        &format!(
            "M200 {top}Q{} {} {} {}Q{} {} {} {base}H{}Q{} {} {} {}Q{} {} 200 {top}Z",
            200 + half,
            top + 40,
            200 + half,
            top + height / 2,
            200 + half,
            base - 30,
            186 + half,
            214 - half,
            200 - half,
            base - 30,
            200 - half,
            top + height / 2,
            200 - half,
            top + 40
        ),
        main,
    );
    c.form(
        &format!(
            "M200 {top}Q{} {} {} {}H{}Q{} {} 200 {top}Z",
            200 + half - 12,
            top + 22,
            200 + half - 7,
            top + 58,
            207 - half,
            212 - half,
            top + 22
        ),
        dark,
    );
    c.circle(200, top + 94, 25, paper);
    c.circle(200, top + 94, 18, light);
    c.veil(&disc(194, top + 88, 6), true, 70);
    c.fill(&format!("M{} {}h{}v12h-{}Z", 206 - half, base - 42, 2 * half - 12, 2 * half - 12), accent);
    c.form(&rect(193, base - 56, 14, 82, 7), dark);
}

pub(super) fn kite(c: &mut Canvas) {
    let (w, up, down, turn) = (c.range(76, 96), c.range(74, 92), c.range(112, 136), c.range(14, 40));
    let (main, dark, light, accent, ink) = (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.ink);
    let y = 160;
    c.turned(turn, |c| {
        let whole = format!("M200 {}L{} {y}L200 {}L{} {y}Z", y - up, 200 + w, y + down, 200 - w);
        c.line(&format!("M200 {}c-40 30 40 50 0 84t-20 66", y + down), ink, 3);
        for (i, dy) in [34, 76, 118].into_iter().enumerate() {
            let x = 200 + [-8, 8, -8][i];
            c.fill(
                &format!("M{x} {}l-20 -11v22ZM{x} {}l20 -11v22Z", y + down + dy, y + down + dy),
                if i % 2 == 0 { accent } else { main },
            );
        }
        c.cast(&whole);
        c.body(&whole, main);
        c.fill(&format!("M200 {}L{} {y}H200Z", y - up, 200 + w), light);
        c.fill(&format!("M200 {}L{} {y}H200Z", y + down, 200 - w), accent);
        c.fill(&format!("M200 {}L{} {y}H200Z", y + down, 200 + w), dark);
        c.fill(&whole, "url(#s)");
        c.line(&format!("M200 {}V{}M{} {y}H{}", y - up, y + down, 200 - w, 200 + w), ink, 3);
    });
}
