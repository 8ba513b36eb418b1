//! Elements of HTML by what they do to text: lists of their names, between blanks.

/// Those that begin a new line, and the parts of tables.
pub(crate) const BLOCKS: &str = "\
    address article aside blockquote br caption center dd details dialog dir div dl dt fieldset figcaption \
    figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu nav ol optgroup option p pre \
    section summary table tbody td tfoot th thead tr ul";

/// Those that have an empty line before and after them.
pub(crate) const PARAGRAPHS: &str = "blockquote dl h1 h2 h3 h4 h5 h6 hr ol p pre table ul";

/// Those that stand within a line.
pub(crate) const INLINE: &str = "\
    a abbr b bdi bdo big cite code del dfn em font i img ins kbd label mark q s samp small span strike strong \
    sub sup time tt u var wbr";

/// Those without words for readers, and those that hold pages together.
pub(crate) const OTHER: &str = "\
    audio body button canvas col colgroup embed head html iframe input link meta noscript object script select \
    source style svg textarea title video";

/// Those that a page shows, without attributes but few.
pub(crate) const KEPT: &str = "\
    abbr b bdi bdo blockquote br caption cite code dd del dfn div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 \
    hr i ins kbd li mark ol p pre q s samp small strong sub sup table tbody td tfoot th thead tr u ul var wbr";

/// The names of a list.
pub(crate) fn names(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.split_whitespace()
}

/// A list as alternatives of a regular expression.
pub(crate) fn alternatives(lists: &[&'static str]) -> String {
    lists.iter().flat_map(|list| names(list)).collect::<Vec<_>>().join("|")
}
