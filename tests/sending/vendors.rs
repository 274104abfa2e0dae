//! What reads from vendors, as far as these stories need it.

use std::sync::Arc;

use touchline::clock::Clock as _;
use touchline::coaching::people::{ChatStatus, Person};
use touchline::roles::attention::Attention;
use touchline::roles::batching::{FETCH, METADATA};
use touchline::roles::deliver::Deliver;
use touchline::roles::edit::Edit;
use touchline::roles::escalate::Escalate;
use touchline::roles::ingest::ACTIVITY;
use touchline::roles::ingest::Ingest;
use touchline::roles::letters::Letters;
use touchline::roles::outcomes::Outcomes;
use touchline::roles::release::Release;
use touchline::roles::timers::Timers;
use touchline::roles::{PERSON, Role};
use touchline::service::Service;
use touchline::store::NewInbox;
use touchline_hubspot::HUBSPOT;
use touchline_kit::{Channel as _, Crm as _};
use touchline_rules::facts::Origin;
use touchline_slack::SLACK;

use crate::house::House;

const ALL_KINDS: &[&str] = &[FETCH, PERSON, METADATA, ACTIVITY];

pub fn roles(service: &Arc<Service>) -> Vec<Box<dyn Role>> {
    vec![
        Box::new(Ingest::new(Arc::clone(service))),
        Box::new(Timers::new(Arc::clone(service))),
        Box::new(Attention::new(Arc::clone(service))),
        Box::new(Deliver::new(Arc::clone(service))),
        Box::new(Edit::new(Arc::clone(service))),
        Box::new(Outcomes::new(Arc::clone(service))),
        Box::new(Release::new(Arc::clone(service))),
        Box::new(Escalate::new(Arc::clone(service))),
        Box::new(Letters::new(Arc::clone(service))),
    ]
}

impl House {
    /// Reads pipelines, stages and owners.
    pub async fn read_account(&self) {
        let hubspot = self.service.connections.get("hubspot").unwrap();
        let metadata = HUBSPOT.metadata(&hubspot.session, &hubspot.view()).await.unwrap();
        hubspot.set_metadata(Arc::new(metadata));
    }

    /// Reads the records and people that were asked for. A vendor that fails is
    /// asked again in a second.
    pub async fn read_vendors(&self) -> bool {
        let store = &self.service.store;
        let now = self.clock.now();
        let claimed = store.claim_work(ALL_KINDS, now, 100, 1_000, Vec::new()).await.unwrap();
        let worked = !claimed.is_empty();
        for work in claimed {
            let done = match work.key.kind.as_str() {
                FETCH => self.fetch(&work.key.key, &work.body).await,
                PERSON => self.look_up(&work.key.key).await,
                _ => true,
            };
            if done {
                store.finish_work(vec![work]).await.unwrap();
            } else {
                let again = now.plus_ms(1_000);
                store.retry_work(work.key, again, "failed".into()).await.unwrap();
            }
        }
        worked
    }

    async fn fetch(&self, deal: &str, body: &[u8]) -> bool {
        let hubspot = self.service.connections.get("hubspot").unwrap();
        let origin = serde_json::from_slice(body).unwrap_or(Origin::Hydrate);
        let read =
            HUBSPOT.fetch(&hubspot.session, &hubspot.view(), &[deal.to_owned()], origin).await;
        let Ok(records) = read else { return false };
        let row = NewInbox {
            connection: "hubspot".into(),
            kind: "observations".into(),
            received_at: self.clock.now(),
            headers: Vec::new(),
            body: serde_json::to_vec(&records).unwrap(),
        };
        self.service.store.append(row).await.unwrap();
        true
    }

    async fn look_up(&self, email: &str) -> bool {
        let slack = self.service.connections.get("slack").unwrap();
        let found = SLACK.find_person(&slack.session, &slack.view(), email).await;
        let Ok(found) = found else { return false };
        let known = self.service.people.get(email);
        let mut person = known.map_or_else(|| Person::new(email, ""), |known| (*known).clone());
        person.chat = match found {
            Some(chat) => {
                person.time_zone.clone_from(&chat.time_zone);
                ChatStatus::Found { connection: "slack".into(), person: chat }
            }
            None => ChatStatus::Missing { at: self.clock.now() },
        };
        self.service.people.put(person).await.unwrap();
        true
    }
}
