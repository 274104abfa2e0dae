//! A fence around code that must not take its caller down with it.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `body`; a panic in it is answered as its words.
///
/// # Errors
/// The words of the panic. Whatever `body` changed is suspect then, and must be
/// thrown away.
pub fn guarded<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    // What a caller hands over by value or throws away cannot be seen half-changed.
    catch_unwind(AssertUnwindSafe(body)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "panicked".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_by_its_words() {
        assert_eq!(guarded(|| 7), Ok(7));
        assert_eq!(guarded(|| -> i32 { panic!("no {}", "way") }), Err("no way".to_owned()));
        assert_eq!(guarded(|| -> i32 { panic!("no way") }), Err("no way".to_owned()));
    }
}
