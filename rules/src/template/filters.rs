//! The filters a template may use. Numbers may also come as text, because
//! money is a decimal and a decimal travels as text.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use minijinja::{Environment, Error, ErrorKind, State, Value};
use rust_decimal::{Decimal, RoundingStrategy};

use super::TIME_ZONE_VARIABLE;
use crate::money::amount_text;
use crate::time::UnixMs;

/// The names of all filters.
///
/// * `round` and `round(1)`: to whole numbers or decimal places, half away
///   from zero. `int`: without the fraction.
/// * `lower`, `upper`: in small or capital letters.
/// * `default("…")`: this text instead of a value that is not there or empty.
/// * `plural("day", "days")`: the first for exactly 1, else the second.
/// * `money`, `money(deal.currency)`: `12000.5` as `EUR 12,000.50`.
/// * `date`: an instant in milliseconds, or text that begins with a date, as
///   `23 Nov 2026` in the reader's zone.
pub const FILTERS: [&str; 8] =
    ["round", "int", "lower", "upper", "default", "plural", "money", "date"];

pub(super) fn add_to(environment: &mut Environment<'static>) {
    environment.add_filter("round", round);
    environment.add_filter("int", int);
    environment
        .add_filter("lower", |text: Value| shown(&text, "lower").map(|it| it.to_lowercase()));
    environment
        .add_filter("upper", |text: Value| shown(&text, "upper").map(|it| it.to_uppercase()));
    environment.add_filter("default", default);
    environment.add_filter("plural", plural);
    environment.add_filter("money", money);
    environment.add_filter("date", date);
}

fn fault(message: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

fn has_value(value: &Value) -> bool {
    !value.is_undefined() && !value.is_none()
}

fn shown(value: &Value, filter: &str) -> Result<String, Error> {
    if has_value(value) && value.as_str().is_some_and(|text| !text.is_empty()) || value.is_number()
    {
        return Ok(value.to_string());
    }
    Err(fault(format!("`{filter}` was given no text: put `default(\"…\")` before it")))
}

fn number(value: &Value, filter: &str) -> Result<Decimal, Error> {
    let text = if has_value(value) { value.to_string() } else { String::new() };
    let parsed = text.parse::<Decimal>().or_else(|_| Decimal::from_scientific(&text));
    parsed.map_err(|_| fault(format!("`{filter}` was given something that is not a number")))
}

fn plain(number: Decimal) -> Value {
    let number = number.normalize();
    match i64::try_from(number) {
        Ok(whole) if number.is_integer() => Value::from(whole),
        _ => Value::from(number.to_string()),
    }
}

fn round(value: Value, places: Option<u32>) -> Result<Value, Error> {
    const PLACES_MAX: u32 = 8;
    let places = places.unwrap_or(0).min(PLACES_MAX);
    let number = number(&value, "round")?;
    Ok(plain(number.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero)))
}

fn int(value: Value) -> Result<Value, Error> {
    Ok(plain(number(&value, "int")?.trunc()))
}

fn default(value: Value, instead: Value) -> Value {
    let empty = !has_value(&value) || value.as_str() == Some("");
    if empty { instead } else { value }
}

fn plural(value: Value, one: String, many: String) -> Result<String, Error> {
    Ok(if number(&value, "plural")? == Decimal::ONE { one } else { many })
}

fn money(value: Value, currency: Option<Value>) -> Result<String, Error> {
    let currency = currency.filter(has_value).map(|code| code.to_string());
    Ok(amount_text(number(&value, "money")?, currency.as_deref()))
}

fn date(state: &State, value: Value) -> Result<String, Error> {
    let not_a_date = || fault("`date` was given something that is not a date".to_owned());
    let day = match (value.as_i64(), value.as_str()) {
        (Some(ms), _) => {
            let zone = state.lookup(TIME_ZONE_VARIABLE);
            let name = zone.as_ref().and_then(Value::as_str);
            let zone = name.and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC);
            UnixMs(ms).to_zoned(&zone).date()
        }
        (None, Some(text)) => {
            let day = text.get(..10).ok_or_else(not_a_date)?;
            day.parse::<Date>().map_err(|_| not_a_date())?
        }
        (None, None) => return Err(not_a_date()),
    };
    Ok(day.strftime("%-d %b %Y").to_string())
}
