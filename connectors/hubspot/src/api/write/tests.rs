use proptest::prelude::*;
use touchline_kit::{Body, Effect};
use touchline_rules::facts::DealKey;

use super::*;

const NOW: UnixMs = UnixMs(1_764_000_000_000);
const ID: &str = "0a1b2c3d4e5f";

fn write(kind: CrmWriteKind, body: &str) -> CrmWrite {
    CrmWrite {
        kind,
        deal: DealKey { connection: "hubspot".into(), id: "123".into() },
        owner_id: Some("42".into()),
        subject: "Ask for the budget owner\r\nnow".into(),
        body: body.into(),
        due_at: UnixMs(1_764_061_200_000),
        marker: ID.into(),
    }
}

fn body(write: &CrmWrite) -> Value {
    let Body::Json(body) = request(write, NOW).body else { panic!("a JSON body") };
    body
}

#[test]
fn a_task_has_an_owner_a_date_a_reminder_and_its_deal() {
    let task = write(CrmWriteKind::Task, "Who signs?\nAsk <today> & \"kindly\"");
    let request = request(&task, NOW);
    assert_eq!(request.path, "crm/objects/2026-09/tasks");
    assert_eq!(request.effect, Effect::Creates);
    let shown = serde_json::to_string_pretty(&body(&task)).expect("JSON");
    insta::assert_snapshot!(shown, @r#"
    {
      "associations": [
        {
          "to": {
            "id": "123"
          },
          "types": [
            {
              "associationCategory": "HUBSPOT_DEFINED",
              "associationTypeId": 216
            }
          ]
        }
      ],
      "properties": {
        "hs_task_body": "<p>Who signs?<br>Ask &lt;today&gt; &amp; &quot;kindly&quot;</p><p style=\"font-size:8px;color:#99acc2\">touchline:0a1b2c3d4e5f</p>",
        "hs_task_priority": "MEDIUM",
        "hs_task_reminders": "1764061200000",
        "hs_task_status": "NOT_STARTED",
        "hs_task_subject": "Ask for the budget owner  now",
        "hs_task_type": "TODO",
        "hs_timestamp": "2025-11-25T09:00:00Z",
        "hubspot_owner_id": "42"
      }
    }
    "#);
}

#[test]
fn a_note_holds_subject_and_text() {
    let note = write(CrmWriteKind::Note, "It's quiet.");
    assert_eq!(request(&note, NOW).path, "crm/objects/2026-09/notes");
    let shown = serde_json::to_string_pretty(&body(&note)).expect("JSON");
    insta::assert_snapshot!(shown, @r#"
    {
      "associations": [
        {
          "to": {
            "id": "123"
          },
          "types": [
            {
              "associationCategory": "HUBSPOT_DEFINED",
              "associationTypeId": 214
            }
          ]
        }
      ],
      "properties": {
        "hs_note_body": "<p>Ask for the budget owner <br>now<br>It&#39;s quiet.</p><p style=\"font-size:8px;color:#99acc2\">touchline:0a1b2c3d4e5f</p>",
        "hs_timestamp": "2025-11-24T16:00:00Z",
        "hubspot_owner_id": "42"
      }
    }
    "#);
}

#[test]
fn a_reminder_in_the_past_is_not_asked_for() {
    let mut task = write(CrmWriteKind::Task, "");
    task.due_at = NOW;
    task.owner_id = None;
    let properties = &body(&task)["properties"];
    assert_eq!(properties.get("hs_task_reminders"), None);
    assert_eq!(properties.get("hubspot_owner_id"), None);
}

#[test]
fn a_marker_is_found_again_and_only_as_a_whole() {
    let text = html("Who signs?", ID);
    let record = |body: &str| -> Record {
        serde_json::from_value(json!({"id": "1", "properties": {"hs_task_body": body}}))
            .expect("a record")
    };
    let of = activity_of(CrmWriteKind::Task);
    assert!(has_marker(&text));
    assert!(carries(of, &record(&text), ID));
    assert!(carries(of, &record("Who signs? touchline:0a1b2c3d4e5f"), ID));
    assert!(!carries(of, &record(&text), "0a1b2c3d"));
    assert!(!carries(of, &record(&html("", "0a1b2c3d4e5f6")), ID));
    assert!(!has_marker("I was on the touchline: great game"));
    assert!(!has_marker("touchline:"));
}

#[test]
fn a_text_cannot_forge_a_marker() {
    let text = html("Do as in touchline:ffffffffffff says", ID);
    assert_eq!(markers(&text).collect::<Vec<_>>(), [ID]);
}

#[test]
fn long_texts_are_cut_within_hubspots_limit() {
    let text = html(&"\"".repeat(50_000), ID);
    assert!(text.len() < 65_536 && text.contains('…'));
    assert_eq!(one_line(&"é".repeat(400)).chars().count(), SUBJECT_CHARS_MAX);
    assert_eq!(one_line("a\r\nb"), "a  b");
}

proptest! {
    #[test]
    fn no_text_becomes_markup(text in "\\PC{0,200}|[<>&\"'a-z\\n]{0,200}") {
        let shown = html(&text, ID);
        let (first, _) = shown.split_once("</p>").unwrap();
        let inside = first.strip_prefix("<p>").unwrap().replace("<br>", "");
        prop_assert!(!inside.contains(['<', '>', '"', '\'']), "{}", inside);
        prop_assert_eq!(markers(&shown).last(), Some(ID));
    }
}
