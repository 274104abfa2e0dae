//! The store's limits.

/// Every limit of the store. Configuration documents and sets them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// Threads, each with a connection, that answer reads.
    pub readers: usize,
    /// Reads and writes that may wait inside the process, each.
    pub jobs_waiting_max: usize,
    /// How long a statement waits for another process's write lock.
    pub busy_timeout_ms: u32,
    /// Appends that may wait or be under way.
    pub append_rows_max: usize,
    /// Their bodies and headers together, in bytes.
    pub append_bytes_max: usize,
    /// What a refused append is told to wait at least.
    pub append_retry_after_ms: i64,
    /// The size of a write-ahead log at which even a commit checkpoints.
    pub wal_bytes_max: u64,
    /// Rows written between two checkpoints off the commit path.
    pub checkpoint_every_rows: u64,
    /// The same in bytes of requests, for the inbox.
    pub checkpoint_every_bytes: u64,
    /// Page cache of each connection, in KiB.
    pub cache_kib: u32,
    /// Work rows of one kind and connection; more are refused and counted.
    pub work_rows_max: usize,
    /// Deliveries of one connection that may wait; more are suppressed as `queue_full`.
    pub deliveries_waiting_max: usize,
}

impl Default for StoreOptions {
    fn default() -> Self {
        StoreOptions {
            readers: 2,
            jobs_waiting_max: 1_024,
            busy_timeout_ms: 5_000,
            append_rows_max: 4_096,
            append_bytes_max: 64 << 20,
            append_retry_after_ms: 1_000,
            wal_bytes_max: 64 << 20,
            checkpoint_every_rows: 16_384,
            checkpoint_every_bytes: 16 << 20,
            cache_kib: 16_384,
            work_rows_max: 10_000,
            deliveries_waiting_max: 10_000,
        }
    }
}
