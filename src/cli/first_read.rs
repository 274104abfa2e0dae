//! How far the first read of each account has come, while `serve` runs.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use crate::config::LogFormat;
use crate::demo::course::{Course, Tenths};
use crate::roles::backfill::BackfillProgress;
use crate::service::Service;

/// How often the stored progress is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Shows the first read of one account after the other, and then never ends.
pub(super) async fn watch(service: Arc<Service>) {
    let accounts: Vec<_> = service.connections.crms().map(|one| one.slug.clone()).collect();
    for slug in accounts {
        watch_one(&service, &slug).await;
    }
    std::future::pending::<()>().await;
}

/// How it is shown: as a bar on a terminal, else as log lines in the log's format.
enum Shown {
    Bar(Course),
    Lines(Tenths),
}

impl Shown {
    fn new(total: u64, format: LogFormat) -> Shown {
        if std::io::stderr().is_terminal() && format == LogFormat::Text {
            return Shown::Bar(Course::new(usize::try_from(total).unwrap_or(usize::MAX), "deals"));
        }
        Shown::Lines(Tenths::new(total))
    }

    fn at(&mut self, slug: &str, read: u64, total: u64, waits: Option<&str>) {
        match self {
            Shown::Bar(course) => {
                let waits = waits.map_or_else(String::new, |why| format!(", waits: {why}"));
                let read = usize::try_from(read).unwrap_or(usize::MAX);
                course.at(read, &format!("of {slug} read{waits}"));
            }
            Shown::Lines(tenths) => {
                if tenths.reached(read) {
                    tracing::info!(
                        connection = slug,
                        read,
                        total,
                        waits,
                        "deals of the account are read for the first time"
                    );
                }
            }
        }
    }
}

async fn watch_one(service: &Service, slug: &str) {
    let mut shown: Option<Shown> = None;
    loop {
        // A store that cannot be read is told of by those who need it.
        if let Ok(Some(progress)) = BackfillProgress::load(&service.store, slug).await {
            if progress.finished_at.is_some() {
                break;
            }
            if let Some(total) = progress.total {
                let waits = progress.waiting.as_ref().map(|waiting| waiting.why.as_str());
                shown.get_or_insert_with(|| Shown::new(total, service.config.log.format)).at(
                    slug,
                    progress.read.min(total),
                    total,
                    waits,
                );
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    if let Some(Shown::Bar(course)) = shown {
        course.end();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// What is logged, as `log.format = "json"` writes it.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_log_of_json_stays_json_and_names_deals() {
        let log = Log::default();
        let of_lines = log.clone();
        let lines = tracing_subscriber::fmt().json().flatten_event(true);
        let lines = lines.with_writer(move || of_lines.clone()).finish();
        tracing::subscriber::with_default(lines, || {
            let mut shown = Shown::new(2_089, LogFormat::Json);
            for read in [0, 100, 1_350, 1_351] {
                shown.at("hubspot", read, 2_089, None);
            }
        });
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let told: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let [told] = told.as_slice() else { panic!("one tenth was passed: {text}") };
        assert_eq!((&told["read"], &told["total"]), (&1_350.into(), &2_089.into()));
        assert_eq!(told["message"], "deals of the account are read for the first time");
    }
}
