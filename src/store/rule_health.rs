//! What became of a rule's nudges: the numbers that its health is judged by.

use rusqlite::params;
use touchline_rules::UnixMs;

use super::Store;
use super::error::Result;
use super::statement::{all, number, sql_limit, statements};

/// Outcomes of one rule that are looked at, the newest; a rule is judged by far fewer.
const OUTCOMES_MAX: usize = 50_000;

statements! {
    SENT(2) = "SELECT COUNT(*) FROM nudge AS n WHERE n.rule_id = $1 AND n.created_at >= $2 \
        AND EXISTS (SELECT 1 FROM delivery_nudge AS l INNER JOIN delivery AS d \
            ON d.id = l.delivery_id WHERE l.nudge_id = n.id \
            AND d.state IN ('sent', 'accepted', 'unknown'))";
    OUTCOMES(3) = "SELECT o.nudge_id, o.person, o.kind FROM nudge AS n INNER JOIN outcome AS o \
        ON o.nudge_id = n.id WHERE n.rule_id = $1 AND n.created_at >= $2 \
        ORDER BY n.created_at DESC, o.nudge_id LIMIT $3";
}

/// What became of the nudges of one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleAnswers {
    /// Nudges sent.
    pub sent: u64,
    /// Each outcome: the nudge, whose it is, and its kind.
    pub outcomes: Vec<(String, String, String)>,
}

impl Store {
    /// What became of the nudges that a rule made since an instant.
    pub async fn rule_answers(&self, rule_id: String, since: UnixMs) -> Result<RuleAnswers> {
        self.read(move |main| {
            let most = sql_limit(OUTCOMES_MAX);
            Ok(RuleAnswers {
                sent: number(main, &SENT, params![rule_id, since.0])?.unsigned_abs(),
                outcomes: all(main, &OUTCOMES, params![rule_id, since.0, most], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })?,
            })
        })
        .await
    }
}
