use touchline_kit::{Card, CardLesson, CardView, Message};
use touchline_rules::lesson::Lessons;

use crate::blocks::render;
use crate::blocks::tests::{card, controls_of, taught};

/// What a reader sees of the sections, each after its block's name.
fn sections_of(message: &Message) -> String {
    let blocks = render(message).blocks;
    let sections = blocks.iter().filter(|block| block["type"] == "section");
    let told = sections.map(|block| {
        let (id, text) = (block["block_id"].as_str(), block["text"]["text"].as_str());
        format!("[{}]\n{}\n", id.unwrap(), text.unwrap())
    });
    told.collect()
}

#[test]
fn a_lesson_is_read_below_the_explanation_and_its_answers_when_asked_for() {
    let why = Message::Nudge(taught(CardView::Why));
    insta::assert_snapshot!(sections_of(&why), @r"
    [w.0.body.n1]
    Agree on *one* date &amp; write it down.
    [w.0.why.n1]
    Why you see this
    A date keeps it moving.
    What Touchline saw:
    • Next step: empty
    [w.0.lesson.n1]
    One date (60 seconds)

    End each talk with a date. Write it down.
    [w.0.question.n1]
    Question: What ends a talk?
      a) Thanks
      b) A date
    ");
    let controls = controls_of(&why);
    assert!(controls.contains(&"Show the answer [nudge.answers:n1]".to_owned()), "{controls:?}");
    let answers = Message::Nudge(taught(CardView::Answers));
    insta::assert_snapshot!(sections_of(&answers), @r"
    [s.0.body.n1]
    Agree on *one* date &amp; write it down.
    [s.0.question.n1]
    One date (60 seconds)

    Question: What ends a talk?
      a) Thanks
      b) A date
    [s.0.answers.n1]
    a) Thanks
       Not this one. Polite only.
    b) A date
       Yes. It binds.
    ");
    let blocks = render(&answers).blocks;
    assert_eq!(blocks.last().unwrap()["type"], "actions");
    assert!(!controls_of(&answers).join("\n").contains("Show the answer"));
    assert!(!sections_of(&Message::Nudge(taught(CardView::Open))).contains("One date"));
}

#[test]
fn a_lesson_in_a_digest_stands_with_its_own_card() {
    let mut second = taught(CardView::Why);
    second.nudge_id = "n2".into();
    let cards = vec![taught(CardView::Open), second, card(CardView::Open)];
    let blocks = render(&Message::Digest { title: "Three".into(), cards }).blocks;
    let ids: Vec<_> = blocks.iter().map(|block| block["block_id"].as_str().unwrap()).collect();
    let of_second: Vec<_> = ids.iter().filter(|id| id.starts_with("owo.1.")).copied().collect();
    assert_eq!(
        of_second[4..],
        ["owo.1.why.n2", "owo.1.lesson.n2", "owo.1.question.n2", "owo.1.actions.n2"]
    );
    assert_eq!(ids.iter().filter(|id| id.contains("lesson")).count(), 1);
}

#[test]
fn answers_without_a_lesson_are_the_explanation() {
    let text = sections_of(&Message::Nudge(card(CardView::Answers)));
    assert!(text.contains("Why you see this"), "{text}");
}

#[test]
fn every_lesson_that_ships_is_read_whole_alone_and_in_a_digest() {
    for shipped in Lessons::builtin().iter() {
        let lesson = Box::new(CardLesson {
            title: shipped.plain_title(),
            text: shipped.plain_text(),
            question: shipped.quiz.plain_question(),
            answers: shipped.quiz.plain_answers(),
        });
        for view in [CardView::Why, CardView::Answers] {
            let read = Card { lesson: Some(lesson.clone()), ..card(view) };
            let others = || Card { lesson: Some(lesson.clone()), ..card(CardView::Open) };
            let alone = sections_of(&Message::Nudge(read.clone()));
            let cards = vec![others(), read, others()];
            let digest = sections_of(&Message::Digest { title: "Three".into(), cards });
            for shown in [alone, digest] {
                assert!(!shown.contains('…'), "{}: {shown}", shipped.slug);
                assert!(shown.contains("Question: "), "{}: {shown}", shipped.slug);
            }
        }
    }
}
