//! What goes wrong on purpose.

use std::collections::VecDeque;

/// How a call goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// 429 with `Retry-After`; nothing was done.
    RateLimited {
        /// Seconds.
        retry_after_s: u32,
    },
    /// This HTTP status without JSON; nothing was done.
    Status(u16),
    /// HTTP 200 with `ok:false` and this error; nothing was done.
    Error(String),
    /// Done, then HTTP 200 with `ok:false` and this error, as `fatal_error` may be.
    ErrorAfter(String),
    /// Done, then answered after this many real milliseconds, at most
    /// a minute of them.
    Slow {
        /// Milliseconds.
        ms: u64,
    },
    /// The connection is closed without an answer; nothing was done.
    CloseBefore,
    /// Done, but the connection is closed without an answer.
    CloseAfter,
}

/// The longest that a slow answer takes.
pub const SLOW_MAX_MS: u64 = 60_000;

#[derive(Debug, Default)]
pub(super) struct Faults(VecDeque<Fault>);

#[derive(Debug)]
struct Fault {
    method: String,
    kind: FaultKind,
    left: u32,
}

impl Faults {
    pub(super) fn add(&mut self, method: &str, kind: FaultKind, count: u32) {
        if count > 0 {
            self.0.push_back(Fault { method: method.to_owned(), kind, left: count });
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault that this call suffers.
    pub(super) fn take(&mut self, method: &str) -> Option<FaultKind> {
        let index = self.0.iter().position(|f| f.method == method || f.method == "*")?;
        let fault = self.0.get_mut(index)?;
        fault.left -= 1;
        let kind = fault.kind.clone();
        if fault.left == 0 {
            self.0.remove(index);
        }
        Some(kind)
    }
}
