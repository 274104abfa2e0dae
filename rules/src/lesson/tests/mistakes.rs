//! What a manager who writes a lesson is told.

use super::*;

#[test]
fn mistakes_at_the_top() {
    let top = SILENCE
        .replace("title: When a buyer goes quiet", "titel: When a buyer goes quiet")
        .replace("skill: PLN", "skill: plan")
        .replace("seconds: 60", "seconds: 40")
        .replace("grade: convention", "grade: conventional");
    assert_snapshot!(found(&top), @"
    lessons/a.md:2:1: error[missing_key]: the top of a lesson has no `title`
      hint: add `title: …`
    lessons/a.md:2:1: error[unknown_key]: the top of a lesson has no key `titel`
      hint: did you mean `title`?
    lessons/a.md:3:8: error[bad_skill]: `plan` is not the tag of a skill
      hint: use the tag your rules have under `skill`, such as PLN: capitals and digits, at most 8
    lessons/a.md:6:12: error[unknown_value]: `conventional` is no grade
      hint: did you mean `convention`? Known: experiment, observational, vendor, convention
    ");
    assert_snapshot!(found(&SILENCE.replace("seconds: 60", "seconds: 40")), @"
    lessons/a.md:4:10: error[takes_longer]: the text takes about 57 seconds to read, not 40
      hint: write `seconds: 57`, or shorten the text
    ");
    assert_snapshot!(found(&SILENCE.replace("skill: PLN", "skill: [")), @"
    lessons/a.md:5:8: error[bad_yaml]: while parsing a flow mapping, did not find expected ',' or '}'
      hint: check indentation, quotes and `key: value` near this place
    ");
    let no_note = SILENCE.replace(
        "    note: Common practice among experienced sellers. No experiment is known to us.\n",
        "",
    );
    assert_snapshot!(found(&no_note), @"
    lessons/a.md:6:5: error[missing_key]: a source has no `note`
      hint: add `note: …`
    ");
    let two_lines = SILENCE.replace("When a buyer", "\"When\\na buyer\"  #");
    assert_snapshot!(found(&two_lines), @"
    lessons/a.md:2:8: error[too_long]: the title does not fit one line
      hint: say it in at most 60 characters
    ");
    assert_snapshot!(found("title: No fence\n"), @"
    lessons/a.md:1:1: error[no_front_matter]: the file does not begin with `---`
      hint: begin with a line `---`, then title, skill and sources, then a line `---`
    ");
    assert_snapshot!(found("---\ntitle: No second fence\n"), @"
    lessons/a.md:1:1: error[no_front_matter]: the second line `---` is missing
      hint: begin with a line `---`, then title, skill and sources, then a line `---`
    ");
}

#[test]
fn markdown_that_lessons_do_not_have() {
    let text = SILENCE.replace(
        "Write a note that",
        "# A heading\n\nA `code`, a ![picture](https://example.com/a.png), <b>HTML</b>, ~~old~~, _so_, a&nbsp;b.\n\n> quoted\n\n| a | b |\n\n---\n\nWrite a note that",
    );
    assert_snapshot!(found(&text), @"
    lessons/a.md:12:1: error[unsupported_markdown]: another heading has no place in a lesson
      hint: a lesson has paragraphs, *emphasis*, **strong words**, lists and [links](https://example.com)
    lessons/a.md:14:3: error[unsupported_markdown]: code has no place in a lesson
      hint: a lesson has paragraphs, *emphasis*, **strong words**, lists and [links](https://example.com)
    lessons/a.md:14:13: error[unsupported_markdown]: a picture has no place in a lesson
      hint: a lesson has paragraphs, *emphasis*, **strong words**, lists and [links](https://example.com)
    lessons/a.md:14:52: error[unsupported_markdown]: HTML has no place in a lesson
      hint: a lesson has paragraphs, *emphasis*, **strong words**, lists and [links](https://example.com)
    lessons/a.md:14:65: error[unsupported_markdown]: crossed-out text has no place in a lesson
      hint: a lesson has paragraphs, *emphasis*, **strong words**, lists and [links](https://example.com)
    lessons/a.md:14:74: error[unsupported_markdown]: emphasis with `_` has no place in a lesson
      hint: a lesson has paragraphs, *emphasis*, **strong words**, lists and [links](https://example.com)
    lessons/a.md:14:81: error[unsupported_markdown]: an HTML character code has no place in a lesson
      hint: a lesson has paragraphs, *emphasis*, **strong words**, lists and [links](https://example.com)
    lessons/a.md:16:1: error[unsupported_markdown]: a quotation block has no place in a lesson
      hint: a lesson has paragraphs, *emphasis*, **strong words**, lists and [links](https://example.com)
    lessons/a.md:18:1: error[unsupported_markdown]: a table has no place in a lesson
      hint: a lesson has paragraphs, *emphasis*, **strong words**, lists and [links](https://example.com)
    lessons/a.md:20:1: error[unsupported_markdown]: a line across has no place in a lesson
      hint: a lesson has paragraphs, *emphasis*, **strong words**, lists and [links](https://example.com)
    ");
    let fenced = SILENCE.replace("Write a note", "```\n# not *a heading\n```\n\nWrite a note");
    assert_snapshot!(found(&fenced), @"
    lessons/a.md:12:1: error[unsupported_markdown]: code has no place in a lesson
      hint: a lesson has paragraphs, *emphasis*, **strong words**, lists and [links](https://example.com)
    ");
    let nested = SILENCE
        .replace("2. **Two ways on", "   - inside\n2. **Two ways on")
        .replace("It can sound", "   One more.\n\nIt can sound");
    assert_snapshot!(found(&nested), @"
    lessons/a.md:15:4: error[unsupported_markdown]: a list inside a list has no place in a lesson
      hint: a lesson has paragraphs, *emphasis*, **strong words**, lists and [links](https://example.com)
    lessons/a.md:19:4: error[unsupported_markdown]: a second paragraph in an item has no place in a lesson
      hint: a lesson has paragraphs, *emphasis*, **strong words**, lists and [links](https://example.com)
    ");
    let lazy = SILENCE.replace("as it is.\n\nIt can", "as it is.\nIt can");
    assert_snapshot!(found(&lazy), @"
    lessons/a.md:17:1: error[unclear_item]: it is not clear whether this belongs to the item above
      hint: leave an empty line after the list, or indent this by two spaces
    ");
}

#[test]
fn marks_that_do_not_end_and_links_that_lead_nowhere() {
    let text = SILENCE.replace(
        "Silence is",
        "**Silence *rarely [is](http://example.com) [a [b](https://example.com) ***no***, [*x*](https://example.com)",
    );
    assert_snapshot!(found(&text), @r"
    lessons/a.md:10:1: error[unfinished_emphasis]: these stars do not hold plain words between them
      hint: write *so* or **so**, nothing inside; a star itself is \*
    lessons/a.md:10:11: error[unfinished_emphasis]: these stars do not hold plain words between them
      hint: write *so* or **so**, nothing inside; a star itself is \*
    lessons/a.md:10:19: error[bad_link]: `http://example.com` is no address to link to
      hint: use a whole https address of at most 300 characters
    lessons/a.md:10:44: error[bad_link]: a link needs plain words between its brackets
      hint: write [words](https://example.com)
    lessons/a.md:10:72: error[unfinished_emphasis]: these stars do not hold plain words between them
      hint: write *so* or **so**, nothing inside; a star itself is \*
    lessons/a.md:10:77: error[unfinished_emphasis]: these stars do not hold plain words between them
      hint: write *so* or **so**, nothing inside; a star itself is \*
    lessons/a.md:10:82: error[bad_link]: a link needs plain words between its brackets
      hint: write [words](https://example.com)
    ");
}

#[test]
fn mistakes_in_the_question() {
    let headed = SILENCE.replace("## Question", "## Qestion");
    assert_snapshot!(found(&headed), @"
    lessons/a.md:22:1: error[unknown_heading]: `## Qestion` is no heading of a lesson
      hint: the only heading is `## Question`, before the question
    ");
    let none = SILENCE.split("## Question").next().unwrap().to_owned();
    assert_snapshot!(found(&none), @"
    lessons/a.md:21:1: error[no_question]: the lesson has no question
      hint: add the heading `## Question`, the question, and its answers
    ");
    assert_snapshot!(found(&SILENCE.replace("[x]", "[ ]")), @"
    lessons/a.md:22:1: error[bad_answers]: none of the answers is marked as right
      hint: begin a wrong answer with `- [ ]` and the right one with `- [x]`, each on a line of its own
    ");
    assert_snapshot!(found(&SILENCE.replace("- [ ]", "- [x]")), @"
    lessons/a.md:30:1: error[bad_answers]: a second answer is marked as right
      hint: mark exactly one with `- [x]`
    lessons/a.md:34:1: error[bad_answers]: a second answer is marked as right
      hint: mark exactly one with `- [x]`
    ");
    assert_snapshot!(found(&SILENCE.replace("- [ ]", "-")), @"
    lessons/a.md:26:1: error[bad_answers]: an answer has no box before it
      hint: begin a wrong answer with `- [ ]` and the right one with `- [x]`, each on a line of its own
    lessons/a.md:34:1: error[bad_answers]: an answer has no box before it
      hint: begin a wrong answer with `- [ ]` and the right one with `- [x]`, each on a line of its own
    ");
    let bare = SILENCE.replace("  One word is enough to answer it, and no is among the words. That makes a reply easy and honest.\n", "");
    assert_snapshot!(found(&bare), @"
    lessons/a.md:30:1: error[nothing_said]: there is no explanation here
      hint: say below the answer, indented by two spaces, why it is right or not
    ");
    let outside = SILENCE.replace("  One word is enough", "One word is enough");
    assert_snapshot!(found(&outside), @"
    lessons/a.md:32:1: error[unclear_item]: it is not clear which answer this explains
      hint: put it below its answer and indent it by two spaces
    ");
    let two = SILENCE.split("- [ ] \"My manager").next().unwrap().to_owned();
    assert_snapshot!(found(&two), @"
    lessons/a.md:22:1: error[bad_answers]: the question has 2 answers
      hint: give 3 or 4: begin a wrong answer with `- [ ]` and the right one with `- [x]`, each on a line of its own
    ");
    let mute = SILENCE.replace("A buyer has not answered your offer for eight working days. Which note is easiest to answer?", "");
    assert_snapshot!(found(&mute), @"
    lessons/a.md:22:1: error[nothing_said]: there is no question here
      hint: write one question below the heading, before the answers
    ");
}

#[test]
fn lengths_names_and_letters() {
    let long = SILENCE.replace("Silence is not yet a no.", &"Silence is not yet a no. ".repeat(5));
    assert_snapshot!(found(&long), @"
    lessons/a.md:10:1: error[too_long]: the text has 183 words: more than a minute of reading
      hint: keep one idea, in at most 170 words
    ");
    let short = SILENCE.replace("seconds: 60", "seconds: 30");
    let (before, after) = short.split_once("It can sound").unwrap();
    let short = format!("{before}## {}", after.split_once("## ").unwrap().1);
    assert_snapshot!(found(&short), @"
    lessons/a.md:10:1: error[too_short]: the text has 84 words: too few to teach something
      hint: write at least 110: what to do, words to say, and why
    ");
    let wordy = SILENCE.replace("That is work, and work waits.", &"That is work. ".repeat(24));
    assert_snapshot!(found(&wordy), @"
    lessons/a.md:28:3: error[too_long]: the explanation has 405 characters
      hint: say it in at most 300
    ");
    assert_snapshot!(found(&SILENCE.replace("Silence", "Sil\tence\u{202e}")), @"
    lessons/a.md:10:4: error[bad_character]: there is a tab or an invisible control character
      hint: remove it, or use spaces
    ");
    assert_snapshot!(found(&"x".repeat(LESSON_BYTES_MAX + 1)), @"
    lessons/a.md:1:1: error[too_long]: the file is longer than 16384 bytes
      hint: a lesson is 170 words at most, and one question
    ");
    let (none, named) = parse(&file("lessons/Handling Silence.md", SILENCE));
    let (nor, ended) = parse(&file("lessons/handling-silence.txt", SILENCE));
    assert!(none.is_none() && nor.is_none());
    assert_snapshot!(report(&[named, ended].concat()), @"
    lessons/Handling Silence.md:1:1: error[bad_slug]: `Handling Silence` is not a name for `lesson`
      hint: use small letters, digits and single hyphens, at most 64: buyer-silent
    lessons/handling-silence.txt:1:1: error[bad_slug]: `handling-silence.txt` does not end in .md
      hint: name the file as in `buyer-silent.md`
    ");
}
