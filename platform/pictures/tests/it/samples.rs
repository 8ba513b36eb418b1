//! Samples: pictures in every format, by encoders.

use jpeg_encoder::{ColorType, Encoder};

pub const RED: [u8; 3] = [200, 30, 30];
pub const GREEN: [u8; 3] = [30, 160, 40];
pub const BLUE: [u8; 3] = [30, 50, 200];
pub const YELLOW: [u8; 3] = [230, 220, 40];

/// Pixels of a picture whose quarters have four colours: red and green above, blue and yellow below.
pub fn quarters(width: u32, height: u32) -> Vec<u8> {
    rgb(width, height, |x, y| quarter(x, y, width, height))
}

pub fn quarter(x: u32, y: u32, width: u32, height: u32) -> [u8; 3] {
    match (x < width / 2, y < height / 2) {
        (true, true) => RED,
        (false, true) => GREEN,
        (true, false) => BLUE,
        (false, false) => YELLOW,
    }
}

/// Something like a photograph: soft colours, some edges, some noise.
pub fn photo(width: u32, height: u32) -> Vec<u8> {
    rgb(width, height, |x, y| {
        let noise = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)) >> 13 & 15;
        let edge = if (x / 40 + y / 30) % 5 == 0 { 70 } else { 0 };
        [x * 150 / width + noise + edge, y * 150 / height + noise, (x + y) * 100 / (width + height) + edge]
            .map(|channel| u8::try_from(channel).unwrap())
    })
}

pub fn rgb(width: u32, height: u32, colour: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
    (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| colour(x, y)).collect()
}

/// A JPEG of RGB pixels; `with` sets up its encoder.
pub fn jpeg(pixels: &[u8], width: u32, height: u32, with: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    jpeg_of(pixels, width, height, ColorType::Rgb, with)
}

pub fn jpeg_of(
    pixels: &[u8],
    width: u32,
    height: u32,
    colours: ColorType,
    with: impl FnOnce(&mut Encoder<&mut Vec<u8>>),
) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, 92);
    with(&mut encoder);
    encoder.encode(pixels, width as u16, height as u16, colours).unwrap();
    file
}

pub fn progressive(pixels: &[u8], width: u32, height: u32) -> Vec<u8> {
    jpeg(pixels, width, height, |encoder| encoder.set_progressive(true))
}

/// A segment put behind the beginning of a JPEG.
pub fn with_segment(jpeg: &[u8], marker: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, marker], &length, body, &jpeg[2..]].concat()
}

/// EXIF metadata that says how the camera was held, who held it and where.
pub fn exif(orientation: u16, little: bool) -> Vec<u8> {
    let short = |n: u16| if little { n.to_le_bytes() } else { n.to_be_bytes() };
    let long = |n: u32| if little { n.to_le_bytes() } else { n.to_be_bytes() };
    let mut exif = if little { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
    exif.extend(long(8));
    exif.extend(short(2));
    // Artist: 20 characters, after the directory.
    exif.extend([short(0x013b), short(2)].concat());
    exif.extend([long(20), long(38)].concat());
    exif.extend([short(0x0112), short(3)].concat());
    exif.extend(long(1));
    exif.extend([short(orientation), short(0)].concat());
    exif.extend(long(0));
    exif.extend(b"Ada Photographer\0\0\0\0");
    exif.extend(b"GPSLatitude 52 31 12");
    exif
}

/// A PNG in any kind of colour; `with` sets up its encoder.
pub fn png(
    pixels: &[u8],
    (width, height): (u32, u32),
    colour: png::ColorType,
    depth: png::BitDepth,
    with: impl FnOnce(&mut png::Encoder<&mut Vec<u8>>),
) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    with(&mut encoder);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(pixels).unwrap();
    writer.finish().unwrap();
    file
}

pub fn png_rgb(pixels: &[u8], width: u32, height: u32) -> Vec<u8> {
    png(pixels, (width, height), png::ColorType::Rgb, png::BitDepth::Eight, |_| {})
}

/// A PNG interlaced by Adam7, which its encoder does not make: grey, eight bits, plain.
pub fn png_interlaced(width: u32, height: u32, grey: impl Fn(u32, u32) -> u8) -> Vec<u8> {
    let mut rows = Vec::new();
    for (x0, y0, dx, dy) in
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    {
        for y in (y0..height).step_by(dy) {
            rows.push(0);
            rows.extend((x0..width).step_by(dx).map(|x| grey(x, y)));
        }
    }
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 0, 0, 0, 1]);
    png_of_chunks(&[(b"IHDR", &header), (b"IDAT", &stored_zlib(&rows)), (b"IEND", &[])])
}

/// A PNG of chunks with right checksums.
pub fn png_of_chunks(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, body) in chunks {
        file.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
        let named = [*name, *body].concat();
        file.extend(&named);
        file.extend(crc32(&named).to_be_bytes());
    }
    file
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

/// zlib without compression (RFC 1950, 1951).
fn stored_zlib(bytes: &[u8]) -> Vec<u8> {
    let mut zlib = vec![0x78, 0x01];
    let blocks: Vec<_> = bytes.chunks(0xffff).collect();
    for (at, block) in blocks.iter().enumerate() {
        let length = u16::try_from(block.len()).unwrap();
        zlib.push(u8::from(at + 1 == blocks.len()));
        zlib.extend([length.to_le_bytes(), (!length).to_le_bytes()].concat());
        zlib.extend(*block);
    }
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (a + b) % 65_521)
    });
    zlib.extend((b << 16 | a).to_be_bytes());
    zlib
}

pub fn webp(pixels: &[u8], width: u32, height: u32) -> Vec<u8> {
    webpx::Encoder::new_rgb(pixels, width, height).quality(90.0).encode(webpx::Unstoppable).unwrap()
}

pub fn webp_rgba(pixels: &[u8], width: u32, height: u32) -> Vec<u8> {
    webpx::Encoder::new_rgba(pixels, width, height).quality(90.0).encode(webpx::Unstoppable).unwrap()
}

pub fn webp_lossless(pixels: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    image_webp::WebPEncoder::new(&mut file).encode(pixels, width, height, image_webp::ColorType::Rgb8).unwrap();
    file
}

/// A chunk of a WebP's container.
pub fn riff_chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut chunk = [&name[..], &u32::try_from(body.len()).unwrap().to_le_bytes(), body].concat();
    chunk.extend(vec![0; body.len() % 2]);
    chunk
}

/// A WebP of chunks.
pub fn webp_of_chunks(chunks: &[Vec<u8>]) -> Vec<u8> {
    riff_chunk(b"RIFF", &[b"WEBP".to_vec(), chunks.concat()].concat())
}

/// The first chunk of a WebP with more than a picture: flags (animation 0x02, EXIF 0x08, transparency 0x10, profile
/// 0x20), size.
pub fn vp8x(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let size = [&(width - 1).to_le_bytes()[..3], &(height - 1).to_le_bytes()[..3]].concat();
    riff_chunk(b"VP8X", &[&[flags, 0, 0, 0][..], &size].concat())
}

/// An animated WebP of these frames, each a WebP of the given size.
pub fn webp_animation(frames: &[Vec<u8>], width: u32, height: u32) -> Vec<u8> {
    let mut chunks = vec![vp8x(0x02, width, height), riff_chunk(b"ANIM", &[0; 6])];
    for frame in frames {
        let size = [&(width - 1).to_le_bytes()[..3], &(height - 1).to_le_bytes()[..3]].concat();
        // Place, size, 100 ms, no blending.
        let body = [&[0; 6][..], &size, &[100, 0, 0, 0x02], &frame[12..]].concat();
        chunks.push(riff_chunk(b"ANMF", &body));
    }
    webp_of_chunks(&chunks)
}

/// A GIF whose frames are pictures of indices into a palette.
pub fn gif(width: u16, height: u16, palette: &[u8], frames: &[(Vec<u8>, Option<u8>)]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = gif::Encoder::new(&mut file, width, height, palette).unwrap();
    for (indices, transparent) in frames {
        let frame = gif::Frame {
            width,
            height,
            buffer: indices.clone().into(),
            transparent: *transparent,
            ..gif::Frame::default()
        };
        encoder.write_frame(&frame).unwrap();
    }
    drop(encoder);
    file
}

/// A GIF of four quarters.
pub fn gif_quarters(width: u16, height: u16) -> Vec<u8> {
    let palette = [RED, GREEN, BLUE, YELLOW].concat();
    let indices =
        (0..height).flat_map(|y| (0..width).map(move |x| u8::from(x >= width / 2) + 2 * u8::from(y >= height / 2)));
    gif(width, height, &palette, &[(indices.collect(), None)])
}
