//! The composition root: the only place that builds clock, store, vault,
//! connections, rules and roles, and the only one that starts tasks.

mod assemble;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::Signal;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use touchline_rules::UnixMs;

use crate::clock::Clock;
use crate::config::Config;
use crate::http::hooks::Intake;
use crate::http::server;
use crate::roles::{Progress, Role};
use crate::service::Service;
use crate::store::ServeLock;
use crate::wake::News;

/// An idle role looks again at least this often, whatever wakes it.
const IDLE_MS_MAX: u64 = 1_000;
/// The first and the longest pause of a role after failed ticks.
const FAILED_PAUSE_MS: (u64, u64) = (100, 10_000);
/// How long a stop waits for roles to finish what they do.
const STOP_MS: u64 = 8_000;
/// Rounds of ticks in which everything has to come to rest; far above any honest number.
const ROUNDS_MAX: u32 = 1_000_000;

/// The service, built and ready to run.
pub struct App {
    service: Arc<Service>,
    intake: Arc<Intake>,
    router: axum::Router,
    roles: Vec<Arc<dyn Role>>,
    /// For [`App::settle`]: how each role was last found with nothing to do.
    rested: Mutex<Vec<Option<Rest>>>,
    _lock: ServeLock,
}

/// A role that had nothing to do has nothing to do until it is told some news,
/// or its next instant has come.
#[derive(Clone)]
struct Rest {
    news: u64,
    next: Option<UnixMs>,
}

impl Rest {
    fn lasts(&self, now: UnixMs) -> bool {
        self.next.is_none_or(|next| now < next)
    }
}

impl App {
    /// Opens the database, makes the connections and loads the rules.
    ///
    /// # Errors
    /// When anything of it cannot be had; the message says what to do.
    pub async fn open(config: Config, clock: Arc<dyn Clock>) -> anyhow::Result<App> {
        assemble::app(config, clock).await
    }

    /// What the roles share.
    #[must_use]
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// The webhook intake.
    #[must_use]
    pub fn intake(&self) -> &Arc<Intake> {
        &self.intake
    }

    /// Every route.
    pub fn router(&self) -> axum::Router {
        self.router.clone()
    }

    /// Serves HTTP on `listener` until `stop` resolves; roles are not run.
    pub async fn listen(&self, listener: TcpListener, stop: impl Future<Output = ()>) {
        self.intake.set_ready(true);
        let limits = self.service.config.http.clone();
        server::serve(listener, self.router(), limits, stop).await;
        self.intake.set_ready(false);
    }

    /// Ticks every role in turn, again and again, until none has anything to do
    /// at this instant of the clock. Answers when something will be due.
    ///
    /// # Errors
    /// When a tick fails, or nothing comes to rest.
    pub async fn settle(&self) -> anyhow::Result<Option<UnixMs>> {
        let mut rested = self.rested.lock().await;
        rested.resize(self.roles.len(), None);
        for _ in 0..ROUNDS_MAX {
            let mut round = Progress::default();
            for (role, rested) in self.roles.iter().zip(rested.iter_mut()) {
                let now = self.service.now();
                let woken_by = role.woken_by();
                let news = self.service.wake.count(woken_by);
                // One that waits for no news is not driven by any: it is asked.
                let rest = rested.as_ref().filter(|_| woken_by != News::NONE);
                let still = rest.filter(|rest| rest.news == news && rest.lasts(now));
                if let Some(rest) = still {
                    round = round.and(Progress::idle_until(rest.next));
                    continue;
                }
                let progress = role.tick(now).await?;
                *rested = (!progress.more).then_some(Rest { news, next: progress.next });
                round = round.and(progress);
            }
            if !round.worked {
                return Ok(round.next);
            }
        }
        anyhow::bail!("the roles did not come to rest in {ROUNDS_MAX} rounds")
    }

    /// Runs everything until `stop` resolves; a hang-up loads the rules anew.
    ///
    /// # Errors
    /// When the address cannot be listened on, or the store fails.
    pub async fn serve(self, stop: impl Future<Output = ()>, hangup: Signal) -> anyhow::Result<()> {
        let address = self.service.config.listen;
        let listener = TcpListener::bind(address).await.map_err(|error| {
            anyhow::anyhow!(
                "cannot listen on {address}: {error}\nhint: set `listen` to a free address"
            )
        })?;
        tracing::info!(%address, public_url = self.service.config.public_url, "ready");
        let (stopping, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for role in &self.roles {
            tasks.spawn(run(Arc::clone(role), Arc::clone(&self.service), stopped.clone()));
        }
        tasks.spawn(reload_on(hangup, Arc::clone(&self.service), stopped.clone()));
        let store = self.service.store.clone();
        let failure = {
            let mut stopped = stopped.clone();
            let until_stopped = async move { drop(stopped.wait_for(|stopped| *stopped).await) };
            let listening = self.listen(listener, until_stopped);
            let ended = async {
                let failure = tokio::select! {
                    () = stop => None,
                    error = store.failed() => Some(error),
                };
                self.intake.set_ready(false);
                stopping.send_replace(true);
                self.service.stop();
                failure
            };
            tokio::join!(listening, ended).1
        };
        let finish = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(Duration::from_millis(STOP_MS), finish).await.is_err() {
            tracing::warn!(
                stop_ms = STOP_MS,
                "stopped while something was still under way; it is done again at the next start"
            );
        }
        tasks.shutdown().await;
        store.close();
        match failure {
            None => Ok(()),
            Some(error) => Err(anyhow::anyhow!(
                "the store failed: {error}\nhint: check the disk, then start again; nothing acknowledged is lost"
            )),
        }
    }
}

async fn run(role: Arc<dyn Role>, service: Arc<Service>, mut stopped: watch::Receiver<bool>) {
    let mut news = service.wake.listen(role.woken_by());
    let mut failures = 0_u32;
    while !*stopped.borrow() {
        news.catch_up();
        let now = service.now();
        let pause_ms = match role.tick(now).await {
            Ok(Progress { more: true, .. }) => {
                failures = 0;
                tokio::task::yield_now().await;
                continue;
            }
            Ok(Progress { next, .. }) => {
                failures = 0;
                let until_next =
                    next.map_or(IDLE_MS_MAX, |at| at.since_ms(now).max(0).unsigned_abs());
                until_next.min(IDLE_MS_MAX)
            }
            Err(error) => {
                let (first, longest) = FAILED_PAUSE_MS;
                let pause_ms = (first << failures.min(16)).min(longest);
                failures += 1;
                tracing::error!(
                    role = role.name(),
                    pause_ms,
                    error = format!("{error:#}"),
                    "a tick failed and is tried again"
                );
                pause_ms
            }
        };
        tokio::select! {
            _ = stopped.changed() => {}
            () = news.news(), if failures == 0 => {}
            () = tokio::time::sleep(Duration::from_millis(pause_ms)) => {}
        }
    }
}

async fn reload_on(mut hangup: Signal, service: Arc<Service>, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            _ = hangup.recv() => {}
        }
        let accounts = service.accounts();
        match service.rules.reload(&service.config.rules, &accounts) {
            Ok(rules) => {
                tracing::info!(rules, "rules loaded");
                service.wake.tell(News::GROUND);
            }
            Err(error) => tracing::error!("{error:#}"),
        }
    }
}
