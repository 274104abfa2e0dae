//! Scripting calls: how tests and the demo move the account, as people, imports
//! and other apps would.

use touchline_rules::UnixMs;

use super::FakeHubSpot;
use super::catalog::{DataType, PropertyDefinition};
use super::error::FakeError;
use super::events::{Happening, Moved};
use super::model::{Actor, Direction, ObjectKind, Owner, Pipeline};

/// Property names with values, as scripting calls take them.
pub type Values<'v> = &'v [(&'v str, &'v str)];

fn owned(values: Values<'_>) -> Vec<(String, String)> {
    values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

impl FakeHubSpot {
    /// Adds a pipeline, or replaces the one with its id. HubSpot's `default` is
    /// there from the start.
    pub fn add_pipeline(&self, pipeline: Pipeline) {
        self.lock().account.add_pipeline(pipeline);
    }

    /// Adds a custom property.
    pub fn define_property(&self, kind: ObjectKind, name: &str, label: &str, data: DataType) {
        let (name, label) = (name.to_owned(), label.to_owned());
        let property =
            PropertyDefinition { name, label, data, calculated: false, hubspot_defined: false };
        self.lock().account.define(kind, property);
    }

    /// Leaves properties of a record out of every answer until somebody sets
    /// them, as HubSpot leaves out what an account does not have: whether they
    /// were blank is not known.
    pub fn withhold<'n>(&self, id: u64, names: impl IntoIterator<Item = &'n str>) {
        let names = names.into_iter().map(str::to_owned).collect();
        self.lock().account.withheld.insert(id, names);
    }

    /// Adds an owner with this e-mail and *user* id; returns the *owner* id.
    pub fn add_owner(&self, email: &str, first_name: &str, last_name: &str, user_id: i64) -> u64 {
        let mut inner = self.lock();
        let id = inner.account.fresh_id();
        inner.account.owners.push(Owner {
            id,
            user_id,
            email: email.to_owned(),
            first_name: first_name.to_owned(),
            last_name: last_name.to_owned(),
            team: None,
            archived: false,
        });
        id
    }

    /// Changes an owner: team, name, deactivation. Nothing happens for an unknown id.
    pub fn change_owner(&self, id: u64, change: impl FnOnce(&mut Owner)) {
        if let Some(owner) = self.lock().account.owners.iter_mut().find(|owner| owner.id == id) {
            change(owner);
        }
    }

    /// Makes a record of any kind.
    ///
    /// # Errors
    /// [`FakeError`] when HubSpot would refuse it.
    pub fn create(
        &self,
        kind: ObjectKind,
        values: Values<'_>,
        by: &Actor,
    ) -> Result<u64, FakeError> {
        self.create_on(kind, values, &[], by)
    }

    /// Makes a record associated with others by the unlabelled types.
    ///
    /// # Errors
    /// [`FakeError`] when HubSpot would refuse it.
    pub fn create_on(
        &self,
        kind: ObjectKind,
        values: Values<'_>,
        others: &[u64],
        by: &Actor,
    ) -> Result<u64, FakeError> {
        let links: Vec<(u64, Vec<u32>)> = others.iter().map(|id| (*id, Vec::new())).collect();
        let now = self.now();
        self.lock().account.create(kind, &owned(values), &links, by, now)
    }

    /// Makes a deal; pipeline and stage default to HubSpot's first.
    ///
    /// # Errors
    /// [`FakeError`] when HubSpot would refuse it.
    pub fn create_deal(&self, values: Values<'_>, by: &Actor) -> Result<u64, FakeError> {
        self.create(ObjectKind::Deal, values, by)
    }

    /// Makes a deal under an id of the caller's choice, so that a script's ids do
    /// not depend on what else happens in the account.
    ///
    /// # Errors
    /// [`FakeError`] when the id is taken, or HubSpot would refuse the deal.
    pub fn create_deal_as(
        &self,
        id: u64,
        values: Values<'_>,
        by: &Actor,
    ) -> Result<u64, FakeError> {
        let now = self.now();
        self.lock().account.create_as(id, ObjectKind::Deal, &owned(values), &[], by, now)
    }

    /// Changes one property of a deal.
    ///
    /// # Errors
    /// [`FakeError`] when HubSpot would refuse it.
    pub fn set(&self, deal: u64, name: &str, value: &str, by: &Actor) -> Result<(), FakeError> {
        self.set_many(&[deal], &[(name, value)], by)
    }

    /// Changes the same properties of many deals, as a bulk action or an import.
    ///
    /// # Errors
    /// [`FakeError`] at the first deal that HubSpot would refuse; those before
    /// are changed.
    pub fn set_many(&self, deals: &[u64], values: Values<'_>, by: &Actor) -> Result<(), FakeError> {
        let now = self.now();
        let mut inner = self.lock();
        for deal in deals {
            inner.account.update(ObjectKind::Deal, *deal, &owned(values), by, now)?;
        }
        Ok(())
    }

    /// Changes properties of a record of any kind.
    ///
    /// # Errors
    /// [`FakeError`] when HubSpot would refuse it.
    pub fn update(
        &self,
        kind: ObjectKind,
        id: u64,
        values: Values<'_>,
        by: &Actor,
    ) -> Result<(), FakeError> {
        let now = self.now();
        self.lock().account.update(kind, id, &owned(values), by, now)
    }

    /// Logs an e-mail of this time on a deal.
    ///
    /// # Errors
    /// [`FakeError::NotFound`] without such a deal.
    pub fn log_email(
        &self,
        deal: u64,
        direction: Direction,
        at: UnixMs,
        by: &Actor,
    ) -> Result<u64, FakeError> {
        let direction = match direction {
            Direction::Inbound => "INCOMING_EMAIL",
            Direction::Outbound => "EMAIL",
        };
        self.log(ObjectKind::Email, deal, at, &[("hs_email_direction", direction)], by)
    }

    /// Logs a call of this time on a deal.
    ///
    /// # Errors
    /// [`FakeError::NotFound`] without such a deal.
    pub fn log_call(
        &self,
        deal: u64,
        direction: Direction,
        at: UnixMs,
        by: &Actor,
    ) -> Result<u64, FakeError> {
        let direction = match direction {
            Direction::Inbound => "INBOUND",
            Direction::Outbound => "OUTBOUND",
        };
        let values = [("hs_call_direction", direction), ("hs_call_status", "COMPLETED")];
        self.log(ObjectKind::Call, deal, at, &values, by)
    }

    /// Books a meeting that starts at this time, ahead or past, on a deal.
    ///
    /// # Errors
    /// [`FakeError::NotFound`] without such a deal.
    pub fn log_meeting(&self, deal: u64, starts: UnixMs, by: &Actor) -> Result<u64, FakeError> {
        let start = starts.0.to_string();
        let values = [("hs_meeting_title", "Meeting"), ("hs_meeting_start_time", start.as_str())];
        self.log(ObjectKind::Meeting, deal, starts, &values, by)
    }

    /// Puts a task that is due at this time on a deal.
    ///
    /// # Errors
    /// [`FakeError::NotFound`] without such a deal.
    pub fn log_task(
        &self,
        deal: u64,
        due_at: UnixMs,
        subject: &str,
        by: &Actor,
    ) -> Result<u64, FakeError> {
        self.log(ObjectKind::Task, deal, due_at, &[("hs_task_subject", subject)], by)
    }

    /// Puts a note of this time on a deal.
    ///
    /// # Errors
    /// [`FakeError::NotFound`] without such a deal.
    pub fn log_note(
        &self,
        deal: u64,
        at: UnixMs,
        body: &str,
        by: &Actor,
    ) -> Result<u64, FakeError> {
        self.log(ObjectKind::Note, deal, at, &[("hs_note_body", body)], by)
    }

    fn log(
        &self,
        kind: ObjectKind,
        deal: u64,
        at: UnixMs,
        values: Values<'_>,
        by: &Actor,
    ) -> Result<u64, FakeError> {
        self.lock().account.live(ObjectKind::Deal, deal)?;
        let time = at.0.to_string();
        let mut values = values.to_vec();
        values.push(("hs_timestamp", &time));
        self.create_on(kind, &values, &[deal], by)
    }

    /// Marks a task completed.
    ///
    /// # Errors
    /// [`FakeError::NotFound`] without such a task.
    pub fn complete_task(&self, task: u64, by: &Actor) -> Result<(), FakeError> {
        self.update(ObjectKind::Task, task, &[("hs_task_status", "COMPLETED")], by)
    }

    /// Archives a record.
    ///
    /// # Errors
    /// [`FakeError::NotFound`] without such a record.
    pub fn delete(&self, kind: ObjectKind, id: u64, by: &Actor) -> Result<(), FakeError> {
        let now = self.now();
        self.lock().account.archive(kind, id, by, now)
    }

    /// Brings an archived record back.
    ///
    /// # Errors
    /// [`FakeError::NotFound`] without such an archived record.
    pub fn restore(&self, kind: ObjectKind, id: u64, by: &Actor) -> Result<(), FakeError> {
        let now = self.now();
        self.lock().account.restore(kind, id, by, now)
    }

    /// Erases a contact for good: `contact.privacyDeletion` and
    /// `contact.deletion` both follow.
    ///
    /// # Errors
    /// [`FakeError::NotFound`] without such a contact.
    pub fn privacy_delete(&self, contact: u64, by: &Actor) -> Result<(), FakeError> {
        let now = self.now();
        let mut inner = self.lock();
        let kind = ObjectKind::Contact;
        inner.account.archive(kind, contact, by, now)?;
        let at = by.occurred_at.unwrap_or(now);
        let erased = Moved::new(kind, contact, at, by, Happening::PrivacyDeleted);
        inner.account.announce(vec![erased], now);
        if let Some(record) = inner.account.records.get_mut(&contact) {
            record.values.clear();
        }
        Ok(())
    }

    /// Merges a deal into another.
    ///
    /// # Errors
    /// [`FakeError::NotFound`] unless both are there.
    pub fn merge(&self, primary: u64, other: u64, by: &Actor) -> Result<(), FakeError> {
        let now = self.now();
        self.lock().account.merge(ObjectKind::Deal, primary, other, by, now)
    }

    /// Associates two records by the unlabelled type.
    ///
    /// # Errors
    /// [`FakeError`] when HubSpot has no such association.
    pub fn associate(&self, from: u64, to: u64, by: &Actor) -> Result<(), FakeError> {
        let now = self.now();
        self.lock().account.link(from, to, &[], by, now)
    }

    /// Takes an association away.
    ///
    /// # Errors
    /// [`FakeError::NotFound`] unless both are there.
    pub fn dissociate(&self, from: u64, to: u64, by: &Actor) -> Result<(), FakeError> {
        let now = self.now();
        self.lock().account.dissociate(from, to, by, now)
    }
}
