//! What the preparation of pictures costs: `cargo run --release -p souk-pictures --example prepare -- FILES... [--out
//! DIRECTORY]`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use souk_pictures::{Format, PictureWorkers, Plan, Prepared, Priority};

/// What the catalogue makes of a picture.
const PLAN: Plan = Plan {
    widths: &[160, 320, 480, 800, 1280],
    max_height: 1920,
    has: |format, width, full| match format {
        Format::Avif => matches!(width, 320 | 480),
        Format::Webp => true,
        Format::Jpeg => full || matches!(width, 320 | 800),
    },
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut files: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let out = match files.iter().position(|file| file.as_os_str() == "--out") {
        Some(at) if at + 1 < files.len() => files.drain(at..at + 2).nth(1),
        _ => None,
    };
    let workers = PictureWorkers::new(1, PLAN, Priority::Low)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let (mut total, mut count, mut all_bytes) = (Duration::ZERO, 0, 0);
    println!("{:>7} {:>9} {:>9}  {:<32} bytes by width and format", "CPU ms", "read", "written", "file");
    for file in &files {
        let content = std::fs::read(file)?;
        let (read, start) = (content.len(), cpu_time());
        let prepared = runtime.block_on(workers.prepare(content.into()));
        let spent = cpu_time().saturating_sub(start);
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        match prepared {
            Ok(prepared) => {
                let written: usize = prepared.files.iter().map(|file| file.content.len()).sum();
                let sizes =
                    prepared.files.iter().map(|file| format!("{}{:?}={}", file.width, file.format, file.content.len()));
                let sizes = sizes.collect::<Vec<_>>().join(" ");
                println!("{:>7} {read:>9} {written:>9}  {name:<32} {sizes} {:?}", spent.as_millis(), prepared.focus);
                (total, count, all_bytes) = (total + spent, count + 1, all_bytes + written);
                if let Some(out) = &out {
                    write(out, &name, &prepared)?;
                }
            }
            Err(error) => {
                println!("{:>7} {read:>9} {:>9}  {name:<32} {}: {error}", spent.as_millis(), "", error.code())
            }
        }
    }
    let each = |sum: u128| sum.checked_div(count).unwrap_or(0);
    println!("{count} pictures, {} ms of CPU and {} bytes each", each(total.as_millis()), each(all_bytes as u128));
    Ok(())
}

/// CPU time of the process, of which all but nothing is the workers'.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

fn write(directory: &Path, name: &str, prepared: &Prepared) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    for file in &prepared.files {
        let extension = format!("{:?}", file.format).to_lowercase();
        std::fs::write(directory.join(format!("{name}-{}.{extension}", file.width)), &file.content)?;
    }
    std::fs::write(directory.join(format!("{name}.placeholder.txt")), &prepared.placeholder)
}
