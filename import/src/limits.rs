//! Limits of an import, each with its unit and reason. A detail that exceeds one is cut or left out, a line is refused; neither is
//! done silently.

/// Bytes of one line of NDJSON or one CSV record. The largest row of a rich electronics feed has 16 KB; more than this
/// is a file that is not what it claims to be.
pub const LINE_BYTES: usize = 4 * 1024 * 1024;
/// Levels of JSON below the row: attributes in objects in lists are 3. Deeper is an attack on the parser's stack.
pub const JSON_DEPTH: usize = 8;
/// Values (scalars, lists, objects) in one row, so that a short line cannot become a large tree; an exported product
/// with all the variants it may have is 20,000.
pub const JSON_VALUES: usize = 100_000;
/// Columns of a CSV file; Shopify exports have about 60, plus one per metafield.
pub const CSV_COLUMNS: usize = 2_000;
/// Rows that may belong to one product: its variants in a few currencies, and its pictures.
pub const ROWS_PER_PRODUCT: usize = 4_000;
/// Products and variants of one file together: their fingerprints (8 bytes each, three a product) are held to find doubles.
pub const FINGERPRINTS: usize = 16_000_000;
/// Bytes of rows that wait for the other rows of their product, which stand elsewhere in the file.
pub const WAITING_BYTES: usize = 256 * 1024 * 1024;
/// Bytes of a workbook's table of texts and of what describes it, unpacked: that much is held in memory.
pub const WORKBOOK_BYTES: u64 = 512 * 1024 * 1024;
/// Bytes of one sheet, unpacked: it is read as a stream.
pub const SHEET_BYTES: u64 = 8 * 1024 * 1024 * 1024;
/// Bytes of a mapping file.
pub const MAPPING_BYTES: u64 = 1024 * 1024;
/// Rules of one mapping: each is tried on each product.
pub const RULES: usize = 2_000;

/// Characters of a source's name.
pub const SOURCE_CHARS: usize = 40;
/// Characters of a source's id.
pub const EXTERNAL_ID_CHARS: usize = 200;
/// Characters of a slug: what a browser's address bar shows.
pub const SLUG_CHARS: usize = 120;
/// Characters of a title; the longest real one seen has 259.
pub const TITLE_CHARS: usize = 400;
/// Characters of a brand, category, option, option value, tag, label.
pub const NAME_CHARS: usize = 150;
/// Characters of a description.
pub const DESCRIPTION_CHARS: usize = 50_000;
/// Characters of a description with its markup.
pub const DESCRIPTION_HTML_CHARS: usize = 200_000;
/// Characters of the description for search engines.
pub const SEO_DESCRIPTION_CHARS: usize = 1_000;
/// Levels of the category tree; Shopify's taxonomy has 8.
pub const CATEGORY_LEVELS: usize = 8;
/// Attributes of a product; the richest notebook seen has 185.
pub const ATTRIBUTES: usize = 400;
/// Characters of an attribute's key.
pub const ATTRIBUTE_KEY_CHARS: usize = 120;
/// Characters of an attribute's text; compatibility lists of printers have 7,000.
pub const ATTRIBUTE_TEXT_CHARS: usize = 10_000;
/// Characters of a unit.
pub const UNIT_CHARS: usize = 20;
/// Options of a product.
pub const OPTIONS: usize = 5;
/// Variants of a product.
pub const VARIANTS: usize = 1_000;
/// Pictures of a product.
pub const MEDIA: usize = 250;
/// Tags of a product.
pub const TAGS: usize = 250;
/// Bytes of a picture: what the catalogue takes.
pub const PICTURE_BYTES: u64 = 20 * 1024 * 1024;
/// Bytes of all pictures that one import reads: a shop's 100,000 at 2.6 MB, or an archive that unpacks to more than it is.
pub const PICTURES_BYTES: u64 = 256 * 1024 * 1024 * 1024;
/// Entries of an archive of pictures.
pub const ARCHIVE_ENTRIES: usize = 100_000;
/// Files of a folder of pictures: their names are held in memory, some 250 bytes each.
pub const FOLDER_FILES: usize = 1_000_000;
/// Characters of a SKU.
pub const SKU_CHARS: usize = 120;
/// Characters of a barcode; a GTIN has 14, some feeds hold other codes.
pub const BARCODE_CHARS: usize = 40;
/// Characters of an address.
pub const URL_CHARS: usize = 2_048;
/// Highest price in minor units: ten milliards of a currency with two digits. Sums of carts stay far from overflow.
pub const PRICE_MINOR: i64 = 1_000_000_000_000;
/// Units of one variant.
pub const STOCK_UNITS: i64 = 100_000_000;
/// Digits of a number attribute: what 64 bits hold.
pub const NUMBER_DIGITS: usize = 18;
/// Facets of a category: more do not help a buyer and cost in every search.
pub const FACETS_PER_CATEGORY: usize = 8;
/// Characters of foreign text quoted in a message.
pub const MESSAGE_CHARS: usize = 80;
