//! Deliveries that may or may not have been sent.

use touchline_kit::{CallError, CrmWrite, Receipt};
use touchline_rules::UnixMs;
use touchline_rules::time::{HOUR_MS, MINUTE_MS};

use super::Deliver;
use super::last_look::Verdict;
use crate::roles::lines::note_broken;
use crate::store::DeliveryRow;

/// A vendor that cannot tell now is asked again after that …
const ASK_AGAIN_MS: i64 = MINUTE_MS;
/// … and one that does not let us ask, after that.
const ASK_LATER_MS: i64 = HOUR_MS;

/// How an unknown outcome is settled.
pub(super) enum Way {
    /// A CRM is asked for what carries the marker.
    Ask(CrmWrite),
    /// A chat cannot be asked. The message is sent once more in its life,
    /// unless there is nothing to say any more; then it stays unknown and is shown.
    Repeat(Verdict),
}

impl Deliver {
    /// Settles one delivery of unknown outcome as far as it can be.
    pub(super) async fn settle_unknown(
        &self,
        row: DeliveryRow,
        way: Way,
        now: UnixMs,
    ) -> anyhow::Result<()> {
        let store = &self.service.store;
        let look_at = match way {
            Way::Ask(write) => return self.reconcile(&row, &write, now).await,
            Way::Repeat(Verdict::Send { .. }) if row.resends == 0 => {
                return Ok(store.resend_unknown(row.id, now).await?);
            }
            Way::Repeat(Verdict::Wait { until, .. })
                if until < row.expires_at && row.resends == 0 =>
            {
                until
            }
            Way::Repeat(_) => {
                tracing::warn!(
                    delivery.id = row.id,
                    connection = row.connection,
                    why = row.why,
                    "nobody can tell whether this was sent; it is not sent again"
                );
                UnixMs::MAX
            }
        };
        Ok(store.record_unknown(row.id, row.why, look_at).await?)
    }

    /// Looks again when the connection may work.
    pub(super) async fn unknown_later(&self, row: &DeliveryRow, now: UnixMs) -> anyhow::Result<()> {
        let look_at = now.plus_ms(ASK_AGAIN_MS);
        Ok(self.service.store.record_unknown(row.id.clone(), row.why.clone(), look_at).await?)
    }

    async fn reconcile(
        &self,
        row: &DeliveryRow,
        write: &CrmWrite,
        now: UnixMs,
    ) -> anyhow::Result<()> {
        let store = &self.service.store;
        let connection = self.service.connections.get(&row.connection).cloned();
        let Some((connection, crm)) = connection.as_ref().and_then(|c| Some((c, c.crm()?))) else {
            return Ok(store.record_unknown(row.id.clone(), row.why.clone(), UnixMs::MAX).await?);
        };
        let found: Result<Option<Receipt>, CallError> =
            crm.reconcile(&connection.session, &connection.view(), write).await;
        let (why, look_at) = match found {
            Ok(Some(receipt)) => return self.sent(row, &receipt).await,
            Ok(None) => {
                let why = "the vendor never had it".to_owned();
                return Ok(store.record_retry(row.id.clone(), now, why, true).await?);
            }
            Err(error) => {
                let look_at = match &error {
                    CallError::Limited { retry_at, .. }
                    | CallError::Unavailable { retry_at: Some(retry_at), .. } => *retry_at,
                    CallError::Unavailable { .. } => now.plus_ms(ASK_AGAIN_MS),
                    CallError::Unauthorized { .. } => {
                        self.lines.broke(&row.connection, now);
                        note_broken(&self.service, connection, &error, now).await?;
                        now.plus_ms(ASK_AGAIN_MS)
                    }
                    // The deal is gone, and what was written on it with it.
                    CallError::NotFound { .. } => UnixMs::MAX,
                    CallError::Forbidden { .. }
                    | CallError::Refused { .. }
                    | CallError::Ambiguous { .. } => now.plus_ms(ASK_LATER_MS),
                };
                (error.to_string(), look_at)
            }
        };
        // Never at this very instant again, whatever the vendor said.
        let look_at = look_at.max(now.plus_ms(1));
        Ok(store.record_unknown(row.id.clone(), why, look_at).await?)
    }
}
