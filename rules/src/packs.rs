//! The packs that ship with the program.

/// A pack as it ships.
#[derive(Copy, Clone, Debug)]
pub struct Builtin {
    /// Its name after `builtin:`.
    pub name: &'static str,
    /// The file.
    pub text: &'static str,
}

/// A file of `packs/`: its name and what is in it.
macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(Builtin {
            name: $name,
            text: include_str!(concat!("../packs/", $name, ".yaml")),
        }),*]
    };
}

/// Every pack that ships. Only the first is on unless a configuration says otherwise.
pub const BUILTIN: &[Builtin] = shipped![
    "core-pipeline",
    "people",
    "commercial",
    "portfolio",
    "manager",
    "eight-slot-qualification",
    "budget-authority-need-timing",
    "question-led-discovery",
    "insight-led",
    "agreed-next-step",
];
