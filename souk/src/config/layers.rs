//! Layered configuration: TOML tables merged one over the other, read as a whole, and each error told with its place.
//!
//! A table of the layer above is merged into the one below key by key, so that a file may set one field of a section whose
//! others keep their defaults; everything else, lists too, replaces what stood there.

use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use super::Config;

/// What serde says of a key that a section does not have.
const UNKNOWN_FIELD: &str = "unknown field ";

/// A configuration file, kept as text: its lines are looked up when there is something to say of them.
pub(super) struct File {
    path: PathBuf,
    text: String,
}

/// Why a table is no configuration.
pub(super) struct Refusal {
    /// Where in the table, for people: `public.canary[0].role`.
    pub(super) key: String,
    /// The same in its parts.
    pub(super) keys: Vec<String>,
    /// What was expected there.
    pub(super) reason: String,
}

impl Refusal {
    /// True when the configuration has no such key, whatever its value.
    pub(super) fn is_of_unknown_key(&self) -> bool {
        self.reason.starts_with(UNKNOWN_FIELD)
    }
}

impl File {
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        if !path.is_file() {
            return Err(format!("{}: there is no such file", path.display()));
        }
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self { path: path.to_owned(), text })
    }

    pub(super) fn table(&self) -> Result<Table, String> {
        toml::from_str(&self.text).map_err(|error: toml::de::Error| {
            let at = error.span().map_or_else(|| self.name(), |span| self.at(span.start));
            format!("{at}: {}", error.message())
        })
    }

    /// `souk.toml:12`, where the file sets `keys` itself.
    pub(super) fn place_of(&self, keys: &[String]) -> Option<String> {
        let mut at = None;
        let root = DeValue::Table(DeTable::parse(&self.text).ok()?.into_inner());
        let mut value = &root;
        for key in keys {
            let (start, below) = step(value, key)?;
            (at, value) = (Some(start), below);
        }
        at.map(|start| self.at(start))
    }

    /// The file without a line, for what no line is to blame for.
    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn at(&self, offset: usize) -> String {
        let line = self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1;
        format!("{}:{line}", self.path.display())
    }
}

/// What stands at `key` of a table, or at `[0]` of a list, and where.
fn step<'t, 'i>(value: &'t DeValue<'i>, key: &str) -> Option<(usize, &'t DeValue<'i>)> {
    match value {
        DeValue::Table(table) => {
            let (key, value) = table.iter().find(|(name, _)| name.get_ref() == key)?;
            Some((key.span().start, value.get_ref()))
        }
        DeValue::Array(items) => {
            let item = items.get(key.strip_prefix('[')?.strip_suffix(']')?.parse::<usize>().ok()?)?;
            Some((item.span().start, item.get_ref()))
        }
        _ => None,
    }
}

/// The defaults, as the lowest layer.
pub(super) fn defaults() -> Result<Table, String> {
    Table::try_from(Config::default()).map_err(|error| format!("the defaults: {error}"))
}

/// Puts `above` over `below`.
pub(super) fn merge(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

/// `value` in tables of `keys`.
pub(super) fn nested(keys: &[&str], value: Value) -> Table {
    let Some((first, rest)) = keys.split_first() else { return Table::new() };
    let value = if rest.is_empty() { value } else { Value::Table(nested(rest, value)) };
    Table::from_iter([((*first).to_owned(), value)])
}

/// Reads a whole table.
pub(super) fn extract(table: Table) -> Result<Config, Refusal> {
    serde_path_to_error::deserialize(table).map_err(|error| Refusal {
        key: error.path().to_string(),
        keys: error.path().iter().map(ToString::to_string).collect(),
        reason: error.inner().message().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_has_wrong_is_told_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("souk.toml");
        let at = |line: usize| format!("{}:{line}: ", file.display());
        for (text, line, reason) in [
            ("[public]\nlisten = \"nowhere\"\n", 2, "public.listen: invalid socket address syntax"),
            (
                "\n\n[publik]\nlisten = \"127.0.0.1:1\"\n",
                3,
                "publik: unknown field `publik`, expected one of `data_dir`",
            ),
            ("shop.name = \"S\"\nshop.nmae = \"S\"\n", 2, "shop.nmae: unknown field `nmae`, expected one of `name`"),
            ("[public]\ncache_mib = -1\n", 2, "public.cache_mib: invalid value: integer `-1`, expected u64"),
            ("[mail.smtp]\nhost = \"mail\"\n", 1, "mail.smtp: missing field `port`"),
            ("[shop]\ntime_zone = \"Berlin\"\n", 2, "shop.time_zone: \"Berlin\" is no time zone of the IANA database"),
            ("[mail.smtp]\nhost = \"m\"\nport = 1\ntls = \"maybe\"\n", 4, "mail.smtp.tls: unknown variant `maybe`"),
            (
                "[[public.canary]]\nrole = \"catalog\"\naddresses = []\n[[public.canary]]\nweight = 5\n",
                5,
                "public.canary[1].weight: unknown field `weight`",
            ),
            ("[public]\nlisten = here\n", 2, "string values must be quoted"),
            ("[public]\n[public]\n", 2, "duplicate key"),
        ] {
            std::fs::write(&file, text).unwrap();
            let error = Config::load(Some(&file)).unwrap_err();
            assert!(error.starts_with(&at(line)) && error.contains(reason), "{text}: {error}");
        }
        let error = Config::load(Some(&dir.path().join("none.toml"))).unwrap_err();
        assert!(error.contains("none.toml") && error.contains("no such file"), "{error}");
    }

    #[test]
    fn tables_are_merged_and_lists_are_not() {
        let layer = |text: &str| toml::from_str::<Table>(text).unwrap();
        let mut below = layer("a = { x = 1, y = [1, 2] }\nb = 1\nc = { x = 1 }");
        merge(&mut below, layer("a = { y = [3], z = {} }\nb = { x = 1 }\nc = 1"));
        assert_eq!(below, layer("a = { x = 1, y = [3], z = {} }\nb = { x = 1 }\nc = 1"));
    }

    #[test]
    fn the_origin_of_a_value_is_its_line_or_that_of_its_table() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("souk.toml");
        std::fs::write(&file, "[internal]\nhost = \"0.0.0.0\"\n[internal.ports]\ncart = 0\n").unwrap();
        let origin = |key: &str| Config::origin(Some(&file), key).unwrap();
        let line = |line: usize| Some(format!("{}:{line}", file.display()));
        assert_eq!(origin("internal.host"), line(2));
        assert_eq!(origin("internal.ports.cart"), line(4));
        assert_eq!(origin("internal.ports.order"), line(3));
        assert_eq!(origin("payment.sandbox_url"), None);
        assert_eq!(Config::origin(None, "internal.host"), Ok(None));
    }
}
