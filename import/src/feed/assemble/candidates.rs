//! Candidates: which rows of a product are variants, each with its price in the wanted currency.

use std::collections::HashMap;

use souk_kernel::Currency;

use super::{Assembled, Assembler, OTHER_CURRENCY};
use crate::draft::Defect;
use crate::feed::mapping::price::Priced;
use crate::feed::mapping::rule::Rule;
use crate::feed::mapping::{Grouping, OptionPairs};
use crate::feed::record::{Record, Row};
use crate::text;

/// A row that is a variant, as far as it has been read.
pub(super) struct Candidate<'a> {
    pub(super) row: &'a Row,
    /// The product's row, where variants take from it what theirs lack.
    pub(super) base: Option<&'a Record>,
    pub(super) values: Vec<Option<String>>,
    pub(super) priced: Priced,
    /// The row has none of the product's options.
    pub(super) without_options: bool,
}

impl Assembler {
    /// The rows that are variants, with their prices. In a product with options those are the rows with an option value
    /// (the others carry the product or a picture), else the row of the product and others with a price. A row is one without an option
    /// value, too, when it has a price and a SKU: it is something to sell.
    /// The names of the options come back, too.
    pub(super) fn candidates<'a>(
        &self,
        base: &'a Row,
        rows: &'a [Row],
        id: &str,
        out: &mut Assembled,
    ) -> (Vec<Candidate<'a>>, Vec<String>) {
        let mut values: Vec<Vec<Option<String>>> = rows.iter().map(|row| self.option_values(&row.record)).collect();
        let mut names = self.option_names(rows, &mut values);
        names.extend(self.named_options(base, rows, &mut values));
        let chosen = |values: &[Option<String>]| values.iter().any(Option::is_some);
        let has_options = values.iter().any(|values| chosen(values));
        let price_rows = self.price_rows(base, rows, &values);
        // A row that names a product which the file does not have is no parent, though it stands for the product.
        let is_parent = self.mapping.parent_row
            && !matches!(&self.mapping.grouping, Some(Grouping::Parent { parent, .. }) if parent.text(&base.record).is_some());
        let sold = |row: &&Row| {
            row.line != base.line && !price_rows.contains_key(&row.line) && self.mapping.price.has_amount(&row.record)
        };
        let sold_by_others = is_parent && rows.iter().any(|row| sold(&row));
        let mut candidates: Vec<Candidate<'a>> = Vec::new();
        let mut wanted = self.currency;
        for (row, values) in rows.iter().zip(values) {
            if let Some(line) = price_rows.get(&row.line) {
                out.leave_out(
                    row,
                    Some(id),
                    &format!("the row has a price of the variant on line {line} in another currency"),
                );
                continue;
            }
            let is_base = row.line == base.line;
            let inherits = self.mapping.inherit && chosen(&values) && self.mapping.price.has_amount(&base.record);
            let has_price = inherits || self.mapping.price.has_amount(&row.record);
            let without_options = has_options && !chosen(&values);
            let variant = match without_options {
                true => !(is_base && is_parent) && has_price && !self.sku(&row.record).is_empty(),
                // A parent's row may list the values of its variants.
                false if is_base && is_parent => !sold_by_others,
                false => has_options || is_base || has_price,
            };
            if !variant {
                if has_price && !is_base {
                    self.without_variant(row, id, out);
                }
                continue;
            }
            let others = rows.iter().filter(|other| price_rows.get(&other.line) == Some(&row.line));
            let priced = if self.mapping.price.has_amount(&row.record) || !inherits { row } else { base };
            match self.price(priced, wanted, others) {
                Ok(Some((priced, defects))) => {
                    out.warn(row, id, defects);
                    wanted = wanted.or(Some(priced.price.currency));
                    let base = self.mapping.inherit.then_some(&base.record);
                    candidates.push(Candidate { row, base, values, priced, without_options });
                }
                Ok(None) => out.leave_out(row, Some(id), OTHER_CURRENCY),
                Err(defect) => out.refuse(row, Some(id), defect),
            }
        }
        (candidates, names)
    }

    /// The names of the options that have columns of their own. Rows may list them in different orders: a value is put to those of
    /// its name.
    fn option_names(&self, rows: &[Row], values: &mut [Vec<Option<String>>]) -> Vec<String> {
        let rules = &self.mapping.options;
        let mut names: Vec<Option<String>> = vec![None; rules.len()];
        let plain = |name: &str| name.to_lowercase();
        for (row, values) in rows.iter().zip(values.iter_mut()) {
            let mut placed: Vec<Option<String>> = vec![None; rules.len()];
            let mut unnamed = Vec::new();
            for (at, value) in values.iter_mut().enumerate() {
                let Some(value) = value.take() else { continue };
                let Some(name) = rules[at].name.text(&row.record).map(|name| text::plain_line(&name)) else {
                    unnamed.push((at, value));
                    continue;
                };
                let known = names.iter().position(|known| known.as_deref().map(plain) == Some(plain(&name)));
                let free = || names[at].is_some().then(|| names.iter().position(Option::is_none)).flatten();
                let place = known.or_else(free).unwrap_or(at);
                let place =
                    [place, at].into_iter().chain(0..rules.len()).find(|place| placed[*place].is_none()).unwrap_or(at);
                names[place].get_or_insert(name);
                placed[place] = Some(value);
            }
            for (at, value) in unnamed {
                let place =
                    std::iter::once(at).chain(0..rules.len()).find(|place| placed[*place].is_none()).unwrap_or(at);
                placed[place] = Some(value);
            }
            *values = placed;
        }
        // Some files name the options on a row that has no value of them.
        let named = |at: usize| rows.iter().find_map(|row| rules[at].name.text(&row.record));
        let fill = |(at, name): (usize, Option<String>)| {
            name.or_else(|| named(at).map(|name| text::plain_line(&name)))
                .unwrap_or_else(|| format!("Option {}", at + 1))
        };
        names.into_iter().enumerate().map(fill).collect()
    }

    /// Adds the options whose names stand in one cell with their values, and gives their names.
    fn named_options(&self, base: &Row, rows: &[Row], values: &mut [Vec<Option<String>>]) -> Vec<String> {
        let pairs = self.option_pairs(base, rows);
        let mut names: Vec<String> = Vec::new();
        for (name, _) in pairs.iter().flatten() {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        for (values, pairs) in values.iter_mut().zip(pairs) {
            let of = |name: &String| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
            values.extend(names.iter().map(of));
        }
        names
    }

    /// The options of each row that stand in one cell, of the row itself or of the product's row, which is read once.
    fn option_pairs(&self, base: &Row, rows: &[Row]) -> Vec<Vec<(String, String)>> {
        let mut found = vec![Vec::new(); rows.len()];
        for OptionPairs { pairs, of, labels } in &self.mapping.option_pairs {
            let Some(key) = of else {
                found.iter_mut().zip(rows).for_each(|(found, row)| found.extend(pairs.read(&row.record)));
                continue;
            };
            let labels = labels.as_ref().and_then(|rule| rule.text(&base.record)).map(|text| pairs.parse(&text));
            let label = |name: &str| {
                let given = labels.iter().flatten().find(|(known, _)| known == name);
                given.map_or_else(|| text::label(name), |(_, label)| label.clone())
            };
            let mut by_sku: HashMap<String, Vec<(String, String)>> = HashMap::new();
            for list in pairs.lists(&base.record) {
                let Some((_, sku)) = list.iter().find(|(name, _)| name == key) else { continue };
                let sku = sku.to_lowercase();
                let options = list.into_iter().filter(|(name, _)| name != key);
                by_sku.entry(sku).or_insert_with(|| options.map(|(name, value)| (label(&name), value)).collect());
            }
            for (found, row) in found.iter_mut().zip(rows) {
                let own = by_sku.get(&self.sku(&row.record).to_lowercase());
                found.extend(own.into_iter().flatten().cloned());
            }
        }
        found
    }

    /// A row with a price, and nothing that it is the price of.
    fn without_variant(&self, row: &Row, id: &str, out: &mut Assembled) {
        match self.is_in_another_currency(row, self.currency) {
            true => out.leave_out(row, Some(id), OTHER_CURRENCY),
            false => {
                let reason = "the row has a price, but neither options nor the SKU of a variant of its product";
                out.refuse(row, Some(id), Defect::new("scattered_rows", reason));
            }
        }
    }

    /// Rows that only carry the price of a variant in another currency, by their line, with the line of the variant: in files with
    /// several currencies a SKU has a row for each. The variant is the row of the product, else one with options, else the first.
    fn price_rows(&self, base: &Row, rows: &[Row], values: &[Vec<Option<String>>]) -> HashMap<u64, u64> {
        let mut found = HashMap::new();
        if self.mapping.price.currency.is_none() || rows.len() == 1 {
            return found;
        }
        let mut of_sku: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, row) in rows.iter().enumerate() {
            let sku = self.sku(&row.record);
            if !sku.is_empty() {
                of_sku.entry(sku).or_default().push(at);
            }
        }
        for places in of_sku.values() {
            let rank = |at: &&usize| (rows[**at].line != base.line, values[**at].iter().all(Option::is_none), **at);
            let Some(first) = places.iter().min_by_key(rank).map(|at| &rows[*at]) else { continue };
            let currency = |row: &Row| self.mapping.price.currency_of(&row.record).ok().flatten();
            let others = places.iter().map(|at| &rows[*at]).filter(|row| currency(row) != currency(first));
            found.extend(others.map(|row| (row.line, first.line)));
        }
        found
    }

    /// The price of a row in the wanted currency, perhaps of one of the rows with its other prices; nothing when there is none.
    fn price<'a>(
        &self,
        row: &Row,
        wanted: Option<Currency>,
        mut others: impl Iterator<Item = &'a Row>,
    ) -> Result<Option<(Priced, Vec<Defect>)>, Defect> {
        let rules = &self.mapping.price;
        let named = rules.currency_of(&row.record)?;
        let missing = || Defect::new("missing_price", "the row has no price");
        if let (Some(named), Some(wanted)) = (named, wanted)
            && named != wanted
        {
            let in_wanted = |other: &&Row| matches!(rules.currency_of(&other.record), Ok(Some(c)) if c == wanted);
            if let Some(other) = others.find(in_wanted) {
                return rules.read(&other.record, wanted, self.marks.price, self.today)?.map(Some).ok_or_else(missing);
            }
            if rules.refuse_others {
                return Err(Defect::new("other_currency", format!("the price is in {named}, not in {wanted}")));
            }
            return Ok(None);
        }
        let currency = named.or(wanted);
        let currency = currency.ok_or_else(|| Defect::new("missing_currency", "the row does not say its currency"))?;
        rules.read(&row.record, currency, self.marks.price, self.today)?.map(Some).ok_or_else(missing)
    }

    fn option_values(&self, row: &Record) -> Vec<Option<String>> {
        let value = |rule: &Rule| rule.text(row).map(|t| text::plain_line(&t)).filter(|t| !t.is_empty());
        self.mapping.options.iter().map(|option| value(&option.value)).collect()
    }
}
