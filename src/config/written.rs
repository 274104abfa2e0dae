//! Where a key of the configuration is written: the variable of the environment,
//! or the line and column of the file.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::{ConfigError, DEFAULTS, ENVIRONMENT_PREFIX};
use crate::file_errors::place;

/// What a configuration was read from, besides the defaults.
#[derive(Clone, Default)]
pub(super) struct Written {
    file: Option<(PathBuf, String)>,
    /// Names of the variables that override the file.
    variables: Vec<String>,
}

/// Nothing of the text: it may hold secrets.
impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Written").field(&self.file.as_ref().map(|(path, _)| path)).finish()
    }
}

impl Written {
    /// The file.
    pub(super) fn file(&self) -> Option<&Path> {
        self.file.as_ref().map(|(path, _)| path.as_path())
    }

    /// Whether the file's text is the same.
    pub fn reads_as(&self, other: &Written) -> bool {
        let text = |one: &Written| one.file.as_ref().map(|(_, text)| text.clone());
        text(self) == text(other)
    }

    /// A file, and whatever the environment says.
    #[expect(
        clippy::disallowed_methods,
        reason = "configuration is the one reader of the environment"
    )]
    pub fn here(file: Option<(&Path, &str)>) -> Written {
        let prefix = format!("{ENVIRONMENT_PREFIX}_");
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        Written {
            file: file.map(|(path, text)| (path.to_owned(), text.to_owned())),
            variables: names.filter(|name| name.starts_with(&prefix)).collect(),
        }
    }

    /// The documented defaults.
    pub fn defaults() -> Written {
        Written { file: Some((PathBuf::new(), DEFAULTS.to_owned())), variables: Vec::new() }
    }

    /// Refuses a file that is no TOML.
    pub fn check_syntax(&self) -> Result<(), ConfigError> {
        let Some((path, text)) = &self.file else { return Ok(()) };
        let Err(error) = DeTable::parse(text) else { return Ok(()) };
        let place = error
            .span()
            .map_or_else(|| format!("{}: ", path.display()), |span| place(path, text, span.start));
        Err(ConfigError::Syntax { place, problem: error.message().replace('\n', ", ") })
    }

    /// Where `key` is written, or the table it belongs in: `touchline.toml:3:1: `.
    /// Nothing where neither file nor environment tells of it.
    pub fn place(&self, key: &str) -> String {
        let variable = format!("{ENVIRONMENT_PREFIX}_{}", key.replace('.', "__").to_uppercase());
        if self.variables.contains(&variable) {
            return format!("{variable}: ");
        }
        let Some((path, text)) = &self.file else { return String::new() };
        match find(text, key) {
            Some(span) => place(path, text, span.start),
            None => String::new(),
        }
    }

    /// The line that sets `key`, without its indents.
    pub fn line(&self, key: &str) -> Option<String> {
        let (_, text) = self.file.as_ref()?;
        let span = exactly(text, key)?;
        let before = text.get(..span.start)?.rfind('\n').map_or(0, |end| end + 1);
        let line = text.get(before..)?.lines().next()?;
        Some(line.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

/// The key, or the nearest table around it.
fn find(text: &str, key: &str) -> Option<Range<usize>> {
    let mut key = key;
    loop {
        if let Some(span) = exactly(text, key) {
            return Some(span);
        }
        key = key.rsplit_once('.')?.0;
    }
}

fn exactly(text: &str, key: &str) -> Option<Range<usize>> {
    let table = DeTable::parse(text).ok()?;
    in_table(table.get_ref(), key)
}

/// A name may hold dots itself, as e-mails do: each name of the table is tried.
fn in_table(table: &DeTable<'_>, key: &str) -> Option<Range<usize>> {
    table.iter().find_map(|(name, value)| {
        let written = name.get_ref();
        let quoted = key.strip_prefix('"').and_then(|key| key.strip_prefix(written.as_ref()));
        let rest = match quoted.and_then(|rest| rest.strip_prefix('"')) {
            Some(rest) => rest,
            None => key.strip_prefix(written.as_ref())?,
        };
        if rest.is_empty() { Some(name.span()) } else { in_value(value.get_ref(), rest) }
    })
}

/// `rest` begins with what leads further: `.name` or `[0]`.
fn in_value(value: &DeValue<'_>, rest: &str) -> Option<Range<usize>> {
    match value {
        DeValue::Table(table) => in_table(table, rest.strip_prefix('.')?),
        DeValue::Array(array) => {
            let (index, rest) = rest.strip_prefix('[')?.split_once(']')?;
            let item = array.get(index.parse::<usize>().ok()?)?;
            if rest.is_empty() { Some(item.span()) } else { in_value(item.get_ref(), rest) }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "listen = \"x\"\n[people.\"a.b@example.com\"]\n  time_zone = \"Mars\"\n\
                        [attention]\ndigest_at = [\"09:00\", \"noon\"]\nlimits = { a = 1 }\n";

    #[test]
    fn a_key_is_found_where_it_is_written() {
        let written = Written {
            file: Some(("t.toml".into(), TEXT.to_owned())),
            variables: vec!["TOUCHLINE_HTTP__BODY_MAX_BYTES".to_owned()],
        };
        for (key, place) in [
            ("listen", "t.toml:1:1: "),
            ("people.\"a.b@example.com\".time_zone", "t.toml:3:3: "),
            ("people.a.b@example.com.time_zone", "t.toml:3:3: "),
            ("attention.digest_at[1]", "t.toml:5:23: "),
            ("attention.limits.a", "t.toml:6:12: "),
            ("attention.missing", "t.toml:4:2: "),
            ("http.body_max_bytes", "TOUCHLINE_HTTP__BODY_MAX_BYTES: "),
            ("nowhere", ""),
        ] {
            assert_eq!(written.place(key), place, "{key}");
        }
        assert!(!format!("{written:?}").contains("listen"));
        let line = Written::defaults().line("attention.quiet_hours");
        assert_eq!(line.as_deref(), Some("quiet_hours = \"18:00-08:00\" # or \"off\""));
    }
}
