//! Text sanitising, as files come from strangers: plain text out of HTML, white space, labels, words. Pure and deterministic.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use crate::limits;

/// Words of several lines: HTML walked as a tree, runs of blanks made one, at most one empty line between paragraphs. Text that is no
/// HTML keeps its signs.
pub fn plain(text: &str) -> String {
    tidy(&souk_html::plain(text))
}

/// Words of one line.
pub fn plain_line(text: &str) -> String {
    one_line(&souk_html::plain(text))
}

fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control() || is_invisible(c)).filter(|w| !w.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    if out.is_ascii() { out } else { out.nfc().collect() }
}

fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.split(['\n', '\r', '\u{2028}', '\u{2029}']) {
        let line = one_line(line);
        if line.is_empty() {
            empty += 1;
            continue;
        }
        if !out.is_empty() {
            out.push_str(if empty > 0 { "\n\n" } else { "\n" });
        }
        empty = 0;
        out.push_str(&line);
    }
    out
}

/// Characters that show nothing but make two equal looking texts differ: zero width blanks, direction marks, BOM.
pub(crate) fn is_invisible(c: char) -> bool {
    let marks = matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}');
    marks || matches!(c, '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A text without them: numbers and codes that programs for Arabic or Hebrew wrote have some.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if text.contains(is_invisible) { text.replace(is_invisible, "").into() } else { text.into() }
}

/// Whether an address of the web goes on with what follows a comma behind it: `https://x.example/w_1` with `h_2/a.jpg`, and not
/// with ` b.jpg` or another address.
pub(crate) fn goes_on(address: &str, next: &str) -> bool {
    // What is longer than an address may be is none, so that a cell is not looked at again for each of its commas.
    let is_address = address.len() <= limits::URL_CHARS && web_url(address).is_some();
    let is_complete = !address.contains(['?', '#']) && has_picture_ending(address);
    let is_another = next.starts_with(char::is_whitespace) || next.is_empty() || next.contains("//");
    is_address && !is_complete && !is_another
}

/// The addresses that stand in one cell: `https://x.example/a.jpg; https://x.example/b.jpg`.
pub fn addresses(cell: &str) -> Vec<&str> {
    let mut starts: Vec<usize> = vec![0];
    for (at, _) in cell.match_indices("http").filter(|(at, _)| *at > 0) {
        let begins = cell[at..].starts_with("http://") || cell[at..].starts_with("https://");
        let parted = cell[..at].ends_with([',', ';', '|']) || cell[..at].ends_with(char::is_whitespace);
        if begins && parted {
            starts.push(at);
        }
    }
    let ends = starts.iter().skip(1).copied().chain([cell.len()]);
    let between = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '|');
    let found = starts.iter().zip(ends).map(|(start, end)| cell[*start..end].trim_matches(between));
    found.filter(|address| !address.is_empty()).collect()
}

fn has_picture_ending(path: &str) -> bool {
    const ENDINGS: &[&str] = &["jpg", "jpeg", "png", "gif", "webp", "avif", "svg", "bmp", "tif", "tiff", "heic"];
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    ENDINGS.iter().any(|known| known.eq_ignore_ascii_case(ending))
}

/// True for an absolute `http` or `https` address without spaces or control characters.
pub fn is_web_url(url: &str) -> bool {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = host.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    host.contains(char::is_alphanumeric)
        && !host.contains(['%', '<', '>', '"', '\\'])
        && !url.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// The absolute address that is meant: `//cdn.example/a b.jpg` is `https://cdn.example/a%20b.jpg`. None for what is no address of
/// the web, or one within a site that is not known.
pub fn web_url(written: &str) -> Option<String> {
    let written = written.trim();
    let (scheme, rest) = match written.split_once("//") {
        Some(("", rest)) => ("https:", rest),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https:") => ("https:", rest),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http:") => ("http:", rest),
        _ => return None,
    };
    let url = format!("{scheme}//{}", rest.replace(' ', "%20"));
    is_web_url(&url).then_some(url)
}

/// ` words of a text `: lower case, whatever is no letter or digit made one blank, a blank at both ends, so that
/// ` word ` finds whole words only. What keyword rules look at.
pub fn words(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(' ');
    for c in text.chars() {
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        } else if !out.ends_with(' ') {
            out.push(' ');
        }
    }
    if !out.ends_with(' ') {
        out.push(' ');
    }
    out
}

/// A stable attribute key of `[a-z0-9_]`: `Display  diagonal` and `display__diagonal_` both give `display_diagonal`.
pub fn attribute_key(name: &str) -> String {
    let mut key = String::with_capacity(name.len());
    for c in name.nfkd().filter(char::is_ascii) {
        if c.is_ascii_alphanumeric() {
            key.push(c.to_ascii_lowercase());
        } else if !key.is_empty() && !key.ends_with('_') {
            key.push('_');
        }
    }
    key.truncate(key.trim_end_matches('_').len());
    key
}

/// Words that stay capitals, and brands that are written in a way of their own.
const SPELLINGS: &[&str] = &[
    "A3",
    "A4",
    "AC",
    "ADF",
    "ADSL",
    "AES",
    "ATX",
    "AWG",
    "BIOS",
    "CD",
    "CE",
    "CMOS",
    "CPU",
    "CRT",
    "DC",
    "DDR",
    "DDR2",
    "DDR3",
    "DDR4",
    "DIMM",
    "DLNA",
    "DPI",
    "DVD",
    "DVI",
    "EAN",
    "ECC",
    "EMI",
    "EU",
    "FM",
    "FSB",
    "GPS",
    "GPU",
    "HD",
    "HDCP",
    "HDD",
    "HDDs",
    "HDMI",
    "HDR",
    "HS",
    "ID",
    "IEEE",
    "IP",
    "IPv4",
    "IPv6",
    "ISO",
    "IT",
    "JPEG",
    "KVM",
    "LAN",
    "LCD",
    "LED",
    "MAC",
    "MPN",
    "MTBF",
    "NFC",
    "NTSC",
    "OEM",
    "OS",
    "PC",
    "PCI",
    "PCL",
    "PDF",
    "PDU",
    "PIN",
    "PoE",
    "PPM",
    "PS",
    "PVC",
    "QoS",
    "RAID",
    "RAM",
    "RCA",
    "RF",
    "RFI",
    "RGB",
    "RJ",
    "RMS",
    "ROM",
    "RoHS",
    "SAS",
    "SATA",
    "SD",
    "SDRAM",
    "SFP",
    "SIM",
    "SMS",
    "SNMP",
    "SSD",
    "SSDs",
    "SSID",
    "TDP",
    "TFT",
    "TV",
    "UHF",
    "UK",
    "UPC",
    "UPS",
    "URL",
    "US",
    "USA",
    "USB",
    "VA",
    "VESA",
    "VGA",
    "VHF",
    "VLAN",
    "VoIP",
    "VPN",
    "VRLA",
    "VT",
    "WEP",
    "WLAN",
    "WPA",
    "WxDxH",
    "WxHxD",
    "XPS",
    "Intel",
    "Bluetooth",
    "Ethernet",
    "Energy",
    "Windows",
    "Linux",
];

/// A name for people out of a key of a feed: `thermal_design_power__tdp_` gives `Thermal design power (TDP)`.
pub fn label(key: &str) -> String {
    let key = key.strip_suffix("__t_t_").or_else(|| key.strip_suffix("__h_h_")).unwrap_or(key);
    let key = key.replace("intel__", "intel_").replace("connector_s_", "connector(s)");
    let mut out = String::with_capacity(key.len() + 4);
    let mut open = false;
    for (i, part) in key.trim_matches('_').split("__").enumerate() {
        if i > 0 {
            out.push_str(if open { ") " } else { " (" });
            open = !open;
        }
        out.push_str(&spell(part));
    }
    if open {
        out.push(')');
    }
    let out = one_line(&out);
    let mut chars = out.chars();
    match chars.next() {
        Some(first) if !out.starts_with("IPv") => first.to_uppercase().chain(chars).collect(),
        _ => out,
    }
}

fn spell(part: &str) -> String {
    let words = part.split(['_', ' ', '-', '.']).filter(|word| !word.is_empty());
    let spelled =
        words.map(|word| SPELLINGS.iter().find(|known| known.eq_ignore_ascii_case(word)).copied().unwrap_or(word));
    spelled.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn markup_is_gone_and_words_stay() {
        assert_eq!(plain("<ul><li>Toner</li><li>9,000 &amp; more</li></ul>"), "Toner\n9,000 & more");
        assert_eq!(plain("Duo E8200 <br />(6M Cache)"), "Duo E8200\n(6M Cache)");
        assert_eq!(plain("a<script>alert(1)</script>b<style>x{}</style>"), "ab");
        assert_eq!(plain("<img src=x onerror=alert(1)>text"), "text");
        assert_eq!(plain("Mini PC (<= 3L) & AT&T"), "Mini PC (<= 3L) & AT&T");
        assert_eq!(plain("&lt;b&gt; stays text"), "<b> stays text");
        assert_eq!(plain("one\r\n\r\n\r\n two \u{0}\u{200b} three"), "one\n\ntwo three");
        assert_eq!(plain_line(" a\u{a0}\tb\nc "), "a b c");
    }

    #[test]
    fn addresses_in_a_cell() {
        for (cell, want) in [
            ("https://x.example/a.jpg", &["https://x.example/a.jpg"][..]),
            (
                "https://x.example/a.jpg; https://x.example/b c.jpg",
                &["https://x.example/a.jpg", "https://x.example/b c.jpg"],
            ),
            (
                "a.jpg,http://x.example/b.jpg|\nhttps://x.example/c.jpg,",
                &["a.jpg", "http://x.example/b.jpg", "https://x.example/c.jpg"],
            ),
            (
                "https://x.example/fetch/https://y.example/a.jpg?u=http://z",
                &["https://x.example/fetch/https://y.example/a.jpg?u=http://z"],
            ),
            ("", &[]),
        ] {
            assert_eq!(addresses(cell), want, "{cell}");
        }
        for bad in
            ["https://", "https://?x", "https://.", "https:///a.jpg", "https://a b.example/x.jpg", "x.example/a.jpg"]
        {
            assert_eq!(web_url(bad), None, "{bad}");
        }
        assert!(web_url("https://日本.example/商品.jpg").is_some() && web_url("http://[::1]/a.jpg").is_some());
    }

    #[test]
    fn labels_read_well() {
        for (key, want) in [
            ("thermal_design_power__tdp_", "Thermal design power (TDP)"),
            ("operating_temperature__t_t_", "Operating temperature"),
            ("contrast_ratio__typical_", "Contrast ratio (typical)"),
            ("master__outer__case_width", "Master (outer) case width"),
            ("usb_2_0_ports_quantity", "USB 2 0 ports quantity"),
            ("intel__turbo_boost_technology", "Intel turbo boost technology"),
            ("connector_s_", "Connector(s)"),
            ("hdmi_ports_quantity", "HDMI ports quantity"),
            ("wattage", "Wattage"),
        ] {
            assert_eq!(label(key), want, "{key}");
        }
        assert_eq!(attribute_key("Contrast ratio (typical)"), "contrast_ratio_typical");
        assert_eq!(attribute_key("__größe__"), "groe");
    }

    proptest! {
        #[test]
        fn plain_text_has_nothing_to_fear(text in "\\PC*|[<>&;/a-z \\n\\r\\t\"'=]*") {
            for out in [plain(&text), plain_line(&text)] {
                prop_assert!(!out.chars().any(|c| c.is_control() && c != '\n'));
                prop_assert_eq!(out.trim(), &out);
            }
            prop_assert!(!plain_line(&text).contains('\n'));
        }
    }
}
