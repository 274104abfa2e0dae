//! A vendor asks to erase a record: nothing that names it stays.

use serde_json::json;

use crate::fixture::*;

/// A contact's id, found in nothing else.
const CONTACT: u64 = 98_765_432;

#[tokio::test]
async fn an_erased_contact_is_named_nowhere_any_more() {
    let scene = Scene::set(Setting::default()).await;
    let deal = scene.deal("Harbour Foods");
    scene.hubspot().subscribe(Vec::new());
    let app = scene.stage.open().await.unwrap();
    let play = async {
        scene.connect(&app).await;
        let mut named = scene.event(CONTACT, "contact.propertyChange");
        named["propertyName"] = json!("firstname");
        named["propertyValue"] = json!("Pat");
        let unreadable = scene.event(CONTACT, "contact.sneezed");
        let other = scene.change(deal, "amount", "77");
        for event in [&named, &unreadable, &other] {
            assert_eq!(scene.post(&body(event)).await.status, 200);
        }
        scene.settle(&app).await;
        let asked = scene.event(CONTACT, "contact.privacyDeletion");
        assert_eq!(scene.post(&body(&asked)).await.status, 200);
        // What follows in the same breath is meant too.
        let deleted = scene.event(CONTACT, "contact.deletion");
        assert_eq!(scene.post(&body(&deleted)).await.status, 200);
        assert!(!inbox_naming(&scene).is_empty());
        scene.live_minutes(&app, 16).await;

        assert_eq!(inbox_naming(&scene), Vec::<Vec<String>>::new());
        let letters = "SELECT l.state, CAST(r.body AS TEXT) FROM dead_letter AS l \
            INNER JOIN dead_request AS r ON r.seq = l.seq";
        assert_eq!(scene.rows(letters), [["discarded", ""]]);
        let audit =
            scene.rows("SELECT CAST(body AS TEXT) FROM audit WHERE action = 'privacy_deletion'");
        // Four in the inbox, and one with its dead letter.
        assert!(audit.len() == 1 && audit[0][0].contains("\"requests_emptied\":5"), "{audit:?}");
        assert_eq!(scene.number("SELECT COUNT(*) FROM work WHERE kind = 'erase'"), 0);
        let kept = "SELECT CAST(body AS TEXT) FROM inbox WHERE CAST(body AS TEXT) LIKE '%\"77\"%'";
        assert_eq!(scene.inbox_rows(kept).len(), 1, "what does not name it stays");

        let good = scene.change(deal, "amount", "78");
        assert_eq!(scene.post(&body(&good)).await.status, 200);
        scene.finish(&app).await;
        assert_eq!(scene.rows(letters).len(), 1, "no emptied request was read again");
    };
    scene.stage.play(&app, play).await;
}

fn inbox_naming(scene: &Scene) -> Vec<Vec<String>> {
    let sql = format!("SELECT seq FROM inbox WHERE CAST(body AS TEXT) LIKE '%{CONTACT}%'");
    scene.inbox_rows(&sql)
}

/// Of a deal there is more than requests.
#[tokio::test]
async fn an_erased_deal_goes_with_all_that_was_said_of_it() {
    let scene = Scene::set(Setting::default()).await;
    let deal = scene.deal("Harbour Foods");
    let app = scene.stage.open().await.unwrap();
    let play = async {
        scene.connect(&app).await;
        scene.wait_minutes(1);
        let moved = scene.change(deal, "dealstage", "contractsent");
        assert_eq!(scene.post(&body(&moved)).await.status, 200);
        scene.settle(&app).await;
        assert_eq!(scene.number("SELECT COUNT(*) FROM nudge"), 1);
        scene.hubspot().subscribe(Vec::new());
        let asked = scene.event(deal, "deal.privacyDeletion");
        assert_eq!(scene.post(&body(&asked)).await.status, 200);
        scene.live_minutes(&app, 16).await;
        for table in ["deal", "change", "nudge", "firing", "timer"] {
            assert_eq!(scene.number(&format!("SELECT COUNT(*) FROM {table}")), 0, "{table}");
        }
        let audit = "SELECT COUNT(*) FROM audit WHERE action = 'privacy_deletion'";
        assert_eq!(scene.number(audit), 1);
    };
    scene.stage.play(&app, play).await;
}
