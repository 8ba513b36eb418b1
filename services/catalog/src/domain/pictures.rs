//! Resolution of pictures: which of those that a batch of products names the shop has, and which have to be fetched.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use souk_catalog_api::{Look, Media, MediaInput, PreparedPicture, ProductInput};

/// A picture that was prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPicture {
    /// Hash of what it was made of.
    pub hash: String,
    /// Pixels of the full size.
    pub width: u16,
    /// Pixels of the full size.
    pub height: u16,
    /// How it looks before it is there.
    pub look: Look,
}

impl KnownPicture {
    /// One of which only the files are known.
    pub fn copied(picture: &PreparedPicture<'_>) -> Self {
        let PreparedPicture { width, height, .. } = *picture;
        Self { hash: picture.hash().to_owned(), width, height, look: Look::default() }
    }

    /// Its address, relative to the shop's root.
    pub fn url(&self) -> String {
        PreparedPicture::address_of(&self.hash, self.width, self.height)
    }

    /// Shows it as this one of a product's pictures.
    pub fn show(&self, media: &mut Media) {
        media.url = Some(self.url());
        (media.width, media.height) = (Some(self.width.into()), Some(self.height.into()));
        media.look = self.look.clone();
    }
}

/// What the shop has of the pictures that a batch names.
#[derive(Debug, Default)]
pub struct KnownPictures {
    /// By the address they were fetched from.
    pub by_source: HashMap<String, KnownPicture>,
    /// By hash.
    pub by_hash: HashMap<String, KnownPicture>,
}

/// Where pictures of these products lie, each once.
pub fn sources<'a>(inputs: impl Iterator<Item = &'a ProductInput>) -> Vec<&'a str> {
    let named: BTreeSet<&str> = inputs.flat_map(|input| &input.media).filter_map(|m| m.source_url.as_deref()).collect();
    named.into_iter().collect()
}

/// Prepared pictures that these products name by their addresses in the shop, each once.
pub fn prepared<'a>(inputs: impl Iterator<Item = &'a ProductInput>) -> Vec<PreparedPicture<'a>> {
    let urls = inputs.flat_map(|input| &input.media).filter_map(|media| media.url.as_deref());
    let named: BTreeMap<&str, PreparedPicture<'a>> =
        urls.filter_map(PreparedPicture::parse).map(|picture| (picture.hash(), picture)).collect();
    named.into_values().collect()
}

impl KnownPictures {
    /// The picture as it is kept. An address of a prepared picture that another shop has, and this one does not, is left out:
    /// a drawing is better than a gap.
    pub fn media(&self, input: &MediaInput) -> Media {
        let mut media = Media {
            url: input.url.clone(),
            source_url: input.source_url.clone(),
            alt: input.alt.clone(),
            width: input.width,
            height: input.height,
            look: Look::default(),
        };
        let prepared = input.url.as_deref().and_then(PreparedPicture::parse);
        let given = prepared.and_then(|picture| self.by_hash.get(picture.hash()));
        let known = given.or_else(|| self.by_source.get(input.source_url.as_deref()?));
        match known {
            Some(picture) if prepared.is_some() || media.url.is_none() => picture.show(&mut media),
            _ if prepared.is_some() => media.url = None,
            _ => {}
        }
        media
    }

    /// Addresses of these products that have to be fetched, each once.
    pub fn to_fetch<'a>(&self, inputs: impl Iterator<Item = &'a ProductInput>) -> Vec<&'a str> {
        let unknown = |media: &&MediaInput| self.media(media).url.is_none();
        let missing = inputs.flat_map(|input| &input.media).filter(unknown);
        let named: BTreeSet<&str> = missing.filter_map(|media| media.source_url.as_deref()).collect();
        named.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(letter: &str) -> KnownPicture {
        let look = Look { placeholder: Some(letter.into()), focus: Some([10, 20]) };
        KnownPicture { hash: letter.repeat(64), width: 800, height: 600, look }
    }

    fn input(url: Option<&str>, source_url: Option<&str>) -> MediaInput {
        let text = |text: &str| text.to_owned();
        MediaInput {
            url: url.map(text),
            source_url: source_url.map(text),
            alt: String::new(),
            width: None,
            height: None,
        }
    }

    #[test]
    fn what_the_shop_has_is_shown_and_what_it_does_not_have_is_no_gap() {
        let (a, b, c) = (picture("a"), picture("b"), picture("c"));
        let known = KnownPictures {
            by_source: [("https://x/b".to_owned(), b.clone())].into(),
            by_hash: [(a.hash.clone(), a.clone())].into(),
        };
        let url = |url: Option<&str>, source: Option<&str>| known.media(&input(url, source)).url;
        let drawn = Some("/media/ab.svg");
        assert_eq!(url(Some(&a.url()), Some("https://x/b")), Some(a.url()), "what is named comes first");
        assert_eq!(url(Some(&c.url()), Some("https://x/b")), Some(b.url()), "another shop's is fetched anew");
        assert_eq!(url(Some(&c.url()), None), None);
        assert_eq!(url(None, Some("https://x/b")), Some(b.url()));
        assert_eq!(url(drawn, Some("https://x/b")).as_deref(), drawn);
        assert_eq!(url(None, Some("https://x/other")), None);
        let shown = known.media(&input(None, Some("https://x/b")));
        assert_eq!((shown.width, shown.height, &shown.look), (Some(800), Some(600), &b.look));
    }
}
