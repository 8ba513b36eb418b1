//! Rows of one product together, wherever they stand in the file: programs sort by name or price, and exports put variants far
//! from their product. The file is read once before, to count the rows of each group, so that a group is complete with its last row
//! and nothing waits for the end of the file.

use std::collections::HashMap;

use super::error::{FeedError, Finding};
use super::input::{Input, TextFormat};
use super::mapping::rule::Rule;
use super::mapping::{Grouping, Mapping};
use super::record::{Record, Row};
use super::rows::Rows;
use super::seen::fingerprint;
use crate::draft::Defect;
use crate::limits;

/// What comes next of a file.
pub(crate) enum Next {
    /// All rows of one product, in the order of the file.
    Rows(Vec<Row>),
    /// Rows that cannot be taken together: how many, and why.
    Refused(Finding, u64),
}

/// Rows of a file by product.
pub(crate) struct Groups {
    rows: Rows,
    plan: Option<Plan>,
    waiting: HashMap<u64, Group>,
    /// Bytes of all rows that wait.
    held: usize,
    /// What begins a product, where rows follow theirs.
    starts: Option<Rule>,
    /// The first row of the next product.
    begun: Option<Row>,
    /// Lines among the rows of a product that are no rows.
    failed: Vec<Finding>,
}

/// Which rows belong together, and how many there are of each group.
struct Plan {
    grouping: Grouping,
    /// The group of each further name of a product.
    names: HashMap<u64, u64>,
    left: HashMap<u64, u32>,
}

/// Rows of a group so far.
#[derive(Default)]
struct Group {
    rows: Vec<Row>,
    bytes: usize,
    count: u64,
    lines: Option<(u64, u64)>,
    refused: Option<Defect>,
}

impl Groups {
    /// Rows of a file whose mapping says which of them belong together, if any do.
    pub(crate) fn open(
        input: &Input,
        text_format: TextFormat,
        mapping: &Mapping,
        rows: Rows,
    ) -> Result<Self, FeedError> {
        let plan = match &mapping.grouping {
            Some(Grouping::Starts(rule)) => return Ok(Self { starts: Some(rule.clone()), ..Self::single(rows) }),
            Some(grouping) => {
                let rows = Rows::mapped(input, text_format, mapping)?;
                Some(Plan::of(rows, grouping)?)
            }
            None => None,
        };
        Ok(Self { plan, ..Self::single(rows) })
    }

    /// Each row for itself.
    pub(crate) fn single(rows: Rows) -> Self {
        Self { rows, plan: None, waiting: HashMap::new(), held: 0, starts: None, begun: None, failed: Vec::new() }
    }

    /// Adds a row to its group. A group that is too large, or waits when too much does, loses its rows and is refused when the last
    /// has come.
    fn hold(&mut self, key: u64, row: Row) {
        let bytes = row.record.bytes();
        let full = self.held + bytes > limits::WAITING_BYTES;
        let group = self.waiting.entry(key).or_default();
        group.count += 1;
        group.lines = Some((group.lines.map_or(row.line, |lines| lines.0), row.end_line));
        if group.count > limits::ROWS_PER_PRODUCT as u64 {
            let reason = format!("more than {} rows for one product", limits::ROWS_PER_PRODUCT);
            group.refused = Some(Defect::new("too_many", reason));
        } else if full && group.refused.is_none() {
            let reason = "the rows of the product stand too far from each other: sort the file by product".to_owned();
            group.refused = Some(Defect::new("scattered_rows", reason));
        }
        if group.refused.is_some() {
            self.held -= std::mem::take(&mut group.bytes);
            group.rows = Vec::new();
        } else {
            self.held += bytes;
            group.bytes += bytes;
            group.rows.push(row);
        }
    }

    /// The rows from one that begins a product to the one before the next.
    fn following(&mut self, starts: &Rule) -> Option<Next> {
        let mut rows: Vec<Row> = self.begun.take().into_iter().collect();
        let mut bytes = 0;
        loop {
            let row = match self.rows.next() {
                None => return (!rows.is_empty()).then_some(Next::Rows(rows)),
                // Said after the rows before it; what follows belongs to the product all the same.
                Some(Err(refusal)) if rows.is_empty() => return Some(Next::Refused(refusal, 1)),
                Some(Err(refusal)) => {
                    self.failed.push(refusal);
                    continue;
                }
                Some(Ok(row)) => row,
            };
            if starts.text(&row.record).is_some() && !rows.is_empty() {
                self.begun = Some(row);
                return Some(Next::Rows(rows));
            }
            bytes += row.record.bytes();
            rows.push(row);
            if rows.len() > limits::ROWS_PER_PRODUCT || bytes > limits::WAITING_BYTES {
                let (first, last) = (rows[0].line, rows[rows.len() - 1].end_line);
                let defect = Defect::new("too_many", "more rows for one product than can be".to_owned());
                return Some(Next::Refused(Finding::new(first, last, None, defect), rows.len() as u64));
            }
        }
    }

    /// The rows of a group whose last one has come.
    fn complete(&mut self, key: u64) -> Option<Next> {
        let group = self.waiting.remove(&key)?;
        self.held -= group.bytes;
        let (first, last) = group.lines?;
        Some(match group.refused {
            Some(defect) => Next::Refused(Finding::new(first, last, None, defect), group.count),
            None => Next::Rows(group.rows),
        })
    }
}

impl Iterator for Groups {
    type Item = Next;

    fn next(&mut self) -> Option<Next> {
        if let Some(refusal) = self.failed.pop() {
            return Some(Next::Refused(refusal, 1));
        }
        if let Some(starts) = self.starts.clone() {
            return self.following(&starts);
        }
        loop {
            let row = match self.rows.next() {
                Some(Ok(row)) => row,
                Some(Err(refusal)) => return Some(Next::Refused(refusal, 1)),
                // Some are left where the file has changed since they were counted.
                None => {
                    let key = *self.waiting.keys().next()?;
                    return self.complete(key);
                }
            };
            let Some(plan) = &mut self.plan else { return Some(Next::Rows(vec![row])) };
            let Some(key) = plan.key(&row.record) else {
                if plan.grouping.is_relation() {
                    return Some(Next::Rows(vec![row]));
                }
                let columns = plan.grouping.rule().columns().join(" or ");
                let reason = format!("the row has no {columns}, so its product is not known");
                let refusal = Finding::new(row.line, row.end_line, None, Defect::new("missing_key", reason));
                return Some(Next::Refused(refusal, 1));
            };
            let left = plan.left.get_mut(&key).map_or(0, |left| {
                *left = left.saturating_sub(1);
                *left
            });
            self.hold(key, row);
            if left == 0
                && let Some(next) = self.complete(key)
            {
                return Some(next);
            }
        }
    }
}

impl Plan {
    fn of(rows: Rows, grouping: &Grouping) -> Result<Self, FeedError> {
        let mut plan = Self { grouping: grouping.clone(), names: HashMap::new(), left: HashMap::new() };
        for row in rows.flatten() {
            if let Some((first, further)) = grouping.names(&row.record).split_first() {
                let first = plan.print(first);
                for name in further {
                    let name = plan.print(name);
                    plan.names.entry(name).or_insert(first);
                }
            }
            if let Some(key) = plan.name(&row.record) {
                let rows = plan.left.entry(key).or_default();
                *rows = rows.saturating_add(1);
            }
            if plan.left.len() + plan.names.len() > limits::FINGERPRINTS {
                return Err(FeedError::Format("the file has too many products: split it".into()));
            }
        }
        // Variants may name their product by any of its names, and stand before it.
        let other: Vec<u64> = plan.left.keys().copied().filter(|key| plan.names.contains_key(key)).collect();
        for key in other {
            let rows = plan.left.remove(&key).unwrap_or_default();
            let first = plan.names.get(&key).copied().unwrap_or(key);
            *plan.left.entry(first).or_default() += rows;
        }
        Ok(plan)
    }

    fn print(&self, name: &str) -> u64 {
        fingerprint("group", &[name])
    }

    fn name(&self, row: &Record) -> Option<u64> {
        self.grouping.group(row).map(|name| self.print(&name))
    }

    fn key(&self, row: &Record) -> Option<u64> {
        let name = self.name(row)?;
        Some(self.names.get(&name).copied().unwrap_or(name))
    }
}
