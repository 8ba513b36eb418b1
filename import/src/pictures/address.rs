//! Picture addresses as paths: what a shop system, a spreadsheet or a mirror writes, in the one form in which files are looked up.

use unicode_normalization::UnicodeNormalization;

/// A path below the folder: parts with `/` between them, composed letters, no drive, no empty part. None for one that leads out of the
/// folder (`..`) or names no file.
pub(super) fn clean(written: &str) -> Option<String> {
    let path = written.trim().replace('\\', "/");
    let path = path.strip_prefix("file:").unwrap_or(&path).trim_start_matches('/');
    let path = match path.as_bytes() {
        [drive, b':', ..] if drive.is_ascii_alphabetic() => &path[2..],
        _ => path,
    };
    if path.ends_with('/') || path.contains('\0') {
        return None;
    }
    let mut parts: Vec<String> = Vec::new();
    for part in path.split('/') {
        match part.trim() {
            "" | "." => {}
            ".." => return None,
            part => parts.push(part.nfc().collect()),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// The form in which names are compared.
pub(super) fn folded(path: &str) -> String {
    path.to_lowercase()
}

/// The last part of a path.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The paths that an address may mean, the likeliest first.
pub(super) fn paths(written: &str) -> Vec<String> {
    match written.split_once("//") {
        Some((scheme, rest)) if scheme.ends_with(':') && scheme.len() > 2 && !scheme.eq_ignore_ascii_case("file:") => {
            // A mirror has the host as a folder, or was told to leave it out.
            let below = rest.split_once('/').map(|(_, path)| path);
            [Some(rest), below].into_iter().flatten().flat_map(forms).collect()
        }
        _ => forms(written),
    }
}

/// As it is written, decoded, and both without what a server would take as a query.
fn forms(path: &str) -> Vec<String> {
    let plain = path.split(['?', '#']).next().unwrap_or(path);
    let mut found: Vec<String> = Vec::new();
    for path in [path, plain] {
        let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
        for form in [clean(path), clean(&decoded)].into_iter().flatten() {
            if !found.contains(&form) {
                found.push(form);
            }
        }
    }
    found
}

/// An address with a scheme, as of the web: only the whole path counts.
pub(super) fn has_scheme(written: &str) -> bool {
    let scheme = written.split_once(':').map_or("", |(scheme, _)| scheme);
    scheme.len() > 1
        && !scheme.eq_ignore_ascii_case("file")
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_writing_is_one_path() {
        for (written, want) in [
            ("/m/u/mug.jpg", Some("m/u/mug.jpg")),
            ("m//u/./mug.jpg ", Some("m/u/mug.jpg")),
            ("C:\\pictures\\mug.jpg", Some("pictures/mug.jpg")),
            ("c:mug.jpg", Some("mug.jpg")),
            ("\\\\server\\share\\mug.jpg", Some("server/share/mug.jpg")),
            ("file:///C:/pictures/mug.jpg", Some("pictures/mug.jpg")),
            ("Ku\u{308}che.jpg", Some("Küche.jpg")),
            ("../mug.jpg", None),
            ("a/../../mug.jpg", None),
            ("..\\mug.jpg", None),
            ("a/.. /mug.jpg", None),
            ("img/", None),
            ("mug\0.jpg", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(clean(written).as_deref(), want, "{written:?}");
        }
    }

    #[test]
    fn an_address_may_mean_several_paths() {
        assert_eq!(paths("a%20b.jpg?v=1"), ["a%20b.jpg?v=1", "a b.jpg?v=1", "a%20b.jpg", "a b.jpg"]);
        assert_eq!(paths("https://x.example/i/a.jpg"), ["x.example/i/a.jpg", "i/a.jpg"]);
        assert_eq!(paths("%2e%2e/a.jpg"), ["%2e%2e/a.jpg"], "decoded it would lead out");
        assert!(has_scheme("https://x") && has_scheme("data:image/png;base64,AA"));
        assert!(!has_scheme("C:\\a.jpg") && !has_scheme("file:a.jpg") && !has_scheme("a.jpg"));
    }
}
