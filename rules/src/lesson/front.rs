//! What a lesson says of itself, between the two lines `---`.

use super::blocks::Line;
use super::read::steers;

use super::{SOURCES_MAX, Source, TITLE_CHARS_MAX};
use crate::ruleset::diagnostic::Findings;
use crate::ruleset::keys::{self, Keys, shown};
use crate::ruleset::yaml::{self, Node, Position};

/// The longest tag of a skill, in characters.
const SKILL_CHARS_MAX: usize = 8;
/// How long a lesson may say that it takes, in seconds.
const SECONDS: std::ops::RangeInclusive<u32> = 30..=90;

/// What a lesson says of itself.
pub(super) struct Front {
    pub(super) title: String,
    pub(super) skill: String,
    pub(super) seconds: Option<(u32, Position)>,
    pub(super) sources: Vec<Source>,
}

/// Reads the lines between the fences; `None` if something is wrong with them.
pub(super) fn read(lines: &[Line<'_>], findings: &mut Findings) -> Option<Front> {
    // The line of the first fence is left blank, so that places are the file's.
    let text: String = lines.iter().fold("\n".to_owned(), |text, line| text + line.text + "\n");
    let root = match yaml::read(&text) {
        Ok(root) => root,
        Err((at, message)) => {
            let last = lines.last().map_or(1, |line| line.number + 1);
            let at = Position { line: at.line.min(last), ..at };
            let hint = "check indentation, quotes and `key: value` near this place";
            findings.error(at, "bad_yaml", message, hint);
            return None;
        }
    };
    let mut keys = Keys::of(&root, "the top of a lesson", findings)?;
    let title = keys.required("title", findings).and_then(|it| title(it, findings));
    let skill = keys.required("skill", findings).and_then(|it| skill(it, findings));
    let seconds = keys.node("seconds").and_then(|it| {
        keys::whole(it, "seconds", SECONDS, findings).map(|seconds| (seconds, it.at))
    });
    let sources = keys.required("sources", findings).and_then(|it| sources(it, findings));
    keys.finish(findings);
    Some(Front { title: title?, skill: skill?, seconds, sources: sources? })
}

fn title(node: &Node, findings: &mut Findings) -> Option<String> {
    let found = keys::text(node, "title", findings)?;
    if !found.value.contains(steers) && found.value.chars().count() <= TITLE_CHARS_MAX {
        return Some(found.value);
    }
    let message = "the title does not fit one line";
    let hint = format!("say it in at most {TITLE_CHARS_MAX} characters");
    findings.error(found.at, "too_long", message, hint);
    None
}

fn skill(node: &Node, findings: &mut Findings) -> Option<String> {
    let found = keys::text(node, "skill", findings)?;
    let plain = |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit();
    if found.value.chars().all(plain) && found.value.len() <= SKILL_CHARS_MAX {
        return Some(found.value);
    }
    let message = format!("`{}` is not the tag of a skill", shown(&found.value));
    let hint = format!(
        "use the tag your rules have under `skill`, such as PLN: capitals and digits, at most {SKILL_CHARS_MAX}"
    );
    findings.error(found.at, "bad_skill", message, hint);
    None
}

fn sources(node: &Node, findings: &mut Findings) -> Option<Vec<Source>> {
    let nodes = keys::list(node, "sources", findings)?;
    if nodes.is_empty() || nodes.len() > SOURCES_MAX {
        let message = format!("the lesson has {} sources", nodes.len());
        let hint = format!("give 1 to {SOURCES_MAX}; your own practice is `grade: convention`");
        findings.error(node.at, "bad_sources", message, hint);
        return None;
    }
    nodes.iter().map(|node| source(node, findings)).collect()
}

fn source(node: &Node, findings: &mut Findings) -> Option<Source> {
    let mut keys = Keys::of(node, "a source", findings)?;
    let grade = keys.required("grade", findings).and_then(|it| keys::choice(it, findings));
    let note = keys.required("note", findings).and_then(|it| keys::text(it, "note", findings));
    keys.finish(findings);
    let (grade, note) = (grade?, note?);
    let words: Vec<&str> = note.value.split_whitespace().collect();
    let words = words.join(" ");
    if words.contains(steers) {
        let message = "there is an invisible control character in the note";
        findings.error(note.at, "bad_character", message, "remove it");
        return None;
    }
    Some(Source { grade, note: words })
}
