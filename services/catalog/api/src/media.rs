//! Picture upload: the types of the contract.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
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

fn to_base64<S: Serializer>(content: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(content))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
    STANDARD.decode(text.as_bytes()).map_err(serde::de::Error::custom)
}
