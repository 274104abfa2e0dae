use super::*;
use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::json;

fn allowed() -> Allowed {
    Allowed::new([
        "deal.name",
        "deal.amount",
        "deal.currency",
        "deal.close_date",
        "deal.next_step",
        "deal.competitors",
        "seen.threshold",
        "change.vendor_id",
    ])
}

fn context() -> serde_json::Value {
    json!({
        "deal": {
            "name": "Acme <!channel>", "amount": "12000.5", "currency": "EUR",
            "close_date": 1_795_737_600_000_i64, "next_step": null,
            "competitors": ["Globex", "Initech"], "secret": "unseen",
        },
        "seen": { "threshold": 5 },
        "reader": { "time_zone": "Asia/Tokyo" },
    })
}

fn refused(source: &str) -> String {
    Template::compile("tip.body", source, &allowed()).unwrap_err().to_string()
}

fn rendered(source: &str) -> Result<String, String> {
    let template = Template::compile("tip.body", source, &allowed()).unwrap();
    template.render(&context()).map_err(|error| error.to_string())
}

#[test]
fn prints_values_exactly_as_they_are() {
    assert_eq!(rendered("{{ deal.name }} & co").unwrap(), "Acme <!channel> & co");
    assert_eq!(rendered("{{ deal[\"name\"] }}").unwrap(), "Acme <!channel>");
    assert_eq!(rendered("{{ deal.competitors }}").unwrap(), "Globex, Initech");
}

#[test]
fn chooses_between_texts() {
    let source = "{% if deal.next_step %}Next: {{ deal.next_step }}{% elif seen.threshold > 4 %}\
                  {{ 'late' if seen.threshold >= 5 else 'soon' }}{% else %}none{% endif %}";
    assert_eq!(rendered(source).unwrap(), "late");
    assert_eq!(rendered("{{ 'x' if deal.currency in ['EUR', 'USD'] else 'y' }}").unwrap(), "x");
}

#[test]
fn filters_read_numbers_dates_and_money() {
    let cases = [
        ("{{ deal.amount | round }}", "12001"),
        ("{{ deal.amount | round(1) }}", "12000.5"),
        ("{{ deal.amount | int }}", "12000"),
        ("{{ deal.amount | money(deal.currency) }}", "EUR 12,000.50"),
        ("{{ -1234567 | money }}", "-1,234,567"),
        ("{{ 999.999 | money('GBP') }}", "GBP 1,000"),
        ("{{ deal.close_date | date }}", "27 Nov 2026"),
        ("{{ '2026-11-23T08:30:00Z' | date }}", "23 Nov 2026"),
        ("{{ 1 | plural('day', 'days') }}", "day"),
        ("{{ seen.threshold }} {{ seen.threshold | plural('day', 'days') }}", "5 days"),
        ("{{ deal.next_step | default('nothing') | upper }}", "NOTHING"),
        ("{{ deal.name | lower }}", "acme <!channel>"),
    ];
    for (source, expected) in cases {
        assert_eq!(rendered(source).as_deref(), Ok(expected), "{source}");
    }
}

#[test]
fn misspelt_fields_are_found_when_the_rule_is_saved() {
    let errors = [
        refused("Hello,\n  {{ deal.nmae }}"),
        refused("{{ sene.threshold }}"),
        refused("{{ deal }}"),
        refused("{{ weather.today }}"),
        refused("{{ deal[seen.threshold] }}"),
        refused("{% if false %}{{ deal.naem }}{% endif %}"),
    ];
    assert_snapshot!(errors.join("\n"), @r"
    tip.body, line 2, column 6: `deal.nmae` is not known here
    hint: did you mean `deal.name`?
    tip.body, line 1, column 4: `sene.threshold` is not known here
    hint: did you mean `seen.threshold`?
    tip.body, line 1, column 4: `deal` is not a value by itself
    hint: name one of its fields, as in `deal.amount`
    tip.body, line 1, column 4: `weather.today` is not known here
    hint: this text may use change.vendor_id, deal.amount, deal.close_date, deal.competitors, deal.currency, deal.name, deal.next_step, seen.threshold
    tip.body, line 1, column 4: only fields can be read
    hint: write the path out, for example {{ deal.name }}
    tip.body, line 1, column 18: `deal.naem` is not known here
    hint: did you mean `deal.name`?
    ");
}

#[test]
fn whatever_is_not_named_is_refused() {
    let errors = [
        refused("é {% for x in range(99999999) %}x{% endfor %}"),
        refused("{% include 'x' %}"),
        refused("{% macro x() %}{% endmacro %}"),
        refused("{% set x = 1 %}"),
        refused("{{ deal.name | escape }}"),
        refused("{{ deal.name | uper }}"),
        refused("{{ range(10) }}"),
        refused("{{ deal.name.upper() }}"),
        refused("{{ 9 ** 9 }}"),
        refused("{{ deal.name is defined }}"),
        refused("{{ deal.name[:3] }}"),
        refused("{{ deal.name"),
    ];
    assert_snapshot!(errors.join("\n"), @r"
    tip.body, line 1, column 6: a text cannot loop
    hint: use {{ … }} to print a value and {% if … %} to choose between texts
    tip.body, line 1, column 4: unknown statement include
    hint: a text knows {{ deal.name }}, {% if … %}, {% else %} and filters
    tip.body, line 1, column 4: unknown statement macro
    hint: a text knows {{ deal.name }}, {% if … %}, {% else %} and filters
    tip.body, line 1, column 4: `set` is not available
    hint: use {{ … }} to print a value and {% if … %} to choose between texts
    tip.body, line 1, column 16: there is no filter `escape`
    hint: filters: round, int, lower, upper, default, plural, money, date
    tip.body, line 1, column 16: there is no filter `uper`
    hint: did you mean `upper`?
    tip.body, line 1, column 4: a text cannot call functions
    hint: use a filter: x | lower
    tip.body, line 1, column 13: a text cannot call functions
    hint: use a filter: x | lower
    tip.body, line 1, column 4: `**` is not available
    hint: multiply instead
    tip.body, line 1, column 17: `is …` is not available
    hint: write {% if deal.amount %} to ask whether there is a value
    tip.body, line 1, column 8: this kind of expression is not available
    hint: print one value, for example {{ deal.name }}
    tip.body, line 1, column 9: unexpected end of input, expected end of variable block
    hint: a text knows {{ deal.name }}, {% if … %}, {% else %} and filters
    ");
    for source in [
        "{% import 'x' as y %}",
        "{% extends 'x' %}",
        "{% block x %}{% endblock %}",
        "{% with x = 1 %}{% endwith %}",
        "{% filter upper %}x{% endfilter %}",
        "{% autoescape true %}x{% endautoescape %}",
        "{% do deal.name() %}",
        "{{ loop.index }}",
        "{{ self }}",
        "{{ {'a': 1} }}",
        "{{ deal.name | default(instead='x') }}",
        "{{ 'x' if deal.name }}",
    ] {
        refused(source);
    }
}

#[test]
fn a_field_without_a_value_is_an_error_and_never_the_word_none() {
    let errors = [
        rendered("Do this: {{ deal.next_step }}").unwrap_err(),
        rendered("{{ change.vendor_id }}").unwrap_err(),
        rendered("{{ deal.next_step | upper }}").unwrap_err(),
        rendered("{{ deal.name | money }}").unwrap_err(),
        rendered("{{ deal.name | date }}").unwrap_err(),
    ];
    assert_snapshot!(errors.join("\n"), @r#"
    tip.body, line 1, column 13: this field has no value here: give it one with `| default("…")` or ask with {% if … %}
    tip.body, line 1, column 4: this field has no value here: give it one with `| default("…")` or ask with {% if … %}
    tip.body, line 1, column 21: `upper` was given no text: put `default("…")` before it
    tip.body, line 1, column 16: `money` was given something that is not a number
    tip.body, line 1, column 16: `date` was given something that is not a date
    "#);
}

#[test]
fn work_is_bounded() {
    let errors = [
        rendered("{{ deal.name * 100000000 }}").unwrap_err(),
        refused(&"x".repeat(SOURCE_BYTES_MAX + 1)),
        refused(&format!("{{{{ 1{} }}}}", "+deal.amount".repeat(300))),
    ];
    assert_snapshot!(errors.join("\n"), @r"
    tip.body, line 1, column 4: this text takes too much work to write
    hint: print the values themselves instead of building long text
    tip.body, line 1, column 1: the text has 4097 bytes
    hint: keep it within 4096 bytes
    tip.body, line 1, column 4: this expression is nested too deep
    hint: nest at most 32 deep
    ");
    for (open, close) in [("(", ")"), ("[", "]"), ("-", ""), ("not ", "")] {
        let deep = format!("{{{{ {}1{} }}}}", open.repeat(800), close.repeat(800));
        refused(&deep);
    }
    let nested = format!("{}x{}", "{% if 1 %}".repeat(100), "{% endif %}".repeat(100));
    refused(&nested);
}

#[test]
fn huge_and_hostile_values_stay_short_and_on_one_line() {
    let template = Template::compile("tip.body", "<{{ deal.name }}>\nnext", &allowed()).unwrap();
    let huge = template.render(&json!({ "deal": { "name": "é".repeat(1_000_000) } })).unwrap();
    assert_eq!(huge, format!("<{}…>\nnext", "é".repeat(VALUE_CHARS_MAX - 1)));
    let hostile = "a\r\nb\tc\u{0}d\u{202e}e\u{2028}f";
    let tamed = template.render(&json!({ "deal": { "name": hostile } })).unwrap();
    assert_eq!(tamed, "<a  b c d e f>\nnext");
    let many = "{{ deal.name }}".repeat(200);
    let template = Template::compile("tip.body", &many, &allowed()).unwrap();
    let long = template.render(&json!({ "deal": { "name": "x".repeat(300) } })).unwrap();
    assert_eq!(long.chars().count(), OUTPUT_CHARS_MAX);
    assert!(long.ends_with('…'));
}

#[test]
fn shortening_keeps_whole_characters() {
    assert_eq!(shorten("añb", 3), "añb");
    assert_eq!(shorten("añbc", 3), "añ…");
    assert_eq!(shorten("a b", 2), "a…");
    assert_eq!(shorten("abc", 0), "");
}

fn piece() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "{{ ",
        " }}",
        "{% if ",
        " %}",
        "{% endif %}",
        "{% else %}",
        "deal.name",
        "deal",
        ".",
        "seen.threshold",
        " | ",
        "upper",
        "money",
        "date",
        "round",
        "default('x')",
        "(",
        ")",
        "[",
        "]",
        "1",
        "'",
        "\"",
        " + ",
        " * ",
        " ~ ",
        " in ",
        "not ",
        "-",
        "{#",
        "#}",
        "\\u12",
        "%",
        "{%- for x in y -%}",
        "{{'x'*999999999}}",
        "\n",
    ]);
    prop_oneof![4 => known.prop_map(str::to_owned), 1 => "\\PC{0,6}"]
}

proptest! {
    #[test]
    fn no_source_panics(pieces in prop::collection::vec(piece(), 0..24), name in ".{0,300}") {
        let source = pieces.concat();
        let context = json!({ "deal": { "name": name }, "seen": { "threshold": 1e300 } });
        match Template::compile("tip.body", &source, &allowed()) {
            Ok(template) => match template.render(&context) {
                Ok(text) => prop_assert!(text.chars().count() <= OUTPUT_CHARS_MAX),
                Err(error) => prop_assert!(error.line >= 1 && error.column >= 1),
            },
            Err(error) => prop_assert!(error.line <= source.matches('\n').count() + 1),
        }
    }

    #[test]
    fn any_name_comes_out_as_it_is_on_one_line(name in "\\PC{1,100}") {
        let template = Template::compile("tip.body", "[{{ deal.name }}]", &allowed()).unwrap();
        let text = template.render(&json!({ "deal": { "name": name } })).unwrap();
        prop_assert!(!text.contains('\n'));
        if !name.chars().any(|char| ('\u{2028}'..='\u{2069}').contains(&char)) {
            prop_assert_eq!(text, format!("[{name}]"));
        }
    }
}
