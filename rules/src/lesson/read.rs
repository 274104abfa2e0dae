//! From a file to a lesson.

use super::blocks::{self, Line};
use super::{
    BODY_WORDS_MAX, BODY_WORDS_MIN, Block, LESSON_BYTES_MAX, Lesson, WORDS_PER_MINUTE, front, quiz,
};
use crate::ruleset::diagnostic::Findings;
use crate::ruleset::keys::{self, shown};
use crate::ruleset::yaml::{Node, NodeKind, Position};
use crate::ruleset::{RuleDiagnostic, Severity, SourceFile};

/// The heading before the question.
const QUESTION: &str = "Question";

/// Reads one lesson file: the lesson, unless something is wrong with it, and
/// everything that was found.
#[must_use]
pub fn parse(file: &SourceFile) -> (Option<Lesson>, Vec<RuleDiagnostic>) {
    let mut findings = Findings::new(&file.path);
    let lesson = lesson(file, &mut findings);
    let found = findings.into_sorted(&file.text);
    let faulty = found.iter().any(|one| one.severity == Severity::Error);
    (lesson.filter(|_| !faulty), found)
}

fn lesson(file: &SourceFile, findings: &mut Findings) -> Option<Lesson> {
    let slug = slug(&file.path, findings);
    if file.text.len() > LESSON_BYTES_MAX {
        let message = format!("the file is longer than {LESSON_BYTES_MAX} bytes");
        let hint = format!("a lesson is {BODY_WORDS_MAX} words at most, and one question");
        findings.error(TOP, "too_long", message, hint);
        return None;
    }
    let text = file.text.strip_prefix('\u{feff}').unwrap_or(&file.text);
    let lines: Vec<Line<'_>> =
        text.lines().enumerate().map(|(at, text)| Line { number: at + 1, text }).collect();
    check_characters(&lines, findings);
    let (front, rest) = split_front(&lines, findings)?;
    let front = front::read(front, findings);
    let (body_lines, question) = split_question(rest, findings);
    let body = blocks::blocks(body_lines, findings);
    let body_at = body_lines.iter().chain(&lines).find(|line| !line.text.trim().is_empty());
    let seconds = check_length(&body, body_at, front.as_ref(), findings);
    let quiz = question.and_then(|(heading, lines)| quiz::quiz(heading, lines, findings));
    let front = front?;
    Some(Lesson {
        slug: slug?,
        title: front.title,
        skill: front.skill,
        seconds,
        sources: front.sources,
        body,
        quiz: quiz?,
        file: file.path.clone(),
    })
}

const TOP: Position = Position { line: 1, column: 1 };

/// The slug of a path: the file's name without `.md`.
fn slug(path: &str, findings: &mut Findings) -> Option<String> {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let Some(stem) = name.strip_suffix(".md") else {
        let message = format!("`{}` does not end in .md", shown(name));
        findings.error(TOP, "bad_slug", message, "name the file as in `buyer-silent.md`");
        return None;
    };
    let node = Node { kind: NodeKind::Text(stem.to_owned()), at: TOP };
    keys::slug(&node, "lesson", findings).map(|slug| slug.value)
}

/// Whether `letter` steers a terminal or turns the direction of writing. Lessons
/// travel into chats and terminals, so such letters have no place in them.
pub(super) fn steers(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn check_characters(lines: &[Line<'_>], findings: &mut Findings) {
    for line in lines {
        if let Some(at) = line.text.chars().position(steers) {
            let at = Position { line: line.number, column: at + 1 };
            let message = "there is a tab or an invisible control character";
            findings.error(at, "bad_character", message, "remove it, or use spaces");
        }
    }
}

type Halves<'l, 'a> = (&'l [Line<'a>], &'l [Line<'a>]);

/// What stands between the two lines `---`, and what follows.
fn split_front<'l, 'a>(lines: &'l [Line<'a>], findings: &mut Findings) -> Option<Halves<'l, 'a>> {
    let fence = |line: &Line<'_>| line.text.trim_end() == "---";
    let hint = "begin with a line `---`, then title, skill and sources, then a line `---`";
    if !lines.first().is_some_and(fence) {
        findings.error(TOP, "no_front_matter", "the file does not begin with `---`", hint);
        return None;
    }
    let Some(end) = lines.iter().skip(1).position(fence) else {
        findings.error(TOP, "no_front_matter", "the second line `---` is missing", hint);
        return None;
    };
    Some((&lines[1..=end], &lines[end + 2..]))
}

type Question<'l, 'a> = (Position, &'l [Line<'a>]);

/// The text, and the question with the place of its heading. Without the right
/// heading any other begins the question, so that a mistyped one is one mistake
/// and not ten.
fn split_question<'l, 'a>(
    lines: &'l [Line<'a>],
    findings: &mut Findings,
) -> (&'l [Line<'a>], Option<Question<'l, 'a>>) {
    let right = format!("## {QUESTION}");
    let exact = lines.iter().position(|line| line.text.trim() == right);
    let any = || lines.iter().position(|line| blocks::is_heading(line.text));
    let Some(at) = exact.or_else(any) else {
        let last = lines.last().map_or(1, |line| line.number);
        let hint = format!("add the heading `{right}`, the question, and its answers");
        let at = Position { line: last, column: 1 };
        findings.error(at, "no_question", "the lesson has no question", hint);
        return (lines, None);
    };
    let place = Position { line: lines[at].number, column: 1 };
    let name = lines[at].text.trim();
    if exact.is_none() {
        let message = format!("`{}` is no heading of a lesson", shown(name));
        let hint = format!("the only heading is `{right}`, before the question");
        findings.error(place, "unknown_heading", message, hint);
    }
    (&lines[..at], Some((place, &lines[at + 1..])))
}

/// Checks the length of the text, and tells how many seconds reading takes.
fn check_length(
    body: &[Block],
    first: Option<&Line<'_>>,
    front: Option<&front::Front>,
    findings: &mut Findings,
) -> u32 {
    let words: usize = body.iter().map(Block::words).sum();
    let at = Position { line: first.map_or(1, |line| line.number), column: 1 };
    if words > BODY_WORDS_MAX {
        let message = format!("the text has {words} words: more than a minute of reading");
        let hint = format!("keep one idea, in at most {BODY_WORDS_MAX} words");
        findings.error(at, "too_long", message, hint);
    } else if words < BODY_WORDS_MIN {
        let message = format!("the text has {words} words: too few to teach something");
        let hint = format!("write at least {BODY_WORDS_MIN}: what to do, words to say, and why");
        findings.error(at, "too_short", message, hint);
    }
    let needed = u32::try_from((words * 60).div_ceil(WORDS_PER_MINUTE)).unwrap_or(u32::MAX);
    let Some((seconds, at)) = front.and_then(|front| front.seconds) else { return needed };
    if needed > seconds && words <= BODY_WORDS_MAX {
        let message = format!("the text takes about {needed} seconds to read, not {seconds}");
        let hint = format!("write `seconds: {needed}`, or shorten the text");
        findings.error(at, "takes_longer", message, hint);
    }
    seconds
}
