//! Pictures of the merchant's own, uploaded or fetched from where an import says they are: the types of the contract.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A picture to keep.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoreMedia {
    /// Its bytes; base64 on the wire. At most 20 MiB of a JPEG, PNG, WebP or GIF, which is prepared: turned upright, without
    /// metadata, in several sizes. Or a drawing (SVG), which is kept as it is.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub content: Vec<u8>,
}

/// A picture that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredMedia {
    /// Address relative to the shop's root, `/media/<hash>-1280x960.jpg`; the same content always has the same.
    pub url: String,
    /// How it looks before it is there, and where it may be cut.
    #[serde(flatten)]
    pub look: Look,
}

/// What pages show before a picture is there, and where they may cut it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// A blurred miniature, as a `data:` address of some 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<String>,
    /// Focal point: the place that stays visible where the picture is cut, in percent from the left and from the top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub focus: Option<[u8; 2]>,
}

/// What became of an address that a picture is fetched from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PictureState {
    /// Not fetched yet, or tried in vain and tried again.
    Waiting,
    /// Shown. When a later look at the address failed, the reason is there too.
    Stored,
    /// Given up; the product shows its other pictures or a drawing.
    Failed,
}

impl PictureState {
    /// As it is stored and written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Stored => "stored",
            Self::Failed => "failed",
        }
    }
}

/// Asks what became of the pictures that imports named.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ListPictures {
    /// Only those in this state.
    #[serde(default)]
    pub state: Option<PictureState>,
    /// From 0 to [`MAX_BATCH`](crate::MAX_BATCH) of them, those looked at last first.
    pub limit: u32,
}

/// What became of the pictures that imports named.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PictureReport {
    /// How many are waiting.
    pub waiting: u64,
    /// How many are shown.
    pub stored: u64,
    /// How many were given up.
    pub failed: u64,
    /// Some of them.
    pub items: Vec<SourcePicture>,
}

/// A picture that lies, or lay, elsewhere.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SourcePicture {
    /// Where.
    pub address: String,
    /// What became of it.
    pub state: PictureState,
    /// Its address in the shop, relative to the shop's root.
    pub url: Option<String>,
    /// Why not, `picture_damaged`; the codes are in `docs/media.md`.
    pub code: Option<String>,
    /// The same in a sentence.
    pub reason: Option<String>,
    /// When it was looked at last.
    pub checked_at: Option<Timestamp>,
    /// When it is tried again, if it is.
    pub next_try_at: Option<Timestamp>,
    /// Slugs of products that name it; at most [`MAX_NAMED`].
    pub products: Vec<String>,
}

/// Products that are named with a picture.
pub const MAX_NAMED: usize = 5;

/// Asks for pictures to be fetched now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FetchPictures {
    /// Those that were given up.
    Failed,
    /// All of them: those that have not changed where they lie are not transferred.
    All,
    /// The one at this address.
    One(String),
}

/// What will be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PicturesQueued {
    /// How many.
    pub queued: u64,
}

fn to_base64<S: Serializer>(content: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(content))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
    STANDARD.decode(text.as_bytes()).map_err(serde::de::Error::custom)
}
