//! The question and its answers.

use super::blocks::{ITEM_INDENT, Kind, Line, kind};
use super::prose::{Piece, Prose, prose};
use super::{
    ANSWER_CHARS_MAX, ANSWERS_MAX, ANSWERS_MIN, Answer, QUESTION_CHARS_MAX, Quiz, WHY_CHARS_MAX,
};
use crate::ruleset::diagnostic::Findings;
use crate::ruleset::yaml::Position;

const BOX_HINT: &str =
    "begin a wrong answer with `- [ ]` and the right one with `- [x]`, each on a line of its own";

/// An answer as it is written.
struct Written<'a> {
    at: Position,
    right: bool,
    text: Piece<'a>,
    why: Vec<Piece<'a>>,
}

/// Reads what follows the heading at `heading`.
pub(super) fn quiz(heading: Position, lines: &[Line<'_>], findings: &mut Findings) -> Option<Quiz> {
    let mut question: Vec<Piece<'_>> = Vec::new();
    let mut answers: Vec<Written<'_>> = Vec::new();
    for line in lines {
        match (kind(line), answers.last_mut()) {
            (Kind::Blank, _) => {}
            (Kind::Foreign(what), _) => line.report(what, findings),
            (Kind::Item(_, mark), _) if line.indent() < ITEM_INDENT => {
                answers.push(answer(line, mark, findings));
            }
            (Kind::Item(..), _) => line.report("a list inside an answer", findings),
            (Kind::Text, None) => question.push(line.piece(0)),
            (Kind::Text, Some(answer)) => {
                if line.indent() < ITEM_INDENT {
                    let at = Position { line: line.number, column: 1 };
                    let message = "it is not clear which answer this explains";
                    let hint = "put it below its answer and indent it by two spaces";
                    findings.error(at, "unclear_item", message, hint);
                }
                answer.why.push(line.piece(0));
            }
        }
    }
    check_answers(heading, &answers, findings);
    let question = part("question", heading, &question, QUESTION_CHARS_MAX, findings);
    let answers = answers.iter().take(ANSWERS_MAX).map(|written| {
        let Written { at, right, text, why } = written;
        let text = part("answer", *at, std::slice::from_ref(text), ANSWER_CHARS_MAX, findings);
        let why = part("explanation", *at, why, WHY_CHARS_MAX, findings);
        Answer { text, right: *right, why }
    });
    Some(Quiz { answers: answers.collect(), question })
}

fn answer<'a>(line: &Line<'a>, mark: usize, findings: &mut Findings) -> Written<'a> {
    const BOX: usize = 3;
    let at = Position { line: line.number, column: line.indent() + 1 };
    let whole = line.piece(mark);
    let ticked = match whole.text.get(..BOX) {
        Some("[ ]") => Some(false),
        Some("[x]" | "[X]") => Some(true),
        _ => None,
    };
    if ticked.is_none() {
        let message = "an answer has no box before it";
        findings.error(at, "bad_answers", message, BOX_HINT);
    }
    let text = if ticked.is_some() { line.piece(whole.at.column - 1 + BOX) } else { whole };
    Written { at, right: ticked.unwrap_or(false), text, why: Vec::new() }
}

fn check_answers(heading: Position, answers: &[Written<'_>], findings: &mut Findings) {
    if !(ANSWERS_MIN..=ANSWERS_MAX).contains(&answers.len()) {
        let message = format!("the question has {} answers", answers.len());
        let hint = format!("give {ANSWERS_MIN} or {ANSWERS_MAX}: {BOX_HINT}");
        findings.error(heading, "bad_answers", message, hint);
        return;
    }
    let mut right = answers.iter().filter(|answer| answer.right);
    if right.next().is_none() {
        let message = "none of the answers is marked as right";
        findings.error(heading, "bad_answers", message, BOX_HINT);
    }
    for second in right {
        let message = "a second answer is marked as right";
        findings.error(second.at, "bad_answers", message, "mark exactly one with `- [x]`");
    }
    for (at, answer) in answers.iter().enumerate() {
        if answers.iter().take(at).any(|other| other.text.text.trim() == answer.text.text.trim()) {
            let message = "this answer is there twice";
            findings.error(answer.at, "bad_answers", message, "write another, or remove one");
        }
    }
}

/// Text of a part that must be there and may not be longer than `chars_max`.
fn part(
    what: &str,
    owner: Position,
    pieces: &[Piece<'_>],
    chars_max: usize,
    findings: &mut Findings,
) -> Prose {
    let at = pieces.first().map_or(owner, |piece| piece.at);
    let text = prose(pieces, findings);
    if text.words() == 0 {
        let message = format!("there is no {what} here");
        let hint = match what {
            "explanation" => "say below the answer, indented by two spaces, why it is right or not",
            "answer" => BOX_HINT,
            _ => "write one question below the heading, before the answers",
        };
        findings.error(at, "nothing_said", message, hint);
    }
    let chars = text.chars();
    if chars > chars_max {
        let message = format!("the {what} has {chars} characters");
        let hint = format!("say it in at most {chars_max}");
        findings.error(at, "too_long", message, hint);
    }
    text
}
