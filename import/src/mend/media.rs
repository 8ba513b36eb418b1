//! Mending of pictures: each becomes an address of the web, a file beside the import, or one that the shop keeps already; what is
//! none of these is left out, and said. Variants keep theirs.

use souk_catalog_api::MediaInput;

use super::Mending;
use crate::draft::{ProductDraft, clip, is_stored};
use crate::pictures::{Found, PictureFile, PictureFiles};
use crate::{limits, text};

/// The pictures of a product that stay.
#[derive(Default)]
struct Kept {
    media: Vec<MediaInput>,
    files: Vec<Option<PictureFile>>,
    too_many: usize,
}

impl Kept {
    /// Where this picture stands now: each stands once.
    fn place(&mut self, media: MediaInput, file: Option<PictureFile>) -> Option<u32> {
        let is_same = |(other, its): (&MediaInput, &Option<PictureFile>)| match (file, its) {
            (Some(file), Some(its)) => file == *its,
            _ => other.source_url == media.source_url && other.url == media.url && file.is_none() && its.is_none(),
        };
        let known = self.media.iter().zip(&self.files).position(is_same);
        let place = match known {
            Some(place) => place,
            None if self.media.len() == limits::MEDIA => {
                self.too_many += 1;
                return None;
            }
            None => {
                self.media.push(media);
                self.files.push(file);
                self.media.len() - 1
            }
        };
        u32::try_from(place).ok()
    }
}

impl ProductDraft {
    /// Pictures that are none, and too many of them.
    pub(super) fn mend_media(&mut self, pictures: Option<&PictureFiles>, mending: &mut Mending) {
        let product = &mut self.product;
        let mut kept = Kept::default();
        // Where each picture of before stands now.
        let mut places: Vec<Option<u32>> = Vec::with_capacity(product.media.len());
        for mut media in std::mem::take(&mut product.media) {
            mending.text("media alt text", &mut media.alt, limits::TITLE_CHARS);
            let mut place = None;
            if let Some(url) = media.url.take_if(|url| media.source_url.is_none() && is_stored(url)) {
                let file = pictures.and_then(|pictures| file(pictures.find(&url)));
                let url = Some(url).filter(|_| file.is_none());
                place = kept.place(MediaInput { url, ..media }, file);
            } else {
                let written = media.source_url.take().unwrap_or_default();
                for (source_url, file) in mending.sources(&written, pictures) {
                    let media = MediaInput { url: None, source_url, ..media.clone() };
                    place = kept.place(media, file).filter(|_| place.is_none()).or(place);
                }
            }
            places.push(place);
        }
        if kept.too_many > 0 {
            let (too_many, limit) = (kept.too_many, limits::MEDIA);
            mending.say("too_many", format!("{too_many} pictures above the limit of {limit} are left out"));
        }
        product.media = kept.media;
        let files = (0..).zip(kept.files);
        self.files = files.filter_map(|(at, file)| Some((at, file?))).collect();
        for variant in &mut product.variants {
            variant.media = variant.media.and_then(|at| places.get(at as usize).copied().flatten());
        }
    }
}

fn file(found: Found) -> Option<PictureFile> {
    match found {
        Found::File(file) => Some(file),
        Found::Nothing | Found::Several(_) => None,
    }
}

impl Mending {
    /// What one cell names: an address of the web, a file, or both where a mirror has it; nothing where it is none. Several files where
    /// the cell is a list.
    fn sources(
        &mut self,
        written: &str,
        pictures: Option<&PictureFiles>,
    ) -> Vec<(Option<String>, Option<PictureFile>)> {
        if written.trim().is_empty() {
            return Vec::new();
        }
        if let Some(url) = text::web_url(written).filter(|url| url.chars().count() <= limits::URL_CHARS) {
            let file = pictures.and_then(|pictures| file(pictures.find(&url)));
            return vec![(Some(url), file)];
        }
        let Some(pictures) = pictures else {
            let reason = format!(
                "the picture {:?} has no http or https address and is left out; --images takes it from a folder or archive",
                clip(written)
            );
            self.say("invalid_media", reason);
            return Vec::new();
        };
        let is_list = !written.contains("//") && !written.starts_with("data:");
        let parts: Vec<&str> = match pictures.find(written) {
            Found::Nothing if is_list => written.split([',', ';', '|', '\n']).map(str::trim).collect(),
            _ => vec![written],
        };
        let mut found = Vec::with_capacity(parts.len());
        for part in parts.into_iter().filter(|part| !part.is_empty()) {
            match pictures.find(part) {
                Found::File(file) => found.push((None, Some(file))),
                Found::Nothing => {
                    self.say("missing_picture", format!("no file is the picture {:?}; it is left out", clip(part)));
                }
                Found::Several(count) => {
                    let reason = format!("{count} files may be the picture {:?}; none of them is taken", clip(part));
                    self.say("missing_picture", reason);
                }
            }
        }
        found
    }
}
