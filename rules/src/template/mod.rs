//! The templates in which rules write their texts.
//!
//! A template is text with `{{ deal.name }}`, `{% if … %}` and a few filters.
//! Everything it may read is declared beforehand in [`Allowed`], so a misspelt
//! field is found when the rule is saved and not when the nudge is due.
//! There are no loops, macros, includes or functions, and source, work and
//! output are bounded: a template cannot hang or flood anything.
//!
//! # Plain text
//! [`Template::render`] gives *plain text* and escapes nothing: a deal named
//! `<!channel>` comes out as exactly that. Whoever shows the text (a chat
//! connector, a mail, a page) escapes all of it for its own target. Escaping
//! here as well would show `&amp;` to people.

mod check;
mod filters;
mod values;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};

pub use filters::FILTERS;
pub use values::shorten;

/// The longest source of one template, in bytes.
pub const SOURCE_BYTES_MAX: usize = 4 * 1024;
/// The longest rendered text, in characters; the rest is cut with an ellipsis.
pub const OUTPUT_CHARS_MAX: usize = 2_000;
/// The longest text that one value contributes, in characters.
pub const VALUE_CHARS_MAX: usize = 240;
/// The most items of a list that are shown.
pub const LIST_ITEMS_MAX: usize = 10;
/// The work one rendering may do: instructions, plus one for each 64 bytes
/// that it makes.
pub const FUEL: u64 = 10_000;
/// How deep expressions and conditions may nest.
pub const DEPTH_MAX: usize = 32;
/// Where the context may name the IANA zone in which the `date` filter reads
/// instants. Without it they are read in UTC.
pub const TIME_ZONE_PATH: &str = "reader.time_zone";

/// Name under which the zone waits for the `date` filter. No template can say
/// it, for it has a space in it.
const TIME_ZONE_VARIABLE: &str = "time zone";
const NAME: &str = "text";

/// The dotted paths a template may read, such as `deal.name`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    paths: BTreeSet<String>,
}

impl Allowed {
    /// Allows exactly these paths.
    pub fn new<I>(paths: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        Allowed { paths: paths.into_iter().map(Into::into).collect() }
    }

    /// Whether a template may read `path`.
    #[must_use]
    pub fn contains(&self, path: &str) -> bool {
        self.paths.contains(path)
    }

    /// Every allowed path, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(String::as_str)
    }
}

/// What is wrong with a template, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}, line {line}, column {column}: {message}{}", hint_line(.hint))]
pub struct TemplateError {
    /// What the template is called, for example `tip.headline`.
    pub name: String,
    /// What is wrong.
    pub message: String,
    /// Line in the template, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// What to do about it.
    pub hint: Option<String>,
}

fn hint_line(hint: &Option<String>) -> String {
    hint.as_ref().map_or_else(String::new, |hint| format!("\nhint: {hint}"))
}

/// A checked template. Cheap to clone.
#[derive(Clone)]
pub struct Template {
    name: Arc<str>,
    source: Arc<str>,
    paths: Arc<[String]>,
    environment: Arc<Environment<'static>>,
}

impl Template {
    /// Checks `source` and prepares it. `name` says in errors which text it
    /// is, for example `tip.headline`.
    ///
    /// # Errors
    /// Names the place of the first thing a template may not do: a path that is
    /// not in `allowed`, a filter that does not exist, a loop, a function, or a
    /// source that is too long.
    pub fn compile(name: &str, source: &str, allowed: &Allowed) -> Result<Self, TemplateError> {
        let place = Place { name, source };
        if source.len() > SOURCE_BYTES_MAX {
            let message = format!("the text has {} bytes", source.len());
            let hint = format!("keep it within {SOURCE_BYTES_MAX} bytes");
            return Err(place.error_at(0, message, Some(hint)));
        }
        let check::Checked { paths, source: named } = check::check(&place, allowed)?;
        let mut environment = Environment::empty();
        environment.set_debug(true);
        environment.set_fuel(Some(FUEL));
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_formatter(values::format_value);
        filters::add_to(&mut environment);
        environment.add_template_owned(NAME, named).map_err(|error| place.explain(&error))?;
        Ok(Template {
            name: name.into(),
            source: source.into(),
            paths: paths.into_iter().collect(),
            environment: Arc::new(environment),
        })
    }

    /// The plain text for `context`, an object that holds the paths as nested
    /// objects. Nothing is escaped: see the [module](self).
    ///
    /// Line breaks and other control characters *in values* become spaces and
    /// long values are cut, so that nothing typed into a CRM can change the
    /// shape of a message. `null` and what is absent count as having no value:
    /// `{% if deal.amount %}` and the `default` filter deal with that.
    ///
    /// # Errors
    /// A path without a value was printed or calculated with, a filter was
    /// given something it cannot use, or the work exceeded [`FUEL`].
    pub fn render(&self, context: &serde_json::Value) -> Result<String, TemplateError> {
        let place = Place { name: &self.name, source: &self.source };
        let explain = |error: Error| place.explain(&error);
        let template = self.environment.get_template(NAME).map_err(explain)?;
        let text = template.render(values::context(&self.paths, context)).map_err(explain)?;
        Ok(shorten(values::tidy(&text).trim(), OUTPUT_CHARS_MAX))
    }

    /// The paths this template reads, in order.
    #[must_use]
    pub fn paths(&self) -> &[String] {
        &self.paths
    }

    /// The text it was made from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.source).finish()
    }
}

/// Two templates are equal when their source is.
impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

/// A template's name and source: what an error needs to point into it.
struct Place<'a> {
    name: &'a str,
    source: &'a str,
}

impl Place<'_> {
    fn error_at(&self, offset: usize, message: String, hint: Option<String>) -> TemplateError {
        let mut end = offset.min(self.source.len());
        while !self.source.is_char_boundary(end) {
            end -= 1;
        }
        let before = &self.source[..end];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        TemplateError {
            name: self.name.to_owned(),
            message,
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            hint,
        }
    }

    /// The engine's own error in this project's words.
    fn explain(&self, error: &Error) -> TemplateError {
        let offset = error.range().map_or(0, |range| range.start);
        let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        let (message, hint) = match error.kind() {
            ErrorKind::OutOfFuel => (
                "this text takes too much work to write".to_owned(),
                Some("print the values themselves instead of building long text".to_owned()),
            ),
            ErrorKind::SyntaxError => (
                detail,
                Some("a text knows {{ deal.name }}, {% if … %}, {% else %} and filters".to_owned()),
            ),
            _ => (detail, None),
        };
        self.error_at(offset, message, hint)
    }
}

#[cfg(test)]
mod tests;
