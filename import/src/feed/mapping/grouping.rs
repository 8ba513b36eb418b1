//! Grouping of rows: which rows of a file are one product, and which of them says what the product is.

use std::collections::HashSet;

use super::rule::Rule;
use super::section::Section;
use crate::feed::error::MappingError;
use crate::feed::record::{Record, Row};

/// Which rows are one product.
#[derive(Clone, Debug)]
pub(crate) enum Grouping {
    /// Those with the same value in a column.
    By(Rule),
    /// A row, and those that name it as their parent by one of its names.
    Parent {
        /// The name of the row that this one belongs to.
        parent: Rule,
        /// The names of a row that belongs to none.
        names: Vec<Rule>,
    },
    /// A row, and those whose names it lists.
    Children {
        /// The names of the rows that belong to this one.
        children: Rule,
        /// The name of a row.
        name: Rule,
    },
    /// A row, and those after it until the next that begins a product.
    Starts(Rule),
}

impl Grouping {
    /// Reads the keys of `[rows]` that say so.
    pub(super) fn take(rows: &mut Section) -> Result<Option<Self>, MappingError> {
        let by = Rule::take(rows, "group_by")?;
        let (parent, children) = (Rule::take(rows, "parent")?, Rule::take(rows, "children")?);
        let starts = Rule::take(rows, "starts")?;
        let mut names = Rule::list(rows, "names")?;
        let given = [by.is_some(), parent.is_some(), children.is_some(), starts.is_some()];
        if given.iter().filter(|given| **given).count() > 1 {
            return Err(rows.error("group_by", "group_by, parent, children and starts exclude each other"));
        }
        if names.is_empty() && (parent.is_some() || children.is_some()) {
            return Err(rows.error("names", "is missing: by which names do rows call each other?"));
        }
        if !names.is_empty() && parent.is_none() && children.is_none() {
            return Err(rows.error("names", "is of use with parent and children only"));
        }
        Ok(match (by, parent, children, starts) {
            (Some(rule), ..) => Some(Self::By(rule)),
            (_, Some(parent), ..) => Some(Self::Parent { parent, names }),
            (_, _, Some(children), _) if names.len() == 1 => Some(Self::Children { children, name: names.remove(0) }),
            (_, _, Some(_), _) => return Err(rows.error("names", "rows that are listed have one name")),
            (.., Some(rule)) => Some(Self::Starts(rule)),
            (None, None, None, None) => None,
        })
    }

    /// True where a row may stand for itself.
    pub(crate) fn is_relation(&self) -> bool {
        matches!(self, Self::Parent { .. } | Self::Children { .. })
    }

    /// The further names of the group that a row makes known: those by which other rows call it, or those of the rows that it lists.
    /// The first is that of the group itself.
    pub(crate) fn names(&self, row: &Record) -> Vec<String> {
        match self {
            Self::By(_) | Self::Starts(_) => Vec::new(),
            Self::Parent { parent, .. } if parent.text(row).is_some() => Vec::new(),
            Self::Parent { names, .. } => {
                names.iter().filter_map(|rule| rule.text(row)).map(|name| same(&name)).collect()
            }
            Self::Children { children, name } => {
                let listed = children.texts(row);
                let own = name.text(row).filter(|_| !listed.is_empty());
                own.into_iter()
                    .flat_map(|own| std::iter::once(own).chain(listed.clone()))
                    .map(|name| same(&name))
                    .collect()
            }
        }
    }

    /// The name of the group a row belongs to, as far as the row tells.
    pub(crate) fn group(&self, row: &Record) -> Option<String> {
        match self {
            Self::By(rule) => rule.text(row),
            Self::Parent { parent, .. } => match parent.text(row) {
                Some(name) => Some(same(&name)),
                None => self.names(row).into_iter().next(),
            },
            Self::Children { name, .. } => name.text(row).map(|name| same(&name)),
            Self::Starts(_) => None,
        }
    }

    /// The row that says what the product is.
    pub(crate) fn base<'a>(&self, rows: &'a [Row]) -> Option<&'a Row> {
        match self {
            Self::By(_) => rows.first(),
            Self::Parent { parent, .. } => rows.iter().find(|row| parent.text(&row.record).is_none()),
            Self::Children { children, .. } => {
                rows.iter().find(|row| children.text(&row.record).is_some()).or(rows.first())
            }
            Self::Starts(rule) => rows.first().filter(|row| rule.text(&row.record).is_some()),
        }
    }

    /// The variants that a product lists and that have no row among these.
    pub(crate) fn absent(&self, base: &Row, rows: &[Row]) -> Vec<String> {
        let Self::Children { children, name } = self else { return Vec::new() };
        let present: HashSet<String> =
            rows.iter().filter_map(|row| name.text(&row.record)).map(|name| same(&name)).collect();
        let mut listed = children.texts(&base.record);
        listed.retain(|listed| !present.contains(&same(listed)));
        listed
    }

    /// The rule that is told where the grouping is at fault.
    pub(crate) fn rule(&self) -> &Rule {
        match self {
            Self::By(rule) | Self::Starts(rule) => rule,
            Self::Parent { parent, .. } => parent,
            Self::Children { children, .. } => children,
        }
    }
}

/// A name as it is compared: `id: 12` is `ID:12`.
fn same(name: &str) -> String {
    name.split_whitespace().collect::<String>().to_lowercase()
}
