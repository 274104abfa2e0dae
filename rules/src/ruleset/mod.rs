//! Rule files.
pub mod yaml;
