//! Report of an import: what became of each line, as it is read, for people on the terminal, for a spreadsheet in a file, and for
//! programs as JSON. What is printed is bounded; the file has every line.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use souk_import::{Effect, Finding, Lines, PictureTally, ProductOutcome, RefusedProduct, RowCounts, Tally, export};

/// Refusals, and warnings, printed one by one; the rest are counted.
const SHOWN: u64 = 50;
/// The code of a picture that no file is.
const MISSING_PICTURE: &str = "missing_picture";
/// Columns of the file.
const COLUMNS: [&str; 6] = ["line", "last line", "product", "result", "details", "code"];

/// What `--json` prints, and what is counted for people.
#[derive(Default, serde::Serialize)]
pub struct Report {
    #[serde(flatten)]
    pub tally: Tally,
    /// What became of the rows of the file.
    pub rows: RowCounts,
    /// How its text is encoded.
    pub encoding: &'static str,
    /// Columns that the mapping makes nothing of.
    pub unread_columns: Vec<String>,
    /// Details that were left out or mended; their products are taken.
    pub warned: u64,
    /// Each of them, for programs only.
    warnings: Vec<Finding>,
    /// Lines the file's own defects refused.
    refused_lines: Vec<Finding>,
    /// Products, prices and stock the shop refused.
    refused_products: Vec<RefusedProduct>,
    /// Pictures that could not be read, or that the shop refused; their products are taken.
    refused_pictures: Vec<RefusedProduct>,
    /// Products that are known and different, and how.
    changed_products: Vec<ProductOutcome>,
    pub dry_run: bool,
    #[serde(skip)]
    missing_pictures: u64,
    #[serde(skip)]
    output: Output,
}

/// Where what happens is told.
#[derive(Default)]
struct Output {
    /// For programs: nothing is printed before the end.
    json: bool,
    /// Every product is printed, not only what is wrong.
    every: bool,
    refusals: u64,
    file: Option<BufWriter<File>>,
}

impl Report {
    /// A report that prints refusals and warnings as they come, and each product, too, of a dry run; with `json` it keeps them all.
    pub fn new(json: bool, dry_run: bool, file: Option<&Path>) -> anyhow::Result<Self> {
        let file = match file {
            None => None,
            Some(path) => {
                let file = File::create(path).with_context(|| format!("cannot write the report {}", path.display()))?;
                let mut file = BufWriter::new(file);
                writeln!(file, "{}", COLUMNS.join(","))?;
                Some(file)
            }
        };
        let output = Output { json, every: dry_run && !json, refusals: 0, file };
        Ok(Self { dry_run, output, ..Self::default() })
    }

    /// Whether nothing at all of a file could be taken.
    pub fn is_useless(&self) -> bool {
        let Tally { created, updated, unchanged, .. } = self.tally;
        created + updated + unchanged == 0 && self.rows.read > 0
    }

    /// A detail that was left out or mended.
    pub fn warning(&mut self, warning: Finding) -> io::Result<()> {
        self.warned += 1;
        self.missing_pictures += u64::from(warning.code == MISSING_PICTURE);
        self.output.finding("warning", &warning, self.warned)?;
        if self.output.json {
            self.warnings.push(warning);
        }
        Ok(())
    }

    /// The sums of the import.
    pub fn set_tally(&mut self, tally: Tally) {
        self.tally = tally;
        self.tally.pictures.missing = self.missing_pictures;
    }

    /// Lines that are not taken.
    pub fn refused(&mut self, refusal: Finding) -> io::Result<()> {
        self.output.refusals += 1;
        self.output.finding("refused", &refusal, self.output.refusals)?;
        if self.output.json {
            self.refused_lines.push(refusal);
        }
        Ok(())
    }

    /// A row that is no part of a product.
    pub fn left_out(&mut self, row: &Finding) -> io::Result<()> {
        self.output.row(row.line, row.end_line, row.external_id.as_deref(), "left out", &row.reason, row.code)?;
        if self.output.every {
            println!("left out {row}");
        }
        Ok(())
    }

    /// A product that was read, and what the shop made of it.
    pub fn product(&mut self, lines: Lines, outcome: ProductOutcome) -> io::Result<()> {
        let code = outcome.refusals.first().map_or("", |no| no.code.as_str());
        let told = outcome.to_string();
        let (result, details) = told.split_once(": ").unwrap_or((&told, ""));
        self.output.row(lines.first, lines.last, Some(&outcome.external_id), result, details, code)?;
        let shown = if lines.last > lines.first {
            format!("lines {}-{} ({})", lines.first, lines.last, outcome.external_id)
        } else {
            format!("line {} ({})", lines.first, outcome.external_id)
        };
        for RefusedProduct { code, reason, .. } in &outcome.warnings {
            self.warned += 1;
            self.output.row(lines.first, lines.last, Some(&outcome.external_id), "warning", reason, code)?;
            if !self.output.json && self.warned <= SHOWN {
                eprintln!("warning {shown}: {reason} [{code}]");
            }
        }
        if !outcome.refusals.is_empty() {
            self.output.refusals += 1;
        }
        if self.output.every {
            println!("{shown}: {told}");
        } else if !outcome.refusals.is_empty() && !self.output.json && self.output.refusals <= SHOWN {
            eprintln!("refused {shown}: {details}");
        }
        if self.output.json {
            self.refused_products.extend(outcome.refusals.iter().cloned());
            self.refused_pictures.extend(outcome.warnings.iter().cloned());
            if outcome.effect == Effect::Updated {
                self.changed_products.push(outcome);
            }
        }
        Ok(())
    }

    /// The end: what remains to be written, and the sums.
    pub fn finish(mut self) -> anyhow::Result<()> {
        if let Some(file) = &mut self.output.file {
            file.flush().context("cannot write the report")?;
        }
        match self.output.json {
            true => println!("{}", serde_json::to_string_pretty(&self)?),
            false => self.print(),
        }
        Ok(())
    }

    fn print(&self) {
        for (all, what) in [(self.output.refusals, "refusals"), (self.warned, "warnings")] {
            if all > SHOWN {
                eprintln!("... and {} more {what}; --report FILE.csv lists them all", all - SHOWN);
            }
        }
        let Self { tally, rows, .. } = self;
        let would = if self.dry_run { "would be " } else { "" };
        println!(
            "products: {would}created {}, updated {}, unchanged {}, refused {}; prices changed {}, stock set {}, stock policies {}",
            tally.created, tally.updated, tally.unchanged, tally.refused, tally.prices, tally.stocked, tally.policies
        );
        println!(
            "{} rows ({}): {} taken, {} refused, {} left out; {} warnings",
            rows.read, self.encoding, rows.taken, rows.refused, rows.left_out, self.warned
        );
        if !self.unread_columns.is_empty() {
            println!("columns that nothing was made of: {}", self.unread_columns.join(", "));
        }
        let PictureTally { found, missing, refused, addresses } = tally.pictures;
        if found + missing + refused + addresses > 0 {
            println!(
                "pictures: {found} from files, {missing} missing, {refused} refused; {addresses} addresses to fetch in the background \
                 (`souk pictures` says how that goes)"
            );
        }
    }
}

impl Output {
    /// A finding, which is the `count`th of its kind.
    fn finding(&mut self, what: &str, finding: &Finding, count: u64) -> io::Result<()> {
        if !self.json && count <= SHOWN {
            eprintln!("{what} {finding}");
        }
        let id = finding.external_id.as_deref();
        self.row(finding.line, finding.end_line, id, what, &finding.reason, finding.code)
    }

    fn row(
        &mut self,
        line: u64,
        last: u64,
        id: Option<&str>,
        result: &str,
        details: &str,
        code: &str,
    ) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let cells = [id.unwrap_or_default(), result, details, code].map(export::cell);
        writeln!(file, "{line},{last},{}", cells.join(","))
    }
}
