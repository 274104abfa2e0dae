//! `touchline rules lesson`: the lessons as a terminal shows them.

use std::process::ExitCode;

use clap::Args;
use touchline_rules::lesson::{Lesson, Lessons};
use touchline_rules::nearest::did_you_mean;

/// Lines between a question and its answers, so that who thinks first is not told.
const PAUSE: &str = "\n\nThink first; the answers follow.\n\n\n\n";

#[derive(Args)]
pub(in crate::cli) struct LessonArgs {
    /// The lesson's name, as a rule's `lesson:` has it; without it, every lesson.
    slug: Option<String>,
}

pub(super) fn run(args: &LessonArgs) -> anyhow::Result<ExitCode> {
    let lessons = Lessons::builtin();
    let Some(slug) = &args.slug else {
        print!("{}", listed(lessons));
        return Ok(ExitCode::SUCCESS);
    };
    let Some(lesson) = lessons.get(slug) else {
        let names: Vec<_> = lessons.slugs().collect();
        let hint = did_you_mean(slug, &names);
        anyhow::bail!("there is no lesson `{slug}`\nhint: {hint}");
    };
    print!("{}", read(lesson));
    Ok(ExitCode::SUCCESS)
}

fn listed(lessons: &Lessons) -> String {
    let width = lessons.slugs().map(str::len).max().unwrap_or_default();
    let line = |lesson: &Lesson| format!("{:width$}  {}\n", lesson.slug, lesson.title);
    lessons.iter().map(line).collect()
}

fn read(lesson: &Lesson) -> String {
    format!("{}{PAUSE}{}\n", lesson.plain(), lesson.quiz.plain_answers())
}
