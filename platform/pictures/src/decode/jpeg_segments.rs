//! JPEG segments (ITU-T T.81, annex B): walks through the file, judges its header, and leaves only what a decoder
//! needs. Metadata, whatever stands between segments and what follows the picture never reach it.

use super::{check_size, cut, pixels};
use crate::PictureError;
use crate::exif::Orientation;

/// Passes over the pixels. Programs make about ten of a progressive picture.
const MAX_SCANS: usize = 100;
/// Passes times pixels: a large picture may have fewer passes, or it takes a minute. Thirty at 50 megapixels.
const MAX_WORK: u64 = 1_500_000_000;
/// Ones in place of what follows the last pass. No code consists of ones alone (C.2), so a decoder that runs out of
/// data does not mistake zeros for a grey rest of the picture, but fails. At most 47 are taken before that.
const PADDING: [u8; 16] = [0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0];

const SOI: [u8; 2] = [0xff, 0xd8];
const EOI: [u8; 2] = [0xff, 0xd9];

/// A channel, as the frame header describes it.
#[derive(Clone, Copy)]
struct Component {
    id: u8,
    across: u32,
    down: u32,
}

/// Frame header (SOF).
struct Frame {
    progressive: bool,
    width: u32,
    height: u32,
    components: Vec<Component>,
}

/// What a JPEG consists of.
pub(super) struct Segments {
    frame: Frame,
    /// The file without all that is not needed to decode it.
    pub(super) stream: Vec<u8>,
    scans: usize,
    /// Channels of the first scan.
    first_scan: usize,
    /// What Adobe's marker says of the colours: 0 as they are, 1 YCbCr, 2 YCCK.
    pub(super) adobe_transform: Option<u8>,
    pub(super) orientation: Orientation,
    profile: Vec<(u8, Vec<u8>)>,
}

impl Segments {
    pub(super) fn read(content: &[u8]) -> Result<Self, PictureError> {
        let mut walk = Walk { rest: content.strip_prefix(&SOI).unwrap_or_default(), restart_interval: 0 };
        let mut frame = None;
        let mut this = Self {
            frame: Frame { progressive: false, width: 0, height: 0, components: Vec::new() },
            stream: Vec::with_capacity(content.len() + 32),
            scans: 0,
            first_scan: 0,
            adobe_transform: None,
            orientation: Orientation::default(),
            profile: Vec::new(),
        };
        this.stream.extend(SOI);
        let mut exif_seen = false;
        let mut complete = false;
        let mut restarts_missing = false;
        while let Some(marker) = walk.marker() {
            // Standing alone: restarts, and one that is for no use.
            if matches!(marker, 0x01 | 0xd0..=0xd8) {
                continue;
            }
            if marker == 0xd9 {
                complete = true;
                break;
            }
            let body = walk.segment().ok_or_else(cut)?;
            match marker {
                0xc0..=0xc2 if frame.is_some() => return Err(PictureError::damaged("it has two headers")),
                0xc0..=0xc2 => frame = Some(Frame::read(marker, body)?),
                0xc4 | 0xdb => {}
                0xc3 | 0xc5..=0xcf => {
                    return Err(PictureError::Unsupported("JPEG with arithmetic coding or without loss"));
                }
                0xdd => walk.restart_interval = body.first_chunk().map_or(0, |bytes| u16::from_be_bytes(*bytes).into()),
                0xda => {
                    let frame = frame.as_ref().ok_or_else(|| PictureError::damaged("its header is missing"))?;
                    this.scans += 1;
                    if this.scans == 1 {
                        this.first_scan = body.first().copied().unwrap_or(0).into();
                    }
                    if this.scans > MAX_SCANS || this.scans as u64 * pixels(frame.width, frame.height) > MAX_WORK {
                        return Err(PictureError::TooManyScans(this.scans));
                    }
                }
                0xe1 if !exif_seen && body.starts_with(b"Exif\0\0") => {
                    this.orientation = Orientation::from_exif(body);
                    exif_seen = true;
                    continue;
                }
                0xe2 => {
                    // The number of the part, and how many there are.
                    if let Some([number, _, part @ ..]) = body.strip_prefix(b"ICC_PROFILE\0") {
                        this.profile.push((*number, part.to_vec()));
                    }
                    continue;
                }
                0xee => {
                    if let Some([_, _, _, _, _, _, transform, ..]) = body.strip_prefix(b"Adobe") {
                        this.adobe_transform = Some(*transform);
                    }
                    continue;
                }
                _ => continue,
            }
            this.keep(marker, body)?;
            if marker == 0xda {
                let (data, restarts) = walk.scan();
                this.stream.extend_from_slice(data);
                let intervals = frame.as_ref().map_or(0, |frame| frame.blocks()).div_ceil(walk.restart_interval.max(1));
                restarts_missing |= this.scans == 1 && walk.restart_interval > 0 && restarts + 2 < intervals;
            }
        }
        this.frame = frame.ok_or_else(cut)?;
        let single = !this.frame.progressive && this.scans == 1 && this.first_scan == this.frame.components.len();
        if this.scans == 0 || restarts_missing {
            return Err(cut());
        }
        // Some cameras forget the end; whether all pixels are there, the decoder tells then. More than one pass must
        // have it.
        if !complete && (!single || walk.restart_interval > 0) {
            return Err(cut());
        }
        // The first of several passes has colours without detail; there must be others.
        if this.frame.progressive && this.scans < 2 {
            return Err(cut());
        }
        this.stream.extend(PADDING);
        this.stream.extend(EOI);
        Ok(this)
    }

    fn keep(&mut self, marker: u8, body: &[u8]) -> Result<(), PictureError> {
        let length = u16::try_from(body.len() + 2).map_err(PictureError::damaged)?;
        self.stream.extend([0xff, marker]);
        self.stream.extend(length.to_be_bytes());
        self.stream.extend_from_slice(body);
        Ok(())
    }

    pub(super) const fn size(&self) -> (u32, u32) {
        (self.frame.width, self.frame.height)
    }

    pub(super) fn channels(&self) -> usize {
        self.frame.components.len()
    }

    /// The channels are called red, green and blue; some encoders say it in no other way.
    pub(super) fn named_rgb(&self) -> bool {
        self.frame.components.iter().map(|component| component.id).eq(*b"RGB")
    }

    /// Bytes that decoding needs: the pixels and, if they come in several passes, all coefficients.
    pub(super) fn memory(&self) -> u64 {
        let Frame { width, height, ref components, .. } = self.frame;
        let (across, down) = self.frame.sampling();
        let (units_across, units_down) = (width.div_ceil(8 * across), height.div_ceil(8 * down));
        let coefficients: u64 = (components.iter())
            .map(|component| pixels(units_across * 8 * component.across, units_down * 8 * component.down) * 2)
            .sum();
        let passes = self.frame.progressive || self.first_scan < components.len();
        // Rows under way: at most 32 high, in words, up-sampled.
        let rows = u64::from(width) * components.len() as u64 * 32 * 2 * 3;
        pixels(width, height) * components.len() as u64 + rows + if passes { coefficients } else { 0 }
    }

    /// The ICC profile out of its parts.
    pub(super) fn profile(&mut self) -> Option<Vec<u8>> {
        self.profile.sort_by_key(|(number, _)| *number);
        let whole = self.profile.iter().enumerate().all(|(at, (number, _))| usize::from(*number) == at + 1);
        (whole && !self.profile.is_empty())
            .then(|| std::mem::take(&mut self.profile).into_iter().flat_map(|(_, part)| part).collect())
    }
}

impl Frame {
    fn read(marker: u8, body: &[u8]) -> Result<Self, PictureError> {
        let [depth, h0, h1, w0, w1, count] = *body.first_chunk().ok_or_else(cut)?;
        let (width, height) = (u16::from_be_bytes([w0, w1]).into(), u16::from_be_bytes([h0, h1]).into());
        check_size(width, height)?;
        if depth != 8 {
            return Err(PictureError::Unsupported("JPEG of 12 bits a channel"));
        }
        if !matches!(count, 1 | 3 | 4) {
            return Err(PictureError::Unsupported("JPEG of two or more than four channels"));
        }
        let components: Vec<_> = (body[6..].as_chunks::<3>().0.iter())
            .map(|&[id, sampling, _]| Component { id, across: (sampling >> 4).into(), down: (sampling & 15).into() })
            .collect();
        let possible = |factor: u32| (1..=4).contains(&factor);
        if components.len() != usize::from(count) || !components.iter().all(|c| possible(c.across) && possible(c.down))
        {
            return Err(PictureError::damaged("its header is wrong"));
        }
        Ok(Self { progressive: marker == 0xc2, width, height, components })
    }

    /// The finest sampling of all channels, across and down.
    fn sampling(&self) -> (u32, u32) {
        let most = |of: fn(&Component) -> u32| self.components.iter().map(of).max().unwrap_or(1);
        (most(|c| c.across), most(|c| c.down))
    }

    /// Blocks (MCU) of a pass over all channels.
    fn blocks(&self) -> usize {
        // One channel alone is not interleaved, whatever its sampling.
        let (across, down) = if self.components.len() == 1 { (1, 1) } else { self.sampling() };
        self.width.div_ceil(8 * across) as usize * self.height.div_ceil(8 * down) as usize
    }
}

/// The way through a file.
struct Walk<'a> {
    rest: &'a [u8],
    restart_interval: usize,
}

impl<'a> Walk<'a> {
    /// The next marker, over whatever stands before it.
    fn marker(&mut self) -> Option<u8> {
        loop {
            let start = self.rest.iter().position(|byte| *byte == 0xff)?;
            // Any number of bytes 0xff may come first.
            let code = start + self.rest[start..].iter().position(|byte| *byte != 0xff)?;
            let marker = self.rest[code];
            self.rest = &self.rest[code + 1..];
            if marker != 0 {
                return Some(marker);
            }
        }
    }

    /// The content of a segment.
    fn segment(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(u16::from_be_bytes(*self.rest.first_chunk()?));
        let (segment, rest) = self.rest.split_at_checked(length.max(2))?;
        self.rest = rest;
        Some(&segment[2..])
    }

    /// The coded pixels up to the next marker, and how many restarts are among them.
    fn scan(&mut self) -> (&'a [u8], usize) {
        let (mut at, mut restarts) = (0, 0);
        let end = loop {
            let Some(found) = self.rest[at..].iter().position(|byte| *byte == 0xff) else { break self.rest.len() };
            let marker = at + found;
            match self.rest.get(marker + 1) {
                None => break marker,
                Some(0) => at = marker + 2,
                Some(0xff) => at = marker + 1,
                Some(0xd0..=0xd7) => {
                    restarts += 1;
                    at = marker + 2;
                }
                Some(_) => break marker,
            }
        };
        let (data, rest) = self.rest.split_at(end);
        self.rest = rest;
        (data, restarts)
    }
}
