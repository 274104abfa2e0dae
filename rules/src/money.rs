//! Money as people read it.

use rust_decimal::{Decimal, RoundingStrategy};

/// `EUR 12,000` or `EUR 12,000.50`: rounded to cents half away from zero, thousands
/// apart; without a currency the number alone.
#[must_use]
pub fn amount_text(amount: Decimal, currency: Option<&str>) -> String {
    let rounded = amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    let digits =
        if rounded.is_integer() { rounded.trunc().to_string() } else { format!("{rounded:.2}") };
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |rest| ("-", rest));
    let (whole, fraction) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let mut grouped = String::with_capacity(digits.len() * 2);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let currency = currency.filter(|code| !code.is_empty());
    let currency = currency.map_or_else(String::new, |code| format!("{code} "));
    format!("{currency}{sign}{grouped}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart_and_cents_only_where_there_are_some() {
        let told = |amount: &str, currency| amount_text(amount.parse().unwrap(), currency);
        assert_eq!(told("12000", Some("EUR")), "EUR 12,000");
        assert_eq!(told("1234567.895", Some("USD")), "USD 1,234,567.90");
        assert_eq!(told("-999.5", None), "-999.50");
        assert_eq!(told("100", Some("")), "100");
        assert_eq!(told("0", None), "0");
    }
}
