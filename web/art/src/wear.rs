//! Motifs of clothing, laid flat.

use super::canvas::{Canvas, disc, rect};

pub(super) fn tshirt(c: &mut Canvas) {
    let (w, hem, sleeve) = (c.range(66, 78), c.range(306, 330), c.range(34, 52));
    let (main, dark, accent, paper) = (c.pal.main, c.pal.dark, c.pal.accent, c.pal.paper);
    let long = c.once_in(4);
    let drop = if long { 140 } else { 44 };
    let (l, r) = (200 - w, 200 + w);
    let d = format!(
        "M162 88Q200 118 238 88L{} 104L{} {}L{} {}L{r} 176L{} {hem}Q200 {} {} {hem}L{l} 176L{} {}L{} {}L{} 104Z",
        r + 6,
        r + sleeve + if long { 10 } else { 18 },
        136 + drop,
        r + sleeve - 22,
        150 + drop,
        r + 4,
        hem + 8,
        l - 4,
        l - sleeve + 22,
        150 + drop,
        l - sleeve - if long { 10 } else { 18 },
        136 + drop,
        l - 6
    );
    c.cast(&d);
    c.body(&d, main);
    c.line("M162 88Q200 118 238 88", dark, 8);
    c.seam(&format!("M{l} 176L{} 128M{r} 176L{} 128", l + 4, r - 4), 3);
    c.seam(&format!("M{} {}Q200 {} {} {}", l + 2, hem - 12, hem - 4, r - 2, hem - 12), 2);
    match c.pick(4) {
        0 => c.fill(&rect(212, 146, 32, 36, 4), dark),
        1 => c.circle(200, 190, 30, accent),
        2 => c.fill("M166 214L200 160L234 214Z", paper),
        _ => {}
    }
}

pub(super) fn sweater(c: &mut Canvas) {
    let (w, hem) = (c.range(70, 82), c.range(292, 312));
    let (main, dark, light, accent) = (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent);
    let (l, r) = (200 - w, 200 + w);
    for (side, sign) in [(l, -1), (r, 1)] {
        let sleeve = format!(
            "M{} 100Q{} 108 {} 140L{} {}l{} 6L{} 190Z",
            side - 4 * sign,
            side + 22 * sign,
            side + 30 * sign,
            side + 48 * sign,
            hem - 18,
            -38 * sign,
            side
        );
        c.cast(&sleeve);
        c.body(&sleeve, main);
        c.line(&format!("M{} {}l{} 6", side + 43 * sign, hem - 10, -27 * sign), dark, 14);
    }
    let d = format!("M160 84Q200 108 240 84L{} 100L{r} 190V{hem}Q200 {} {l} {hem}V190L{} 100Z", r - 4, hem + 6, l + 4);
    c.cast(&d);
    c.body(&d, main);
    match c.pick(3) {
        0 => {
            for (i, fill) in [light, accent, dark].into_iter().enumerate() {
                let y = 150 + 24 * i as i32;
                c.fill(&format!("M{} {y}Q200 {} {} {y}v14Q200 {} {} {}Z", l, y + 6, r, y + 20, l, y + 14), fill);
            }
        }
        1 => {
            for x in [172, 200, 228] {
                c.seam(&format!("M{x} 110q-12 14 0 28t0 28t0 28t0 28t0 28t0 {}", hem - 268), 5);
            }
        }
        _ => {
            for i in 0..9 {
                let x = l + 8 + i * (2 * w - 16) / 9;
                c.fill(&format!("M{x} 142l8 12l8 -12v14l-8 12l-8 -12Z"), if i % 2 == 0 { light } else { accent });
            }
        }
    }
    c.line("M160 84Q200 110 240 84", dark, 13);
    c.fill(&format!("M{l} {}Q200 {} {r} {}V{hem}Q200 {} {l} {hem}Z", hem - 18, hem - 10, hem - 18, hem + 6), dark);
}

pub(super) fn jacket(c: &mut Canvas) {
    let (w, hem, hood) = (c.range(70, 84), c.range(294, 326), c.once_in(2));
    let (main, dark, light, accent, metal, ink) =
        (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.metal, c.pal.ink);
    let (l, r) = (200 - w, 200 + w);
    for (side, sign) in [(l, -1), (r, 1)] {
        let sleeve = format!(
            "M{} 98Q{} 106 {} 142L{} {}l{} 4L{} 196Z",
            side - 6 * sign,
            side + 22 * sign,
            side + 30 * sign,
            side + 42 * sign,
            hem - 20,
            -36 * sign,
            side
        );
        c.cast(&sleeve);
        c.form(&sleeve, dark);
    }
    if hood {
        c.form("M150 104C140 40 260 40 250 104Q200 128 150 104Z", dark);
        c.fill("M166 100C164 62 236 62 234 100Q200 118 166 100Z", ink);
    }
    let d = format!("M158 88Q200 106 242 88L{} 98L{r} 196V{hem}H{l}V196L{} 98Z", r - 6, l + 6);
    c.cast(&d);
    c.form(&d, main);
    if c.once_in(2) {
        for y in (130..hem - 12).step_by(34) {
            c.seam(&format!("M{l} {y}Q200 {} {r} {y}", y + 8), 3);
        }
    } else {
        c.fill(&format!("M{} 98L158 88Q200 106 242 88L{} 98L{r} 170H{l}Z", l + 6, r - 6), light);
    }
    if hood {
        c.line(&format!("M200 104V{hem}"), metal, 4);
    } else {
        c.form("M158 86L200 104L180 142L146 100Z", dark);
        c.form("M242 86L200 104L220 142L254 100Z", dark);
        c.seam(&format!("M200 104V{hem}"), 3);
        for y in (150..hem - 20).step_by(40) {
            c.circle(208, y, 5, accent);
        }
    }
    for x in [l + 14, r - 54] {
        c.fill(&rect(x, hem - 76, 40, 44, 5), dark);
        c.fill(&rect(x, hem - 76, 40, 12, 4), accent);
    }
}

pub(super) fn trousers(c: &mut Canvas) {
    let (waist, flare, hem) = (c.range(52, 64), c.range(-6, 26), c.range(318, 344));
    let shorts = c.once_in(5);
    let hem = if shorts { 220 } else { hem };
    let (main, dark, accent, wood) = (c.pal.main, c.pal.dark, c.pal.accent, c.pal.wood);
    let out = 200 - waist - flare;
    let d = format!(
        "M{} 64H{}L{} {hem}H{}L200 150L{} {hem}H{out}Z",
        200 - waist,
        200 + waist,
        400 - out,
        400 - out - 52,
        out + 52
    );
    c.cast(&d);
    c.body(&d, main);
    c.fill(&format!("M{} 64H{}l3 22H{}Z", 200 - waist, 200 + waist, 197 - waist), dark);
    c.seam("M200 86V150q-14 -4 -14 -30V86", 3);
    c.seam(&format!("M{} 90q20 8 22 34M{} 90q-20 8 -22 34", 204 - waist, 196 + waist), 3);
    c.seam(
        &format!("M{} 160L{} {hem}M{} 160L{} {hem}", 200 - waist / 2 - 4, out + 24, 200 + waist / 2 + 4, 376 - out),
        2,
    );
    c.circle(200, 75, 5, wood);
    if c.once_in(2) {
        for x in [out, 348 - out] {
            c.fill(&format!("M{x} {}h52v18h-52Z", hem - 16), accent);
        }
    }
}

pub(super) fn dress(c: &mut Canvas) {
    let (waist, flare, hem) = (c.range(40, 48), c.range(92, 124), c.range(316, 346));
    let (main, dark, accent) = (c.pal.main, c.pal.dark, c.pal.accent);
    let middle = c.range(164, 186);
    let d = format!(
        "M{} 62L166 60Q200 112 234 60L{} 62Q{} 110 {} 124Q{} 148 {} {middle}Q{} {} {} {hem}Q200 {} {} {hem}Q{} {} {} {middle}Q{} 148 {} 124Q{} 110 {} 62Z",
        150,
        250,
        246,
        262,
        200 + waist,
        200 + waist,
        210 + waist,
        middle + 70,
        200 + flare,
        hem + 22,
        200 - flare,
        190 - waist,
        middle + 70,
        200 - waist,
        200 - waist,
        138,
        154,
        150
    );
    c.cast(&d);
    if c.once_in(2) {
        for sign in [-1, 1] {
            let sleeve = format!(
                "M{} 62Q{} 76 {} 128L{} 134L{} 112Z",
                200 + 48 * sign,
                200 + 84 * sign,
                200 + 92 * sign,
                200 + 66 * sign,
                200 + 58 * sign
            );
            c.cast(&sleeve);
            c.body(&sleeve, main);
        }
    }
    c.body(&d, main);
    c.fill(&format!("M{} {}H{}v14H{}Z", 200 - waist, middle - 7, 200 + waist, 200 - waist), accent);
    for x in [-2, -1, 1, 2] {
        c.seam(
            &format!(
                "M{} {}Q{} {} {} {}",
                200 + x * 14,
                middle + 10,
                200 + x * 20,
                middle + 60,
                200 + x * flare / 3,
                hem + 2
            ),
            3,
        );
    }
    c.line("M166 60Q200 112 234 60", dark, 5);
}

pub(super) fn socks(c: &mut Canvas) {
    let (leg, turn, stripes) = (c.range(120, 160), c.range(-16, 16), c.pick(4));
    let (main, dark, light, accent) = (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent);
    c.turned(turn, |c| {
        for (x, y) in [(196, 84), (112, 96)] {
            let low = y + leg;
            let d = format!(
                "M{x} {y}h62V{low}q2 24 24 34l44 20q22 12 12 34q-8 16 -34 14L{} {}Q{x} {} {x} {}Z",
                x + 40,
                low + 86,
                low + 70,
                low + 30
            );
            c.cast(&d);
            c.body(&d, main);
            c.fill(&format!("M{x} {}q6 34 34 44q22 -4 26 -30q-18 -30 -36 -34Z", low + 32), accent);
            c.fill(&format!("M{} {}l22 10q22 12 12 34q-8 16 -34 14l-18 -4q20 -20 18 -54Z", x + 108, low + 44), accent);
            c.fill(&format!("M{x} {y}h62v24h-62Z"), dark);
            match stripes {
                0 => (0..3).for_each(|i| {
                    c.fill(&format!("M{x} {}h62v10h-62Z", y + 42 + i * 26), if i == 1 { accent } else { light })
                }),
                1 => c.fill(&format!("M{x} {}h62v40h-62Z", y + 52), light),
                _ => {}
            }
        }
    });
}

pub(super) fn beanie(c: &mut Canvas) {
    let (half, brim, height, bobble) = (c.range(92, 110), c.range(42, 58), c.range(128, 156), c.once_in(2));
    let (main, dark, light, accent) = (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent);
    let low = 262;
    let top = low - height;
    if bobble {
        c.cast(&disc(200, top - 8, 32));
        c.form(&disc(200, top - 8, 32), light);
        for (x, y) in [(-12, -14), (10, -18), (-4, 2), (16, 0), (-18, 6)] {
            c.circle(200 + x, top - 8 + y, 5, accent);
        }
    }
    let crown = format!(
        "M{} {low}C{} {} {} {top} 200 {top}S{} {} {} {low}Z",
        200 - half + 6,
        200 - half,
        low - 90,
        140,
        200 + half,
        low - 90,
        200 + half - 6
    );
    c.cast(&crown);
    c.body(&crown, main);
    let ribs: String = (-3..=3)
        .map(|x| {
            format!("M{} {low}Q{} {} {} {}", 200 + x * half / 4, 200 + x * half / 4, top + 50, 200 + x * 9, top + 6)
        })
        .collect();
    c.seam(&ribs, 3);
    let fold = rect(200 - half - 4, low - 8, 2 * half + 8, brim, 14);
    c.cast(&fold);
    c.form(&fold, dark);
    let ribs: String =
        (1..12).map(|i| format!("M{} {}v{}", 200 - half - 4 + i * (2 * half + 8) / 12, low + 2, brim - 20)).collect();
    c.seam(&ribs, 3);
    c.fill(&rect(200 + half / 3, low + 6, 34, brim - 26, 3), accent);
}

pub(super) fn scarf(c: &mut Canvas) {
    let (w, turn, kind) = (c.range(56, 74), c.range(-14, 14), c.pick(3));
    let (main, dark, light, accent, paper) = (c.pal.main, c.pal.dark, c.pal.light, c.pal.accent, c.pal.paper);
    let (low, long) = (c.range(300, 322), c.range(330, 350));
    c.turned(turn, |c| {
        let tails = [(200 - w - 6, low, dark), (206, long, main)];
        for (x, end, fill) in tails {
            let d = format!("M{x} 130h{w}V{end}h-{w}Z");
            c.cast(&d);
            c.put(format_args!(r#"<path d="M{x} {}h{w}" stroke="{fill}" stroke-width="24" stroke-dasharray="5 5"/>"#, end + 12));
            c.body(&d, fill);
            match kind {
                0 => (0..3).for_each(|i| c.fill(&format!("M{x} {}h{w}v8h-{w}Z", end - 24 - i * 20), if i == 1 { accent } else { paper })),
                1 => c.fill(&format!("M{} 150h12V{end}h-12Z", x + w / 2 - 6), accent),
                _ => {}
            }
        }
        let loop_path = "M118 132C104 60 296 60 282 132C276 176 124 176 118 132ZM152 118C160 138 240 138 248 118C242 92 158 92 152 118Z";
        c.cast(loop_path);
        c.put(format_args!(r#"<path d="{loop_path}" fill="{main}" fill-rule="evenodd"/>"#));
        c.seam("M124 140C140 170 260 170 276 140M130 112C150 84 250 84 270 112", 3);
        c.form("M186 132q34 -10 62 8q6 26 -14 40q-40 2 -52 -18Z", light);
    });
}
