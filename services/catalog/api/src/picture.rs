//! Prepared pictures: which sizes and formats of a photograph the shop keeps, and at which addresses. The address of the largest
//! one, `/media/<hash>-1280x960.jpg`, is the picture's address everywhere; it says how large the picture is, and all others
//! follow from it, so pages need to know nothing else to leave room and to offer what suits a screen.

/// Widths that are made of every picture that is at least so wide, in pixels: a line of a cart, a card on a telephone, a card on
/// a fine screen, a product's page on a telephone, and on a large fine screen.
pub const WIDTHS: [u16; 5] = [160, 320, 480, 800, 1280];
/// Largest height: a picture is made to fit into the last of [`WIDTHS`] by this.
pub const MAX_HEIGHT: u16 = 1920;
/// Where pictures are, relative to the shop's root.
const FOLDER: &str = "/media/";
/// Digits of a hash.
const HASH: usize = 64;

/// Format of a picture file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// AV1 image: the smallest, and slow to make; the widths of cards alone.
    Avif,
    /// WebP: all widths.
    Webp,
    /// JPEG, for mails, previews in social networks and old browsers: a small, a middle and the full size.
    Jpeg,
}

impl Format {
    /// All of them, the smallest first.
    pub const ALL: [Self; 3] = [Self::Avif, Self::Webp, Self::Jpeg];

    /// The end of a name.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Avif => "avif",
            Self::Webp => "webp",
            Self::Jpeg => "jpg",
        }
    }

    /// Its content type.
    pub const fn mime(self) -> &'static str {
        match self {
            Self::Avif => "image/avif",
            Self::Webp => "image/webp",
            Self::Jpeg => "image/jpeg",
        }
    }

    /// Whether pictures of this width are made in this format; the full size is always there in the others than AVIF.
    pub const fn has(self, width: u16) -> bool {
        match self {
            Self::Avif => matches!(width, 320 | 480),
            Self::Webp => true,
            Self::Jpeg => matches!(width, 320 | 800),
        }
    }
}

/// A picture that the shop prepared, by the address of its largest size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreparedPicture<'a> {
    hash: &'a str,
    /// Pixels of the full size.
    pub width: u16,
    /// Pixels of the full size.
    pub height: u16,
}

impl<'a> PreparedPicture<'a> {
    /// The picture at this address, relative to the shop's root; none for all else: a drawing, a file that was stored as it is.
    pub fn parse(address: &'a str) -> Option<Self> {
        let name = address.strip_prefix(FOLDER)?.strip_suffix(".jpg")?;
        let (hash, size) = name.split_once('-')?;
        let (width, height) = size.split_once('x')?;
        let fits = hash.len() == HASH && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        fits.then_some(Self { hash, width: width.parse().ok()?, height: height.parse().ok()? })
    }

    /// Hash of what it was made of, in hexadecimal digits.
    pub const fn hash(&self) -> &'a str {
        self.hash
    }

    /// The address of the full size of the picture with this hash.
    pub fn address_of(hash: &str, width: u16, height: u16) -> String {
        format!("{FOLDER}{hash}-{width}x{height}.jpg")
    }

    /// The address of the full size, relative to the shop's root.
    pub fn full(&self) -> String {
        Self::address_of(self.hash, self.width, self.height)
    }

    /// The widths there are, smallest first; the last is the full size.
    pub fn widths(&self) -> impl Iterator<Item = u16> + use<> {
        let full = self.width;
        WIDTHS.into_iter().filter(move |width| *width < full).chain([full])
    }

    /// What there is in this format: width and address, relative to the shop's root.
    pub fn renditions(&self, format: Format) -> impl Iterator<Item = (u16, String)> + use<'_> {
        self.widths()
            .filter(move |width| self.has(*width, format))
            .map(move |width| (width, self.address(width, format)))
    }

    /// The file for a place `width` pixels wide: the smallest one that fills it, else the full size.
    pub fn for_width(&self, width: u16, format: Format) -> String {
        let fills = self.renditions(format).find(|(have, _)| *have >= width);
        fills.map_or_else(|| self.address(self.width, Format::Jpeg), |(_, address)| address)
    }

    fn has(&self, width: u16, format: Format) -> bool {
        format.has(width) || (width == self.width && format != Format::Avif)
    }

    fn address(&self, width: u16, format: Format) -> String {
        let Self { hash, width: full, height } = self;
        match format {
            Format::Jpeg if width == *full => Self::address_of(hash, *full, *height),
            format => format!("{FOLDER}{hash}-{width}.{}", format.extension()),
        }
    }
}
