//! Who is in both fakes when nothing says who else is.

/// E-mail, given name and family name.
pub(super) const PEOPLE: [(&str, &str, &str); 2] =
    [("ann@example.com", "Ann", "Example"), ("ben@example.com", "Ben", "Example")];
