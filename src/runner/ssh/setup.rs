//! The local set-up of a connection: private folder, agent, ssh's configuration. No server is contacted.

use super::addresses;
use super::agent::Agent;
use super::config::{config, Address, Limits};
use super::folder::PrivateFolder;
use super::host_key;
use super::login::LoginOptions;
use super::tools::{require, unusable};
use crate::protocol::{RunError, ToolError};
use crate::settings::Server;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Time limit for a login itself, in addition to the connect time-out. ssh has no such limit.
const LOGIN_TIME: Duration = Duration::from_secs(10);

/// What a connection needs on the runner. It serves one connection only, because files in the folder record why that
/// connection failed.
#[derive(Debug)]
pub(crate) struct LocalSetup {
    // in the order in which they must be dropped
    agent: Option<Agent>,
    folder: PrivateFolder,
    time_limit: Duration,
}

impl LocalSetup {
    /// Writes ssh's configuration and loads the key into an agent. If this is dropped while the agent starts, the agent
    /// ends by itself within ten seconds.
    ///
    /// # Errors
    /// A missing program, or a key that cannot be loaded.
    pub(crate) async fn create(login: &LoginOptions<'_>) -> Result<Self, RunError> {
        require(&["ssh"])?;
        let folder = PrivateFolder::create().map_err(|error| {
            let error = error.to_string();
            unusable("ssh", ToolError::Folder { error })
        })?;
        let (agent, addresses) =
            tokio::join!(private_agent(login, &folder), addresses(login.server));
        let agent = agent?;
        write_files(login, addresses, folder.path())?;
        Ok(Self {
            agent,
            folder,
            time_limit: time_limit(login.server, addresses),
        })
    }

    /// For everything until the login.
    pub(super) fn time_limit(&self) -> Duration {
        self.time_limit
    }

    /// The socket of the private agent, if there is one.
    pub(super) fn socket(&self) -> Option<&Path> {
        self.agent.as_ref().map(Agent::socket)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn config_file(&self) -> PathBuf {
        config_file(self.folder())
    }
}

/// Those of the first host on the way: ssh tries each.
async fn addresses(server: &Server) -> u32 {
    let (host, port) = match &server.jump {
        Some(jump) => (&jump.host, jump.port),
        None => (&server.host, server.port),
    };
    addresses::count(host.as_str(), port.get()).await
}

/// For everything until the login on the first host, which has so many addresses.
fn first_login(server: &Server, addresses: u32) -> Duration {
    let connecting = server.connect_timeout.saturating_mul(addresses);
    connecting.saturating_add(LOGIN_TIME)
}

fn time_limit(server: &Server, addresses: u32) -> Duration {
    let first = first_login(server, addresses);
    match server.jump {
        Some(_) => first.saturating_add(first_login(server, 1)),
        None => first,
    }
}

async fn private_agent(
    login: &LoginOptions<'_>,
    folder: &PrivateFolder,
) -> Result<Option<Agent>, RunError> {
    let Some(key) = &login.server.key else {
        return Ok(None);
    };
    require(&["ssh-agent", "ssh-add"])?;
    let agent = Agent::start(folder.path()).await?;
    let passphrase = login.server.passphrase.as_ref();
    agent.add(key, passphrase, login.key_lifetime).await?;
    tracing::info!("the private agent holds the key");
    Ok(Some(agent))
}

fn write_files(login: &LoginOptions<'_>, addresses: u32, folder: &Path) -> Result<(), RunError> {
    let server = login.server;
    let target = Address {
        host: server.host.as_str(),
        port: server.port.get(),
        user: server.user.as_str(),
        alias: server.known_hosts.alias(&server.host, server.port),
    };
    let jump = server.jump.as_ref().map(|jump| Address {
        host: jump.host.as_str(),
        port: jump.port.get(),
        user: jump.user.as_str(),
        alias: server.known_hosts.alias(&jump.host, jump.port),
    });
    let limits = Limits {
        connect: server.connect_timeout,
        jump: first_login(server, addresses),
    };
    let write = |path: &Path, text: &str| {
        fs::write(path, text).map_err(|error| {
            let error = error.to_string();
            unusable("ssh", ToolError::Config { error })
        })
    };
    write(&folder.join("known_hosts"), server.known_hosts.text())?;
    write(
        &config_file(folder),
        &config(&target, jump.as_ref(), limits, folder),
    )?;
    host_key::prepare(folder).map_err(|error| {
        let error = error.to_string();
        unusable("ssh", ToolError::Helper { error })
    })
}

fn config_file(folder: &Path) -> PathBuf {
    folder.join("config")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::testing;

    #[test]
    fn every_address_has_its_own_time_limit_and_a_jump_host_has_a_login_of_its_own() {
        let mut server = Server {
            connect_timeout: Duration::from_secs(15),
            ..testing::server()
        };
        assert_eq!(time_limit(&server, 1), Duration::from_secs(25));
        assert_eq!(time_limit(&server, 3), Duration::from_secs(55));
        server.jump = Some(crate::settings::Jump {
            host: server.host.clone(),
            port: server.port,
            user: server.user.clone(),
        });
        assert_eq!(time_limit(&server, 3), Duration::from_secs(80));
    }
}
