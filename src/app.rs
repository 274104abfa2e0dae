//! The composition root: the only place that builds clock, store, vault,
//! connections, rules and roles, and the only one that starts tasks.

mod assemble;
mod lacking;
mod tasks;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::Signal;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;
use touchline_rules::UnixMs;

use crate::clock::Clock;
use crate::config::Config;
use crate::http::hooks::Intake;
use crate::http::server;
use crate::lifecycle::declared::declare;
use crate::roles::{Progress, Role};
use crate::service::Service;
use crate::store::ServeLock;
use crate::wake::News;
use tasks::Tasks;

/// An idle role looks again at least this often, whatever wakes it.
const IDLE_MS_MAX: u64 = 1_000;
/// The first and the longest pause of a role after failed ticks.
const FAILED_PAUSE_MS: (u64, u64) = (100, 10_000);
/// How long a stop waits for requests and roles to finish what they have begun.
/// With the little that comes after, it is over within ten seconds.
const STOPS_WITHIN: Duration = Duration::from_secs(8);
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
    stops_within: Duration,
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

    /// Serves HTTP on `listener` until `stop` resolves to the instant by which what
    /// has begun has to be over; roles are not run.
    pub async fn listen(&self, listener: TcpListener, stop: impl Future<Output = Instant>) {
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
    /// When the address cannot be listened on, the store fails, or a role ends by
    /// itself: then everything is stopped, rather than go on without it.
    pub async fn serve(self, stop: impl Future<Output = ()>, hangup: Signal) -> anyhow::Result<()> {
        let address = self.service.config.listen;
        let listener = TcpListener::bind(address).await.map_err(|error| {
            anyhow::anyhow!(
                "cannot listen on {address}: {error}\nhint: set `listen` to a free address"
            )
        })?;
        tracing::info!(%address, public_url = self.service.config.public_url, "ready");
        lacking::tell(&self.service).await?;
        let (stopping, stopped) = watch::channel(None);
        let mut tasks = Tasks::default();
        for role in &self.roles {
            let running = run(Arc::clone(role), Arc::clone(&self.service), stopped.clone());
            tasks.start(role.name(), running);
        }
        tasks.start("reload", reload_on(hangup, Arc::clone(&self.service), stopped.clone()));
        let store = self.service.store.clone();
        let listening = self.listen(listener, told(stopped));
        let ended = async {
            let failure = tokio::select! {
                () = stop => None,
                error = store.failed() => Some(anyhow::anyhow!(
                    "the store failed: {error}\nhint: check the disk, then start again; nothing acknowledged is lost"
                )),
                why = tasks.ended() => Some(why),
            };
            self.intake.set_ready(false);
            let deadline = Instant::now() + self.stops_within;
            stopping.send_replace(Some(deadline));
            self.service.stop();
            tasks.finish(deadline).await;
            failure
        };
        let ((), failure) = tokio::join!(listening, ended);
        store.close();
        failure.map_or(Ok(()), Err)
    }
}

/// When a stop has to be over; set once it is asked for.
type Stopped = watch::Receiver<Option<Instant>>;

/// Resolves once a stop is asked for, to when it has to be over.
async fn told(mut stopped: Stopped) -> Instant {
    let deadline = stopped.wait_for(Option::is_some).await.ok().and_then(|deadline| *deadline);
    deadline.unwrap_or_else(Instant::now)
}

async fn run(role: Arc<dyn Role>, service: Arc<Service>, mut stopped: Stopped) {
    let mut news = service.wake.listen(role.woken_by());
    let mut failures = 0_u32;
    while stopped.borrow().is_none() {
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

async fn reload_on(mut hangup: Signal, service: Arc<Service>, mut stopped: Stopped) {
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            _ = hangup.recv() => {}
        }
        match reload(&service).await {
            Ok(rules) => {
                tracing::info!(rules, "rules loaded");
                service.wake.tell(News::GROUND);
            }
            Err(error) => tracing::error!("{error:#}"),
        }
        lacking::tell_what_waits(&service.config);
    }
}

/// Reads the declared rules anew, keeps their versions and puts them in force.
async fn reload(service: &Service) -> anyhow::Result<usize> {
    let rules = service.rules.reload(&service.config.rules, &service.accounts())?;
    declare(&service.store, &service.rules.declared(), service.now()).await?;
    service.settings.refresh().await?;
    Ok(rules)
}
