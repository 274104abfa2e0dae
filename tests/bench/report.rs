//! The table that comes out.

use std::fmt;
use std::time::Instant;

use crate::cost;

/// One figure.
struct Row {
    what: String,
    figure: String,
    goal: &'static str,
    dominated_by: &'static str,
}

/// Every figure of a run.
#[derive(Default)]
pub struct Table {
    rows: Vec<Row>,
    sections: Vec<String>,
}

impl Table {
    /// Runs a section, and notes how busy the machine was with other things.
    pub fn section(
        &mut self,
        name: &str,
        run: fn(&mut Table) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let (begun, machine, ours) =
            (Instant::now(), cost::of_machine()?, cost::of_this_process_and_children()?);
        run(self)?;
        let elapsed = begun.elapsed().as_secs_f64();
        let ours = (cost::of_this_process_and_children()? - ours).as_secs_f64();
        let others = (cost::of_machine()? - machine).as_secs_f64() - ours;
        self.sections.push(format!(
            "{name}: {elapsed:.0} s, {:.1} cores busy with other things",
            (others / elapsed).max(0.0)
        ));
        Ok(())
    }

    /// Adds a figure. `goal` is empty where there is none.
    pub fn add(
        &mut self,
        what: impl Into<String>,
        figure: impl Into<String>,
        goal: &'static str,
        dominated_by: &'static str,
    ) {
        let row = Row { what: what.into(), figure: figure.into(), goal, dominated_by };
        eprintln!("{}: {}", row.what, row.figure);
        self.rows.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", machine())?;
        writeln!(f, "| what | figure | goal | what dominates |\n|---|---|---|---|")?;
        for row in &self.rows {
            let Row { what, figure, goal, dominated_by } = row;
            writeln!(f, "| {what} | **{figure}** | {goal} | {dominated_by} |")?;
        }
        writeln!(f)?;
        self.sections.iter().try_for_each(|section| writeln!(f, "- {section}"))
    }
}

/// Date, processor, system and compiler.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let processors = read("/proc/cpuinfo");
    let mut models = processors.lines().filter(|line| line.starts_with("model name"));
    let model = models.next().and_then(|line| line.split_once(": ")).map_or("?", |(_, name)| name);
    let rustc = std::process::Command::new("rustc").arg("--version").output();
    let rustc = rustc.map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned());
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "{date}: {count} x {model}, Linux {kernel}, {rustc}",
        date = jiff::Timestamp::now().strftime("%Y-%m-%d"),
        count = models.count() + 1,
        kernel = kernel.trim().split('.').take(2).collect::<Vec<_>>().join("."),
        rustc = rustc.unwrap_or_default(),
    )
}
