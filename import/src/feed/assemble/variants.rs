//! Variants of a product, with their options, prices and stock, out of the rows that are variants.

use std::collections::HashSet;

use souk_catalog_api::{MediaInput, ProductOption, VariantInput};

use super::candidates::Candidate;
use super::{Assembled, Assembler};
use crate::draft::{DEFAULT_TAX_CATEGORY, Defect, Offer, clip, index_of, picture};
use crate::feed::fields::{code, is_cut, stock, stock_policy, weight};
use crate::feed::mapping::rule::Rule;
use crate::feed::record::Record;
use crate::{limits, naming, text};

/// What the rows of a product say about its variants.
pub(super) struct Variants {
    pub(super) options: Vec<ProductOption>,
    pub(super) variants: Vec<VariantInput>,
    /// In the order of `variants`.
    pub(super) offers: Vec<Offer>,
}

/// Name of the option of variants that only their SKUs tell apart.
const SKU_OPTION: &str = "SKU";
/// Value of an option that a variant does not name.
const NO_VALUE: &str = "-";

impl Assembler {
    /// Options and variants out of the rows that are variants. A row that repeats another in everything is refused; one that
    /// repeats its options or its SKU gets others, because it is something else to sell.
    pub(super) fn variants(
        &self,
        mut candidates: Vec<Candidate<'_>>,
        mut names: Vec<String>,
        id: &str,
        media: &mut Vec<MediaInput>,
        out: &mut Assembled,
    ) -> Result<Variants, Defect> {
        if let (Some((name, value)), [only]) = (&self.mapping.no_option, candidates.as_mut_slice())
            && names.first() == Some(name)
            && only.values.first().and_then(Option::as_ref) == Some(value)
        {
            only.values.fill(None);
        }
        let mut used: Vec<usize> =
            (0..names.len()).filter(|i| candidates.iter().any(|c| c.values[*i].is_some())).collect();
        if used.is_empty() && self.are_told_by_sku(&candidates) {
            self.name_by_sku(&mut candidates, id, out);
            names.push(SKU_OPTION.to_owned());
            used.push(names.len() - 1);
        }
        let mut options: Vec<ProductOption> =
            used.iter().map(|i| ProductOption { name: names[*i].clone(), values: Vec::new() }).collect();
        let mut variants: Vec<VariantInput> = Vec::with_capacity(candidates.len());
        let mut offers: Vec<Offer> = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            let row = candidate.row;
            if variants.len() == limits::VARIANTS {
                out.refuse(row, Some(id), Defect::new("too_many", format!("more than {} variants", limits::VARIANTS)));
                continue;
            }
            let mut defects = Vec::new();
            let (mut variant, offer) = self.variant(candidate, &used, &names, media, &mut defects);
            if let Err(defect) = distinct(&mut variant, &variants, &mut defects) {
                out.refuse(row, Some(id), defect);
                continue;
            }
            out.warn(row, id, defects);
            variants.push(variant);
            offers.push(offer);
        }
        for variant in &variants {
            for (option, value) in options.iter_mut().zip(&variant.option_values) {
                if !option.values.contains(value) {
                    option.values.push(value.clone());
                }
            }
        }
        let derived = naming::derive_skus(id, &variants.iter().map(|v| v.option_values.as_slice()).collect::<Vec<_>>());
        let mut given: HashSet<String> = variants.iter().map(|variant| variant.sku.clone()).collect();
        for (variant, derived) in variants.iter_mut().zip(derived) {
            if variant.sku.is_empty() {
                let taken = given.contains(&derived);
                variant.sku = if taken { naming::own_sku(&derived, id, &variant.option_values) } else { derived };
                given.insert(variant.sku.clone());
            }
        }
        Ok(Variants { options, variants, offers })
    }

    /// Whether several rows without any option are different things all the same.
    fn are_told_by_sku(&self, candidates: &[Candidate<'_>]) -> bool {
        let skus: HashSet<String> = candidates.iter().map(|candidate| self.sku(&candidate.row.record)).collect();
        skus.len() > 1 && skus.iter().all(|sku| !sku.is_empty())
    }

    /// Gives each row an option that says its SKU.
    fn name_by_sku(&self, candidates: &mut [Candidate<'_>], id: &str, out: &mut Assembled) {
        for candidate in candidates {
            let sku = self.sku(&candidate.row.record);
            let reason = format!("the product has no options, so the variant is told by its SKU {sku}");
            out.warn(candidate.row, id, vec![Defect::new("missing_option", reason)]);
            candidate.values.push(Some(sku));
        }
    }

    /// The SKU of a row; empty when it has none.
    pub(super) fn sku(&self, row: &Record) -> String {
        let given = self.mapping.variant.sku.as_ref().and_then(|rule| rule.text(row)).unwrap_or_default();
        text::plain_line(code(&given))
    }

    fn variant(
        &self,
        candidate: Candidate<'_>,
        used: &[usize],
        names: &[String],
        media: &mut Vec<MediaInput>,
        defects: &mut Vec<Defect>,
    ) -> (VariantInput, Offer) {
        let Candidate { row, base, values, priced, without_options } = candidate;
        let row = &row.record;
        let rules = &self.mapping.variant;
        let get = |rule: &Option<Rule>| rule.as_ref().and_then(|rule| rule.text(row));
        let number = |rule: &Option<Rule>| {
            let rule = rule.as_ref()?;
            rule.number(row).or_else(|| rule.unknown_number(row))
        };
        let weighed = number(&rules.weight).or_else(|| rules.weight.as_ref()?.number(base?));
        let sku = self.sku(row);
        let mut option_values = Vec::with_capacity(used.len());
        for i in used {
            option_values.push(values[*i].clone().unwrap_or_else(|| {
                let value = if without_options && !sku.is_empty() { sku.clone() } else { NO_VALUE.to_owned() };
                defects.push(Defect::new("missing_option", format!("the variant has no {}: {value}", names[*i])));
                value
            }));
        }
        for value in &mut option_values {
            if let Some((end, _)) = value.char_indices().nth(limits::NAME_CHARS) {
                value.truncate(end);
                defects.push(Defect::new("too_long", format!("the option {value} is cut")));
            }
        }
        let source_url = get(&rules.media);
        if let Some(url) = &source_url
            && index_of(media, url).is_none()
        {
            media.push(picture(url.clone(), String::new()));
        }
        let mut barcode = get(&rules.barcode);
        if let Some(cut) = barcode.take_if(|code| is_cut(code)) {
            let reason = format!("the barcode {cut} has lost digits in a spreadsheet and is left out");
            defects.push(Defect::new("invalid_barcode", reason));
        }
        let tidy = |text: String| Some(text::plain_line(code(&text))).filter(|text| !text.is_empty());
        let tax_category = match rules.tax_category.as_ref() {
            None => None,
            Some(rule) => rule.text(row).or_else(|| {
                let unknown = rule.unknown(row)?;
                let reason = format!("the tax category {:?} is not known: {DEFAULT_TAX_CATEGORY}", clip(&unknown));
                defects.push(Defect::new("invalid_tax_category", reason));
                None
            }),
        };
        let word = |rule: &Option<Rule>| rule.as_ref().and_then(|rule| rule.text(row).or_else(|| rule.unknown(row)));
        let unit = word(&rules.weight_unit);
        let offer = Offer {
            price: priced.price,
            compare_at: priced.compare_at,
            stock: stock(number(&rules.stock), self.marks.stock).note(defects),
            default_stock: rules.default_stock,
            policy: stock_policy(word(&rules.policy)).note(defects),
        };
        let variant = VariantInput {
            external_id: get(&rules.external_id).map(|text| code(&text).to_owned()),
            sku,
            option_values,
            barcode: barcode.and_then(tidy),
            weight_grams: weight(weighed, unit, self.marks.weight).note(defects),
            tax_category: tax_category.unwrap_or_else(|| DEFAULT_TAX_CATEGORY.to_owned()),
            media: source_url.and_then(|url| index_of(media, &url)),
        };
        (variant, offer)
    }
}

/// Makes a variant different from those before it in its options and its SKU. One that has the SKU and the options of another is
/// the same thing again.
fn distinct(variant: &mut VariantInput, others: &[VariantInput], defects: &mut Vec<Defect>) -> Result<(), Defect> {
    let same_options = others.iter().find(|other| other.option_values == variant.option_values);
    if let Some(other) = same_options {
        let shown = variant.option_values.join(" / ");
        if variant.sku.is_empty() || variant.sku == other.sku || variant.option_values.is_empty() {
            let reason = match variant.option_values.is_empty() {
                true => "the product has no options, so it cannot have a second variant".to_owned(),
                false => format!("a second variant with the options {shown}"),
            };
            return Err(Defect::new("duplicate_variant", reason));
        }
        defects.push(Defect::new(
            "duplicate_variant",
            format!("a second variant with the options {shown}: told apart by its SKU {}", variant.sku),
        ));
        if let Some(last) = variant.option_values.last_mut() {
            let room = limits::NAME_CHARS.saturating_sub(variant.sku.chars().count() + 3);
            *last = format!("{} ({})", last.chars().take(room).collect::<String>(), variant.sku);
        }
    }
    if !variant.sku.is_empty() && others.iter().any(|other| other.sku == variant.sku) {
        let reason = format!("SKU {} stands twice in the product: the variant gets one of its own", clip(&variant.sku));
        defects.push(Defect::new("duplicate_sku", reason));
        // Made from the product's id and the options, like that of a variant without one.
        variant.sku.clear();
    }
    Ok(())
}
