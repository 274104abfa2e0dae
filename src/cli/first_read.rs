//! How far the first read of each account has come, while `serve` runs.

use std::sync::Arc;
use std::time::Duration;

use crate::demo::course::Course;
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

async fn watch_one(service: &Service, slug: &str) {
    let mut course: Option<Course> = None;
    loop {
        // A store that cannot be read is told of by those who need it.
        if let Ok(Some(progress)) = BackfillProgress::load(&service.store, slug).await {
            if progress.finished_at.is_some() {
                break;
            }
            if let Some(total) = progress.total {
                let total = usize::try_from(total).unwrap_or(usize::MAX);
                let read = usize::try_from(progress.read).unwrap_or(usize::MAX);
                let waiting =
                    progress.waiting.as_ref().map(|waiting| format!(", waits: {}", waiting.why));
                let note = format!("deals of {slug} read{}", waiting.unwrap_or_default());
                course.get_or_insert_with(|| Course::new(total)).at(read.min(total), &note);
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    if let Some(course) = course {
        course.end();
    }
}
