//! Reading along: everything a person of the made-up company gets to see, once.

use std::collections::HashSet;
use std::io::Write;

use super::report;
use super::season::{Clicked, Season};
use super::stage::Stage;

/// How far it has been read.
#[derive(Default)]
pub struct ReadAlong {
    messages: usize,
    edits: usize,
    tasks: usize,
    /// Hellos in the words they were said in.
    hellos: HashSet<String>,
}

impl ReadAlong {
    /// Prints what is new in chat and CRM; `clicked` is what people did before it
    /// settled. Each new message's reader decides what to do about it.
    ///
    /// # Errors
    /// When nothing can be printed.
    pub fn go_on(
        &mut self,
        stage: &Stage,
        season: &mut Season,
        clicked: &[Clicked],
        out: &mut (dyn Write + Send),
    ) -> std::io::Result<()> {
        let zone_of = |season: &Season, name: &str| {
            season.member_named(name).map_or("UTC", |member| member.zone)
        };
        for message in stage.slack.edited_after(self.edits) {
            self.edits += 1;
            let did = clicked.iter().find(|one| one.ts == message.ts);
            let zone = zone_of(season, &message.user_name);
            if let Some(told) = report::edit(&message, zone, did.map(|one| one.label.as_str())) {
                writeln!(out, "{told}")?;
            }
        }
        for message in stage.slack.messages_after(self.messages) {
            self.messages += 1;
            season.reads(&message, &stage.slack);
            let zone = zone_of(season, &message.user_name);
            let is_hello = stage.slack.controls(&message.ts).is_empty();
            if is_hello && !self.hellos.insert(message.reads()) {
                writeln!(out, "{}", report::same_again(&message, zone))?;
            } else {
                writeln!(out, "{}", report::message(&message, zone))?;
            }
        }
        let tasks = stage.hubspot.tasks();
        for task in tasks.iter().skip(self.tasks) {
            let owner = task.stored("hubspot_owner_id");
            let owner = owner.and_then(|owner| season.member_owning(owner));
            writeln!(out, "{}", report::task(task, owner))?;
        }
        self.tasks = tasks.len();
        Ok(())
    }
}
