//! The words that tips and lessons keep to, for the tests that hold them to it.

/// Words that need a glossary, or that only people who sell use.
pub const JARGON: &[&str] = &[
    "actionable",
    "bant",
    "best-in-class",
    "buy-in",
    "champion",
    "circle back",
    "close rate",
    "deep dive",
    "economic buyer",
    "funnel",
    "ghosted",
    "kpi",
    "leverage",
    "low-hanging",
    "meddic",
    "mindset",
    "move the needle",
    "multi-thread",
    "objection",
    "pain point",
    "pipeline",
    "prospect",
    "quota",
    "roi",
    "single-thread",
    "stakeholder",
    "synergy",
    "touch base",
    "upsell",
    "value proposition",
    "win-win",
];

/// Words that blame, shout, or promise what nobody knows.
pub const NOT_OURS: &[&str] = &[
    "asap",
    "best practice",
    "experts agree",
    "guarantee",
    "lazy",
    "proven",
    "research shows",
    "should have",
    "studies show",
    "you failed",
    "you forgot",
    "you must",
    "your fault",
];

/// The tags of the skills that shipped rules and lessons train.
pub const SKILLS: &[&str] = &[
    "PRO", "DIS", "QUA", "VAL", "STK", "PLN", "NEG", "ACC", "PIP", "SLF", "WE", "COA", "DEL",
    "INS", "REC", "STR", "TAL", "CON", "ETH",
];

/// Names that belong to others: methods that are sold, and who sells software.
pub const MARKS: &[&str] = &[
    "bant",
    "challenger",
    "clari",
    "gong",
    "hubspot",
    "meddic",
    "meddpicc",
    "miller heiman",
    "odoo",
    "salesforce",
    "sandler",
    "slack",
    "spin",
];

/// Whether `text` has `word` with no letter before or after it.
pub fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(char::is_alphabetic) && !after.is_some_and(char::is_alphabetic)
    })
}
