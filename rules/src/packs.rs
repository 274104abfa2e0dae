//! The packs that ship with the program.

/// A pack as it ships.
#[derive(Copy, Clone, Debug)]
pub struct Builtin {
    /// Its name after `builtin:`.
    pub name: &'static str,
    /// The file.
    pub text: &'static str,
}

/// Every pack that ships.
pub const BUILTIN: &[Builtin] =
    &[Builtin { name: "core-pipeline", text: include_str!("../packs/core-pipeline.yaml") }];
