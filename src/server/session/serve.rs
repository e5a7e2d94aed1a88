//! Serves one login: reads what the runner half wants and does it.

use super::client::Client;
use super::finish::finish;
use super::run::Session;
use crate::protocol::{
    greeting, Errand, Plan, Reason, Refusal, ToRunner, ToServer, TransactionId, FIRST_WORD_TIME,
};
use crate::server::channel::inbox::Inbox;
use crate::server::channel::outbox::Outbox;
use crate::server::clock;
use crate::server::limits::Limits;
use crate::server::store::layout::Layout;
use crate::server::store::listing::{self, Extent};
use crate::server::store::pending::Pending;
use std::sync::atomic::AtomicBool;
use std::sync::Arc;
use std::time::Duration;

/// How long a client that does not read may delay the server part before the point of no return.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(60);

/// One login, as its command line describes it.
struct Login<'a> {
    target: &'a str,
    layout: Layout,
    transaction: TransactionId,
    root: &'a str,
    /// Set by the SIGTERM that a later login of the same transaction sends: then this one stops as if its connection had
    /// ended.
    asked_to_leave: Arc<AtomicBool>,
}

/// Serves the runner half on standard input and output.
///
/// # Errors
/// If the command line is not valid, or the end of its transaction cannot be found out.
pub(in crate::server) fn serve(
    target: &str,
    transaction: &str,
    root: &str,
    errand: &str,
) -> Result<(), String> {
    let transaction: TransactionId = transaction
        .to_owned()
        .try_into()
        .map_err(|error| format!("{error}"))?;
    let errand: Errand = errand.parse().map_err(|error| format!("{error}"))?;
    let mut outbox = Outbox::new(CLIENT_TIMEOUT);
    outbox.send_bytes(greeting(&transaction).into_bytes());
    let login = Login {
        target,
        layout: Layout::new(target),
        transaction,
        root,
        asked_to_leave: Arc::default(),
    };
    let served = login.run(errand, &mut outbox);
    outbox.close();
    served.map_err(|reason| reason.to_string())
}

impl Login<'_> {
    fn run(&self, errand: Errand, outbox: &mut Outbox) -> Result<(), Reason> {
        match errand {
            Errand::List => {
                let listing = listing::list(&self.layout, Extent::Whole);
                outbox.send(&ToRunner::Listing(Box::new(listing)));
                Ok(())
            }
            Errand::Follow { heard } => self.finish(heard, outbox),
            Errand::Start | Errand::Resume if clock::own_age() > Some(FIRST_WORD_TIME) => {
                outbox.send(&ToRunner::Refused(Refusal::Late));
                Ok(())
            }
            Errand::Start | Errand::Resume => self.by_plan(errand, outbox),
        }
    }

    /// Deploys or rolls back, as the plan says. Nothing is begun before the plan is complete.
    fn by_plan(&self, errand: Errand, outbox: &mut Outbox) -> Result<(), Reason> {
        let inbox = Inbox::stdin();
        Self::leave_on_sigterm(inbox.closed());
        let (plan, received) = match self.plan(&inbox) {
            Ok((_, received)) if received > 0 || self.is_pending() => {
                return self.finish(received, outbox)
            }
            Ok(both) => both,
            Err(refusal) => {
                outbox.send(&ToRunner::Refused(refusal));
                return match errand {
                    // an earlier login may have begun it
                    Errand::Resume => self.finish(0, outbox),
                    _ => Ok(()),
                };
            }
        };
        let client = Client {
            layout: &self.layout,
            transaction: &plan.transaction,
            received,
            limits: &Limits::new(inbox.closed(), plan.stage_limit),
            outbox,
        };
        Session::new(client, &plan, &inbox).run();
        Ok(())
    }

    /// Whether an earlier login has begun the transaction.
    fn is_pending(&self) -> bool {
        Pending::is_of(&self.layout, &self.transaction)
    }

    /// The plan, and how many of the transaction's own events the runner half has received.
    fn plan(&self, inbox: &Inbox) -> Result<(Box<Plan>, u32), Refusal> {
        let (plan, received) = match inbox.first()? {
            ToServer::Start(plan) => (plan, 0),
            ToServer::Resume { plan, heard } => (plan, heard),
            _ => return Err(Refusal::OtherPlan),
        };
        let announced = plan.target.as_str() == self.target
            && plan.transaction == self.transaction
            && plan.root.to_string() == self.root;
        announced
            .then_some((plan, received))
            .ok_or(Refusal::OtherPlan)
    }

    /// Follows the transaction without input: a login script may have read it.
    fn finish(&self, received: u32, outbox: &mut Outbox) -> Result<(), Reason> {
        Self::leave_on_sigterm(Arc::clone(&self.asked_to_leave));
        finish(&mut Client {
            layout: &self.layout,
            transaction: &self.transaction,
            received,
            limits: &Limits::new(Arc::clone(&self.asked_to_leave), Duration::MAX),
            outbox,
        })
    }

    fn leave_on_sigterm(flag: Arc<AtomicBool>) {
        if let Err(error) = signal_hook::flag::register(signal_hook::consts::SIGTERM, flag) {
            tracing::info!(%error, "SIGTERM ends the server part at once");
        }
    }
}
