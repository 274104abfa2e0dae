//! Which HubSpot property is which deal field, and how its text is read.

use std::borrow::Cow;
use std::str::FromStr;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use rust_decimal::Decimal;
use touchline_kit::{ConnectionView, mapping};
use touchline_rules::UnixMs;
use touchline_rules::condition::Type;
use touchline_rules::facts::{Fact, Field, Value};

/// What HubSpot sends instead of a sensitive value.
const REDACTED: &str = "REDACTED";
/// The longest text that can still be a number or a time, in bytes.
const SCALAR_BYTES_MAX: usize = 64;

/// How much of a text is kept, in characters: HubSpot's may have 65,536, and
/// rules ask whether there is one or look for a word.
const TEXT_CHARS_MAX: usize = 1_000;
/// Bytes of a date without a time, `2026-12-01`.
const DATE_BYTES: usize = 10;

/// One property that fills a deal field.
#[derive(Clone, Debug)]
pub(crate) struct Property {
    pub name: Cow<'static, str>,
    pub field: Field,
    /// Its past values are read with a deal.
    pub history: bool,
}

const fn property(name: &'static str, field: Field, history: bool) -> Property {
    Property { name: Cow::Borrowed(name), field, history }
}

/// The properties that every account has. Named facts are not among them: a
/// connection says what fills those.
pub(crate) static PROPERTIES: [Property; 10] = [
    property("dealname", Field::Name, false),
    property("pipeline", Field::Pipeline, true),
    property("dealstage", Field::Stage, true),
    property("hubspot_owner_id", Field::Owner, true),
    property("amount", Field::Amount, true),
    property("deal_currency_code", Field::Currency, false),
    property("closedate", Field::CloseDate, true),
    property("createdate", Field::CreatedAt, false),
    property("hs_next_step", Field::NextStep, false),
    property("closed_lost_reason", Field::LossReason, false),
];

/// The usual property of this field; `None` for a named fact.
pub(crate) fn usual(field: Field) -> Option<&'static str> {
    PROPERTIES.iter().find(|one| one.field == field).map(|one| &*one.name)
}

/// The properties that one connection reads.
#[derive(Clone, Debug)]
pub(crate) struct Properties {
    all: Vec<Property>,
}

impl Properties {
    /// The usual ones, and those that its settings map.
    pub fn of(on: &ConnectionView) -> Properties {
        let mut all = PROPERTIES.to_vec();
        for (field, name) in mapping::facts_of(&on.settings) {
            let name = Cow::Owned(name);
            match all.iter_mut().find(|one| one.field == field) {
                Some(usual) => usual.name = name,
                // What HubSpot counts itself has a past that says nothing.
                None => all.push(Property { name, field, history: field != Field::Contacts }),
            }
        }
        Properties { all }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Property> {
        self.all.iter()
    }

    /// What the property of this name fills: usually one field or none.
    pub fn filled_by(&self, name: &str) -> impl Iterator<Item = &Property> {
        self.all.iter().filter(move |one| one.name == name)
    }
}

/// Reads a property's text as a value of `field`. `None` and `""` are blank at HubSpot. `sensitive`
/// is what the vendor said of the property, where it said anything: a
/// redacted value is not known, but a deal may well be named "REDACTED".
///
/// # Errors
/// What the value should have been; never the value itself.
pub(crate) fn read(
    field: Field,
    text: Option<&str>,
    sensitive: Option<bool>,
) -> Result<Fact<Value>, &'static str> {
    let text = match text {
        None | Some("") => return Ok(Fact::Empty),
        Some(_) if sensitive == Some(true) => return Ok(Fact::Unknown),
        Some(REDACTED) if sensitive.is_none() => return Ok(Fact::Unknown),
        Some(text) => text,
    };
    let value = match field.value_type() {
        Type::Text | Type::Bool => Value::Text(text.chars().take(TEXT_CHARS_MAX).collect()),
        Type::Number => Value::Number(number(text).ok_or("is not a decimal number")?),
        Type::Time => Value::Time(instant(text).ok_or("is not a time (ms or ISO 8601)")?),
    };
    Ok(Fact::Known(value))
}

/// An exact decimal, plain or with an exponent (`1.0E7`).
fn number(text: &str) -> Option<Decimal> {
    let text = text.trim();
    let is_plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+'));
    if text.len() > SCALAR_BYTES_MAX {
        return None;
    }
    if is_plain {
        return Decimal::from_str_exact(text).ok();
    }
    let (mantissa, exponent) = text.split_once(['e', 'E'])?;
    let exponent = i32::from_str(exponent).ok().filter(|one| one.abs() <= 28)?;
    let mantissa = Decimal::from_str_exact(mantissa).ok().filter(|_| is_decimal(mantissa))?;
    let scale = Decimal::from_i128_with_scale(10_i128.checked_pow(exponent.unsigned_abs())?, 0);
    if exponent < 0 { mantissa.checked_div(scale) } else { mantissa.checked_mul(scale) }
}

fn is_decimal(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+'))
}

/// An instant from milliseconds, an ISO 8601 instant, or a date (midnight UTC,
/// as HubSpot stores dates).
pub(crate) fn instant(text: &str) -> Option<UnixMs> {
    let text = text.trim();
    if text.is_empty() || text.len() > SCALAR_BYTES_MAX {
        return None;
    }
    if let Ok(ms) = i64::from_str(text) {
        return in_range(ms);
    }
    if let Ok(at) = Timestamp::from_str(text) {
        return Some(UnixMs::from(at));
    }
    let date = Date::from_str(text).ok().filter(|_| text.len() == DATE_BYTES)?;
    Some(UnixMs::from(date.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp()))
}

/// The instant of this many milliseconds, if it can be shown.
pub(crate) fn in_range(ms: i64) -> Option<UnixMs> {
    (UnixMs::MIN.0..=UnixMs::MAX.0).contains(&ms).then_some(UnixMs(ms))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn amount(text: &str) -> Result<Fact<Value>, &'static str> {
        read(Field::Amount, Some(text), None)
    }

    fn at(text: &str) -> Option<i64> {
        instant(text).map(|at| at.0)
    }

    #[test]
    fn money_is_exact() {
        let known = |text: &str| Ok(Fact::Known(Value::Number(text.parse().unwrap())));
        assert_eq!(amount("1250.00"), known("1250.00"));
        assert_eq!(amount("-0.1"), known("-0.1"));
        assert_eq!(amount("9007199254740993"), known("9007199254740993"));
        assert_eq!(amount("1.0E7"), known("10000000"));
        assert_eq!(amount("25e-1"), known("2.5"));
        for odd in ["a lot", "1,250", "1_000", "NaN", "1e999999999", "0x10", "--1", "1e", "."] {
            assert_eq!(amount(odd), Err("is not a decimal number"), "{odd}");
        }
    }

    #[test]
    fn times_come_as_milliseconds_or_iso() {
        assert_eq!(at("1762216307945"), Some(1_762_216_307_945));
        assert_eq!(at("2025-11-04T00:31:47.945Z"), Some(1_762_216_307_945));
        assert_eq!(at("2025-11-04T01:31:47.945+01:00"), Some(1_762_216_307_945));
        assert_eq!(at("2025-11-04"), Some(1_762_214_400_000));
        for odd in ["", "soon", "2025-13-01", "99999999999999999", "2025-11-04T00:31"] {
            assert_eq!(at(odd), None, "{odd}");
        }
    }

    #[test]
    fn blank_is_empty_and_redacted_is_unknown() {
        let text = |value, sensitive| read(Field::Name, value, sensitive);
        assert_eq!(text(None, None), Ok(Fact::Empty));
        assert_eq!(text(Some(""), Some(true)), Ok(Fact::Empty));
        assert_eq!(text(Some("REDACTED"), None), Ok(Fact::Unknown));
        assert_eq!(text(Some("x"), Some(true)), Ok(Fact::Unknown));
        let named = Fact::Known(Value::Text("REDACTED".into()));
        assert_eq!(text(Some("REDACTED"), Some(false)), Ok(named));
    }

    #[test]
    fn each_field_has_one_property_and_named_facts_have_none() {
        for field in Field::ALL {
            let usual = PROPERTIES.iter().filter(|one| one.field == field).count();
            assert_eq!(usual, usize::from(!field.is_named_fact()), "{field:?}");
        }
    }

    #[test]
    fn a_connection_says_what_fills_a_fact() {
        let facts = serde_json::json!({
            "competitor": "rival", "champion": "rival", "next_step": "our_step",
            "discount": "rate", "next_step_date": "due", "contacts": "num_associated_contacts",
        });
        let mut on = crate::testing::connection(None);
        on.settings.insert("facts".into(), facts);
        let properties = Properties::of(&on);
        let filled = |name: &str| {
            let fields = properties.filled_by(name).map(|one| one.field.name());
            fields.collect::<Vec<_>>()
        };
        assert_eq!(filled("rival"), ["competitor", "champion"]);
        assert_eq!(filled("our_step"), ["next_step"]);
        assert_eq!(
            filled("hs_next_step"),
            Vec::<&str>::new(),
            "its usual property no longer counts"
        );
        assert_eq!(filled("dealstage"), ["stage"]);
        let mapped = |field| properties.iter().find(|one| one.field == field).unwrap();
        assert!(mapped(Field::Discount).history && !mapped(Field::Contacts).history);
        assert_eq!(properties.iter().count(), PROPERTIES.len() + 5);
    }

    #[test]
    fn a_long_text_is_cut() {
        let long = "ä".repeat(TEXT_CHARS_MAX + 1);
        let kept = "ä".repeat(TEXT_CHARS_MAX);
        assert_eq!(read(Field::Name, Some(&long), None), Ok(Fact::Known(Value::Text(kept))));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*", exact in "[-+0-9.eE]{0,70}") {
            for field in [Field::Name, Field::Amount, Field::CloseDate] {
                let _ = read(field, Some(&text), None);
                let _ = read(field, Some(&exact), None);
            }
        }

        #[test]
        fn every_decimal_survives(mantissa in any::<i64>(), scale in 0u32..=18) {
            let number = Decimal::new(mantissa, scale);
            prop_assert_eq!(amount(&number.to_string()), Ok(Fact::Known(Value::Number(number))));
        }
    }
}
