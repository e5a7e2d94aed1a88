//! Serves one login: reads what the runner half wants and does it.

use super::client::Client;
use super::finish::finish;
use super::run::Session;
use crate::protocol::{greeting, root_of, Plan, Reason, ToRunner, ToServer, TransactionId};
use crate::server::channel::inbox::Inbox;
use crate::server::channel::outbox::Outbox;
use crate::server::limits::Limits;
use crate::server::store::layout::Layout;
use crate::server::store::listing;
use std::time::Duration;

/// How long a client that does not read may delay the server part before the point of no return.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(60);

/// What the command line announced.
struct Announced<'a> {
    target: &'a str,
    transaction: &'a TransactionId,
    root: &'a str,
}

impl Announced<'_> {
    fn matches(&self, plan: &Plan) -> bool {
        plan.target.as_str() == self.target
            && plan.transaction == *self.transaction
            && plan.root.to_string() == self.root
    }

    fn has_no_tree(&self) -> bool {
        root_of(&[], &[]).to_string() == self.root
    }
}

/// Serves the runner half on standard input and output.
///
/// # Errors
/// If the runner half sends no valid request, or the end of its transaction cannot be found out.
pub(in crate::server) fn serve(target: &str, transaction: &str, root: &str) -> Result<(), String> {
    let transaction: TransactionId = transaction
        .to_owned()
        .try_into()
        .map_err(|error| format!("{error}"))?;
    let inbox = Inbox::stdin();
    close_on_sigterm(&inbox);
    let mut outbox = Outbox::new(CLIENT_TIMEOUT);
    outbox.send_bytes(greeting(&transaction).into_bytes());
    let announced = Announced {
        target,
        transaction: &transaction,
        root,
    };
    let served = serve_request(&announced, &inbox, &mut outbox);
    outbox.close();
    served
}

fn serve_request(
    announced: &Announced<'_>,
    inbox: &Inbox,
    outbox: &mut Outbox,
) -> Result<(), String> {
    let layout = Layout::new(announced.target);
    let (plan, received) = match inbox.first() {
        Ok(ToServer::Start(plan)) if announced.matches(&plan) => (plan, 0),
        Ok(ToServer::Resume { plan, heard }) if announced.matches(&plan) => (plan, heard),
        Ok(ToServer::Follow { heard }) if announced.has_no_tree() => {
            return finish(&mut Client {
                layout: &layout,
                transaction: announced.transaction,
                received: heard,
                limits: &Limits::new(inbox.closed(), Duration::MAX),
                outbox,
            })
            .map_err(|reason| reason.to_string());
        }
        Ok(ToServer::List) if announced.has_no_tree() => {
            outbox.send(&ToRunner::Listing(Box::new(listing::list(&layout))));
            return Ok(());
        }
        Ok(_) => return Err("the plan is not the one that the command line announced".to_owned()),
        Err(Reason::Cancelled) => {
            return Err("the connection was lost before the plan was complete".to_owned())
        }
        Err(reason) => return Err(reason.to_string()),
    };
    let client = Client {
        layout: &layout,
        transaction: &plan.transaction,
        received,
        limits: &Limits::new(inbox.closed(), plan.stage_limit),
        outbox,
    };
    Session::new(client, &plan, inbox).run();
    Ok(())
}

/// A later login of the same transaction sends SIGTERM: then this one stops as if its connection had ended.
fn close_on_sigterm(inbox: &Inbox) {
    if let Err(error) = signal_hook::flag::register(signal_hook::consts::SIGTERM, inbox.closed()) {
        tracing::debug!(%error, "SIGTERM ends the server part at once");
    }
}
