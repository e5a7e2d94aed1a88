//! What SSH needs: host, port, user, jump host, key and known_hosts, checked more strictly than ssh does.

pub(super) mod host;
pub(super) mod jump;
pub(super) mod key;
pub(super) mod key_form;
pub(super) mod known_hosts;

pub use host::{HostName, Port, UserName};
pub use jump::Jump;
pub use key::Repair;
pub use known_hosts::KnownHosts;
