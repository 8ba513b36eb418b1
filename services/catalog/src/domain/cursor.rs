//! Pagination cursor: where a page of a list ended. Opaque to callers; it names a position and nothing else, so a client
//! that forges one sees a page it could have paged to. The check sum is there so that a damaged or foreign one is refused,
//! not guessed at.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use souk_catalog_api::{ListSort, ProductId};
use souk_kernel::Problem;

/// Characters of the longest cursor taken: a title's key in any script, escaped.
const MAX_CHARS: usize = 1_024;
/// Bytes of the check sum.
const CHECK: usize = 8;

/// The last product of a page, in the order of its list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// Order of the list.
    #[serde(rename = "s")]
    pub sort: ListSort,
    /// Category of the list.
    #[serde(rename = "c")]
    pub category: Option<String>,
    /// Folded title, when sorted by it.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Lowest price, when sorted by it.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub price: Option<i64>,
    /// The product.
    #[serde(rename = "i")]
    pub id: ProductId,
}

impl Cursor {
    /// As callers get it.
    pub fn encode(&self) -> String {
        let body = serde_json::to_vec(self).unwrap_or_default();
        let mut bytes = check_sum(&body).to_vec();
        bytes.extend(body);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what [`Cursor::encode`] made for a list in this order of this category.
    ///
    /// # Errors
    /// 422 for anything else.
    pub fn decode(text: &str, sort: ListSort, category: Option<&str>) -> Result<Self, Problem> {
        let wrong = || Problem::invalid_field("/cursor", "not a cursor of this list; start from its first page");
        if text.len() > MAX_CHARS {
            return Err(wrong());
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
        let (sum, body) = bytes.split_at_checked(CHECK).ok_or_else(wrong)?;
        if sum != check_sum(body) {
            return Err(wrong());
        }
        let cursor: Self = serde_json::from_slice(body).map_err(|_| wrong())?;
        let keyed = match sort {
            ListSort::Newest => true,
            ListSort::Title => cursor.title.is_some(),
            ListSort::PriceAsc | ListSort::PriceDesc => cursor.price.is_some(),
        };
        match keyed && cursor.sort == sort && cursor.category.as_deref() == category {
            true => Ok(cursor),
            false => Err(wrong()),
        }
    }
}

fn check_sum(body: &[u8]) -> [u8; CHECK] {
    let hash = blake3::derive_key("souk catalog list cursor v1", body);
    let mut sum = [0; CHECK];
    sum.copy_from_slice(&hash[..CHECK]);
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cursor() -> Cursor {
        Cursor {
            sort: ListSort::PriceAsc,
            category: Some("computers".into()),
            title: None,
            price: Some(1999),
            id: ProductId(uuid::Uuid::from_u128(7)),
        }
    }

    #[test]
    fn comes_back_and_belongs_to_its_list() {
        let text = cursor().encode();
        assert_eq!(Cursor::decode(&text, ListSort::PriceAsc, Some("computers")).unwrap(), cursor());
        for (sort, category) in [(ListSort::PriceDesc, Some("computers")), (ListSort::PriceAsc, None)] {
            assert_eq!(Cursor::decode(&text, sort, category).unwrap_err().status(), 422);
        }
    }

    proptest! {
        #[test]
        fn a_tampered_one_is_refused(at in 0usize..150, with in "[A-Za-z0-9_-]") {
            let text = cursor().encode();
            let at = at % text.len();
            let tampered = format!("{}{with}{}", &text[..at], &text[at + 1..]);
            prop_assume!(tampered != text);
            // The last character's unused bits must be zero, so every change is seen.
            prop_assert!(Cursor::decode(&tampered, ListSort::PriceAsc, Some("computers")).is_err());
        }

        #[test]
        fn rubbish_is_refused(text in ".{0,80}") {
            prop_assert!(Cursor::decode(&text, ListSort::Newest, None).is_err());
        }
    }
}
