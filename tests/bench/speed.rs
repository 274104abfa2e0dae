//! How fast Touchline is, as one Markdown table. What is measured and how:
//! `README.md` beside this file.
//!
//! `cargo bench --bench speed` runs everything; `cargo bench --bench speed -- accept tick`
//! runs those sections. Nothing here fails because something was slow: a figure
//! stands beside its goal, and a person judges.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the real clock")]

mod accept;
mod backtest;
mod company;
mod conditions;
mod cost;
mod fakes;
mod flips;
mod footprint;
mod latency;
mod load;
mod native;
mod processing;
mod report;
mod server;
mod stand;
mod synthetic;
mod tick;
mod webhook;

use report::Table;

type Section = (&'static str, fn(&mut Table) -> anyhow::Result<()>);

/// In the order of the table.
const SECTIONS: [Section; 8] = [
    ("footprint", footprint::run),
    ("accept", accept::run),
    ("latency", latency::run),
    ("processing", processing::run),
    ("conditions", conditions::run),
    ("flips", flips::run),
    ("tick", tick::run),
    ("backtest", backtest::run),
];

fn main() -> anyhow::Result<()> {
    // Cargo adds `--bench`.
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if let [server::CHILD, kind, config] =
        arguments.iter().map(String::as_str).collect::<Vec<_>>()[..]
    {
        return accept::serve(kind, config.as_ref());
    }
    let known = |name: &String| SECTIONS.iter().any(|(known, _)| known == name);
    if let Some(unknown) = arguments.iter().find(|name| !known(name)) {
        let names = SECTIONS.map(|(name, _)| name).join(", ");
        anyhow::bail!("there is no section {unknown}\nhint: it is one of {names}");
    }
    let mut table = Table::default();
    for (name, run) in SECTIONS {
        if arguments.is_empty() || arguments.iter().any(|wanted| wanted == name) {
            table.section(name, run)?;
        }
    }
    print!("{table}");
    Ok(())
}
