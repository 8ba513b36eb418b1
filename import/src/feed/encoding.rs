//! Text encoding of a file: the one that was given, the one its byte order mark names, or a guess from its bytes that are not
//! ASCII. Only the sample is looked at twice; the file is decoded as it is read.

use std::io::{self, BufRead, Read};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Decoder, UTF_8, UTF_16BE, UTF_16LE};

/// Bytes that a guess looks at.
pub(super) const SAMPLE_BYTES: usize = 256 * 1024;
/// Bytes in which the first that is not ASCII is looked for.
const SEARCH_BYTES: usize = 64 * 1024 * 1024;
/// Bytes decoded at a time.
const CHUNK_BYTES: usize = 32 * 1024;

/// An encoding by one of the names that the web has for it: `utf-8`, `windows-1252`, `shift_jis`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding(&'static encoding_rs::Encoding);

impl Encoding {
    /// What nearly all files have.
    pub const UTF_8: Self = Self(UTF_8);

    /// Its name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }
}

impl std::str::FromStr for Encoding {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known =
            encoding_rs::Encoding::for_label(name.as_bytes()).filter(|known| *known != encoding_rs::REPLACEMENT);
        known
            .map(Self)
            .ok_or_else(|| format!("{name:?} is no encoding that is known here; utf-8, windows-1252, shift_jis are"))
    }
}

/// The encoding of a file that begins with `head`; `rest` is what follows it. JSON is UTF-8 unless it says otherwise (RFC 8259).
pub(super) fn detect(head: &[u8], mut rest: impl Read, is_json: bool) -> io::Result<Encoding> {
    if let Some((named, _)) = encoding_rs::Encoding::for_bom(head) {
        return Ok(Encoding(named));
    }
    if let Some(wide) = without_mark(head) {
        return Ok(Encoding(wide));
    }
    if is_json {
        return Ok(Encoding::UTF_8);
    }
    if let Some(declared) = declared(head) {
        return Ok(declared);
    }
    if !is_plain(head) {
        return Ok(guess(head));
    }
    let mut chunk = vec![0; SAMPLE_BYTES];
    let mut searched = head.len();
    while searched < SEARCH_BYTES {
        let read = read_full(&mut rest, &mut chunk)?;
        if !is_plain(&chunk[..read]) {
            return Ok(guess(&chunk[..read]));
        }
        if read < chunk.len() {
            break;
        }
        searched += read;
    }
    Ok(Encoding::UTF_8)
}

/// The encoding that XML says it has: `<?xml version="1.0" encoding="ISO-8859-1"?>`.
fn declared(head: &[u8]) -> Option<Encoding> {
    let declaration = head.trim_ascii_start().strip_prefix(b"<?xml")?;
    let declaration = std::str::from_utf8(declaration.split(|byte| *byte == b'>').next()?).ok()?;
    let (_, rest) = declaration.split_once("encoding")?;
    let quoted = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = quoted.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    quoted[1..].split(quote).next()?.parse().ok()
}

/// Reads until the buffer is full or the source ends.
pub(super) fn read_full(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // What is wrong with the source is said where its lines are read.
            Err(_) if filled > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// ASCII, and none of the escapes by which ISO-2022-JP writes Japanese in it.
fn is_plain(bytes: &[u8]) -> bool {
    bytes.is_ascii() && !bytes.contains(&0x1b)
}

/// UTF-16 without a mark: every other byte of a table's ASCII is zero, which no other encoding has at all.
fn without_mark(head: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    let head = &head[..head.len().min(4096)];
    // Zeros at the end fill a block.
    let head = &head[..head.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)];
    let zeros = |first: usize| head.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd, pairs) = (zeros(0), zeros(1), head.len() / 2);
    // Letters of other scripts have few zeros, and those on the other side (U+4E00): then what parts cells and lines tells.
    let parts = |unit: fn(&[u8]) -> (u8, u8)| {
        head.chunks_exact(2).map(unit).filter(|(byte, zero)| *zero == 0 && b"\r\n\t,;|".contains(byte)).count()
    };
    let (big, little) = (parts(|pair| (pair[1], pair[0])), parts(|pair| (pair[0], pair[1])));
    // Some zeros alone are damage.
    let some = |zeros: usize| zeros > 2 && zeros * 16 > pairs;
    match (some(even), some(odd)) {
        (true, _) if even > odd * 3 || big > little * 3 => Some(UTF_16BE),
        (_, true) if odd > even * 3 || little > big * 3 => Some(UTF_16LE),
        _ => None,
    }
}

/// UTF-8 where that fits, also with a few broken bytes in it; else what the frequencies of bytes speak for.
fn guess(sample: &[u8]) -> Encoding {
    let (mut letters, mut broken) = (0, 0);
    for chunk in sample.utf8_chunks() {
        letters += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    // The sample may end within a letter.
    if broken <= 1 && letters > 0 || letters > 10 * broken {
        return Encoding::UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(sample, true);
    Encoding(detector.guess(None, Utf8Detection::Deny))
}

/// A source as UTF-8: what cannot be decoded becomes U+FFFD.
pub(super) struct Decoded<R> {
    source: R,
    decoder: Decoder,
    text: Vec<u8>,
    taken: usize,
    ended: bool,
}

impl<R: BufRead> Decoded<R> {
    pub(super) fn new(source: R, encoding: Encoding) -> Self {
        let decoder = encoding.0.new_decoder_with_bom_removal();
        Self { source, decoder, text: Vec::new(), taken: 0, ended: false }
    }
}

impl<R: BufRead> BufRead for Decoded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.taken == self.text.len() && !self.ended {
            let bytes = self.source.fill_buf()?;
            let bytes = &bytes[..bytes.len().min(CHUNK_BYTES)];
            let last = bytes.is_empty();
            let room = self.decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(CHUNK_BYTES * 4);
            self.text.resize(room, 0);
            let (_, read, written, _) = self.decoder.decode_to_utf8(bytes, &mut self.text, last);
            self.text.truncate(written);
            self.taken = 0;
            self.ended = last;
            self.source.consume(read);
        }
        Ok(&self.text[self.taken..])
    }

    fn consume(&mut self, used: usize) {
        self.taken += used;
    }
}

impl<R: BufRead> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let text = self.fill_buf()?;
        let read = text.len().min(buffer.len());
        buffer[..read].copy_from_slice(&text[..read]);
        self.consume(read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn detected(bytes: &[u8]) -> &'static str {
        let (head, rest) = bytes.split_at(bytes.len().min(SAMPLE_BYTES));
        detect(head, rest, false).unwrap().name()
    }

    fn written(text: &str, encoding: &str) -> Vec<u8> {
        let encoding: Encoding = encoding.parse().unwrap();
        let (bytes, _, lost) = encoding.0.encode(text);
        assert!(!lost, "{text} in {}", encoding.name());
        bytes.into_owned()
    }

    fn wide(text: &str, low_first: bool) -> Vec<u8> {
        text.encode_utf16().flat_map(|unit| if low_first { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
    }

    #[test]
    fn what_merchants_programs_write_is_told() {
        let german = "Nr;Name\n1;Kühlschrank mit Gefrierfach, weiß\n2;Öl-Lampe für draußen\n";
        let japanese = "商品番号,商品名\n1,急速充電器 コンセント付き\n2,折りたたみ傘 軽量\n";
        let russian = "Номер;Название\n1;Холодильник белый\n2;Лампа настольная\n";
        let korean = "번호,이름\n1,무선 충전기 고속\n2,접이식 우산\n";
        for (text, encoding) in [
            (german, "windows-1252"),
            (japanese, "Shift_JIS"),
            (japanese, "EUC-JP"),
            (japanese, "ISO-2022-JP"),
            (russian, "windows-1251"),
            (korean, "EUC-KR"),
            ("编号,名称\n1,快速充电器 无线\n2,折叠伞 轻便\n", "GBK"),
            ("編號,名稱\n1,快速充電器 無線\n2,摺疊傘 輕便\n", "Big5"),
            ("Nr;Nazwa\n1;Lodówka z zamrażarką, biała\n2;Świąteczna żarówka\n", "windows-1250"),
        ] {
            assert_eq!(detected(&written(text, encoding)), encoding, "{text}");
            assert_eq!(detected(text.as_bytes()), "UTF-8");
        }
        assert_eq!(detected(b"Nr;Name\n1;Lamp\n"), "UTF-8");
        assert_eq!(detected(b"<?xml version='1.0' encoding = \"iso-8859-2\"?><rss/>"), "ISO-8859-2");
        assert_eq!(detected(&wide(german, true)), "UTF-16LE");
        assert_eq!(detected(&wide(german, false)), "UTF-16BE");
        assert_eq!(detected(&wide(&format!("\u{feff}{japanese}"), true)), "UTF-16LE");
        for text in [german, japanese, russian, korean, "编号,名称\n一,统一商品一\n"] {
            assert_eq!(detected(&wide(text, true)), "UTF-16LE", "{text}");
            assert_eq!(detected(&wide(text, false)), "UTF-16BE", "{text}");
        }
        assert_eq!(detected(b"Nr;Name\n1;La\0mp\n2;Other things\n"), "UTF-8");
    }

    #[test]
    fn what_comes_late_counts_and_a_broken_byte_does_not() {
        let late = [b"1;Lamp\n".repeat(100_000), written("2;Kühlschrank\n", "windows-1252")].concat();
        assert_eq!(detected(&late), "windows-1252");
        let damaged = ["2;Kühlschrank für Öl\n".repeat(10).as_bytes(), b"3;\xff\n"].concat();
        assert_eq!(detected(&damaged), "UTF-8");
        let cut = "ü".repeat(SAMPLE_BYTES);
        assert_eq!(detected(&[b"x", cut.as_bytes()].concat()), "UTF-8");
    }

    #[test]
    fn names_of_encodings() {
        for (name, want) in
            [("latin1", "windows-1252"), ("SJIS", "Shift_JIS"), ("utf8", "UTF-8"), ("utf-16", "UTF-16LE")]
        {
            assert_eq!(name.parse::<Encoding>().unwrap().name(), want);
        }
        assert!("klingon".parse::<Encoding>().is_err());
        assert!("hz-gb-2312".parse::<Encoding>().is_err(), "it decodes to nothing");
    }

    proptest! {
        #[test]
        fn decoding_is_complete(text in "\\PC{0,400}", split in 1usize..50) {
            let bytes = [&[0xff, 0xfe], wide(&text, true).as_slice()].concat();
            let slow = io::BufReader::with_capacity(split, bytes.as_slice());
            let mut out = String::new();
            Decoded::new(slow, Encoding(UTF_16LE)).read_to_string(&mut out).unwrap();
            prop_assert_eq!(out, text);
        }
    }
}
