//! Accepting requests: durable, in order, bounded.

use crate::fixture::*;
use futures::future::join_all;
use touchline::store::*;
use touchline::wake::News;
use touchline_rules::UnixMs;

fn bodies(rows: &[InboxRow]) -> Vec<String> {
    rows.iter().map(|row| String::from_utf8(row.request.body.clone()).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_appends_at_once_are_all_kept_each_in_its_own_place() {
    let home = Home::new();
    let mut ingest = home.store.wake().listen(News::INBOX);
    let appends = (0..500).map(|n| {
        let store = home.store.clone();
        async move { (n, store.append(request(&n.to_string())).await.unwrap()) }
    });
    let mut seqs = join_all(appends).await;
    let rows = home.store.inbox_after(0, 1_000, usize::MAX).await.unwrap();
    seqs.sort_by_key(|(_, seq)| *seq);
    assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), (1..=500).collect::<Vec<_>>());
    assert_eq!(bodies(&rows), seqs.iter().map(|(n, _)| n.to_string()).collect::<Vec<_>>());
    assert_eq!(rows[0].request.headers, b"h");
    ingest.news().await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill_and_a_reopening() {
    let home = Home::new();
    assert_eq!(home.store.append(request("a")).await, Ok(1));
    assert_eq!(home.store.append_all(vec![request("b"), request("c")]).await, Ok(2));
    let killed = home.after_kill();
    assert_eq!(bodies(&killed.store.inbox_after(0, 9, 99).await.unwrap()), ["a", "b", "c"]);
    home.store.close();
    assert_eq!(home.store.append(request("d")).await, Err(AppendError::Failed(StoreError::Closed)));
    let again = reopen(home.folder.path());
    assert_eq!(again.append(request("d")).await, Ok(4));
}

#[tokio::test]
async fn a_page_is_bounded_by_rows_and_by_bytes_but_never_empty() {
    let home = Home::new();
    home.store.append_all(vec![request("aaaa"), request("bbbb"), request("c")]).await.unwrap();
    let page = async |after, rows, bytes| {
        bodies(&home.store.inbox_after(after, rows, bytes).await.unwrap())
    };
    assert_eq!(page(0, 2, 99).await, ["aaaa", "bbbb"]);
    assert_eq!(page(0, 9, 9).await, ["aaaa"]);
    assert_eq!(page(0, 9, 1).await, ["aaaa"]);
    assert_eq!(page(1, 9, 7).await, ["bbbb", "c"]);
    assert_eq!(page(3, 9, 7).await, Vec::<String>::new());
}

/// Rows whose effects a power cut can take back must still be there after it.
#[tokio::test]
async fn only_what_a_checkpoint_made_certain_is_purged() {
    let home = Home::new();
    let rows = (1..=6).map(|n| request(&n.to_string())).collect();
    home.store.append_all(rows).await.unwrap();
    let process = async |from, to| {
        let batch = Batch { cursor: Some(CursorMove { from, to }), ..Batch::default() };
        home.commit(batch).await;
    };
    process(0, 2).await;
    assert_eq!(
        home.store.purge_inbox(UnixMs::MAX).await,
        Ok(0),
        "committed, but perhaps not on the disk"
    );
    assert_eq!(home.store.checkpoint().await, Ok(2));
    process(2, 5).await;
    assert_eq!(home.store.purge_inbox(UnixMs::MAX).await, Ok(2));

    let cut = home.after_power_cut();
    assert_eq!(cut.store.cursor().await, Ok(2));
    let left = cut.store.inbox_after(2, 9, 99).await.unwrap();
    assert_eq!(bodies(&left), ["3", "4", "5", "6"]);
}

/// A sequence number below the cursor would never be looked at.
#[tokio::test]
async fn an_emptied_inbox_goes_on_counting() {
    let home = Home::new();
    home.store.append_all(vec![request("a"), request("b")]).await.unwrap();
    home.commit(Batch { cursor: Some(CursorMove { from: 0, to: 2 }), ..Batch::default() }).await;
    home.store.checkpoint().await.unwrap();
    home.store.purge_inbox(UnixMs::MAX).await.unwrap();
    home.store.close();
    let again = reopen(home.folder.path());
    assert_eq!(again.append(request("c")).await, Ok(3));
    // Closed and not only dropped: its files are taken away under nobody.
    again.close();

    for file in ["touchline-inbox.db", "touchline-inbox.db-wal", "touchline-inbox.db-shm"] {
        drop(std::fs::remove_file(home.folder.path().join(file)));
    }
    assert_eq!(reopen(home.folder.path()).append(request("d")).await, Ok(3), "the inbox was lost");
}

#[tokio::test]
async fn a_privacy_deletion_empties_the_request_and_keeps_its_place() {
    let home = Home::new();
    let bare = NewInbox { headers: vec![], ..request("ann@example.com") };
    home.store.append_all(vec![request("ann@example.com"), request("b"), bare]).await.unwrap();
    for _ in 0..2 {
        home.store.blank_inbox(vec![1, 3]).await.unwrap();
        let rows = home.store.inbox_after(0, 9, 99).await.unwrap();
        assert_eq!(bodies(&rows), ["", "b", ""]);
    }
}
