//! Several processes, old and new builds, one database.

use crate::fixture::*;
use rusqlite::Connection;
use touchline::store::*;

#[tokio::test]
async fn a_second_serve_is_refused_and_told_who_serves() {
    let home = Home::new();
    let lock = home.store.lock_serve().unwrap();
    let second = reopen(home.folder.path());
    let refused = second.lock_serve().unwrap_err().to_string();
    let me = format!("another `touchline serve` (process {}) uses", std::process::id());
    assert!(refused.starts_with(&me), "{refused}");
    drop(lock);
    second.lock_serve().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_writes_beside_serve_and_serve_notices() {
    let home = Home::new();
    let _lock = home.store.lock_serve().unwrap();
    let command = reopen(home.folder.path());
    let before = home.version().await;
    let writing = async {
        for n in 0..50 {
            let body = n.to_string().into_bytes();
            command.put_setting("sending".into(), body, audit("set")).await.unwrap();
        }
    };
    let serving = async {
        for n in 0..50 {
            let cursor = Some(CursorMove { from: n, to: n + 1 });
            loop {
                let settings_version = home.version().await;
                let batch = Batch { settings_version, cursor, ..Batch::default() };
                let done = home.store.commit_batch(batch, CommitClass::Derived).await.unwrap();
                if done.done().is_some() {
                    break;
                }
            }
        }
    };
    tokio::join!(writing, serving);
    assert_eq!(home.store.cursor().await, Ok(50));
    assert_eq!(home.version().await, before + 50);
    assert_eq!(home.store.check_audit().await.unwrap().rows, 50);
    let both = tokio::join!(home.store.append(request("a")), command.append(request("b")));
    let mut seqs = [both.0.unwrap(), both.1.unwrap()];
    seqs.sort_unstable();
    assert_eq!(seqs, [1, 2]);
}

#[tokio::test]
async fn a_database_of_a_newer_build_is_left_alone() {
    let home = Home::new();
    home.store.close();
    let raw = Connection::open(home.path()).unwrap();
    raw.execute("INSERT INTO schema_version (version) VALUES (99)", []).unwrap();
    drop(raw);
    let refused = Store::open(&home.path(), StoreOptions::default()).err().unwrap();
    assert!(matches!(refused, StoreError::NewerSchema { found: 99, .. }), "{refused}");
}

#[test]
fn a_path_that_cannot_be_opened_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("touchline.db");
    let refused = Store::open(&path, StoreOptions::default()).err().unwrap();
    assert!(matches!(refused, StoreError::Open { .. }), "{refused}");
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    for entry in std::fs::read_dir(home.folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
}

/// Two classes of commit share one log: what is synced takes along all before it.
#[tokio::test]
async fn commits_of_both_classes_follow_each_other() {
    let home = Home::new();
    home.commit(Batch { cursor: Some(CursorMove { from: 0, to: 1 }), ..Batch::default() }).await;
    home.store.append_audit(audit("a")).await.unwrap();
    home.commit(Batch { cursor: Some(CursorMove { from: 1, to: 2 }), ..Batch::default() }).await;
    let killed = home.after_kill();
    assert_eq!(killed.store.cursor().await, Ok(2));
    assert_eq!(killed.store.check_audit().await.unwrap().rows, 1);
}

#[tokio::test]
async fn a_backup_opens_with_everything_and_is_never_written_over() {
    let home = Home::new();
    home.store.append_all(vec![request("a"), request("b")]).await.unwrap();
    home.commit(Batch { cursor: Some(CursorMove { from: 0, to: 1 }), ..Batch::default() }).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("touchline.db");
    home.store.backup(path.clone()).await.unwrap();
    let copy = reopen(folder.path());
    assert_eq!(copy.cursor().await, Ok(1));
    assert_eq!(copy.inbox_after(1, 9, 99).await.unwrap()[0].request, request("b"));
    let again = home.store.backup(path).await.unwrap_err();
    assert!(matches!(again, StoreError::Conflict { .. }), "{again}");
}

#[tokio::test]
async fn a_damaged_file_stops_everything() {
    let home = Home::new();
    home.commit(Batch { deals: vec![deal("1", 0)], ..Batch::default() }).await;
    home.store.close();
    let raw = Connection::open(home.path()).unwrap();
    let roots = "SELECT rootpage FROM sqlite_schema WHERE name = 'deal'";
    let page: u64 = raw.query_row(roots, [], |row| row.get::<_, i64>(0)).unwrap() as u64;
    raw.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(raw);
    let mut bytes = std::fs::read(home.path()).unwrap();
    let start = usize::try_from(page - 1).unwrap() * 4_096;
    bytes[start..start + 4_096].fill(0xff);
    std::fs::write(home.path(), bytes).unwrap();

    let store = reopen(home.folder.path());
    assert_eq!(store.append(request("a")).await, Ok(1));
    let read = store.deals_after(None, 9).await.unwrap_err();
    assert!(read.is_fatal(), "{read}");
    assert_eq!(store.failed().await, read);
    assert_eq!(store.append(request("b")).await, Err(AppendError::Failed(read.clone())));
    assert_eq!(store.append_audit(audit("a")).await, Err(read));
}

/// Whoever else looks into the database and leaves must see that somebody is there:
/// a program that takes itself for the last one takes the log away.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn other_programs_see_that_the_database_is_in_use() {
    use std::os::unix::fs::MetadataExt;
    let home = Home::new();
    home.store.put_setting("sending".into(), b"{}".to_vec(), audit("set")).await.unwrap();
    home.store.append(request("a")).await.unwrap();
    let locks = std::fs::read_to_string("/proc/locks").unwrap();
    for name in ["touchline.db", "touchline-inbox.db"] {
        let inode = std::fs::metadata(home.folder.path().join(name)).unwrap().ino();
        let (me, file) = (format!(" {} ", std::process::id()), format!(":{inode} "));
        let is_held = locks.lines().any(|lock| lock.contains(&me) && lock.contains(&file));
        assert!(is_held, "no lock on {name}\n{locks}");
    }
}
