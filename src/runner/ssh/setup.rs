//! The local set-up of a connection: private folder, agent, ssh's configuration. No server is contacted.

use super::agent::Agent;
use super::config::{config, Address};
use super::folder::PrivateFolder;
use super::host_key;
use super::login::LoginOptions;
use super::tools::{require, unusable};
use crate::protocol::{RunError, ToolError};
use std::fs;
use std::path::{Path, PathBuf};

/// What a connection needs on the runner. It serves one connection only, because files in the folder record why that
/// connection failed.
#[derive(Debug)]
pub(crate) struct LocalSetup {
    // in the order in which they must be dropped
    agent: Option<Agent>,
    folder: PrivateFolder,
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
        let agent = private_agent(login, &folder).await?;
        write_files(login, folder.path())?;
        Ok(Self { agent, folder })
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
    tracing::debug!("the private agent holds the key");
    Ok(Some(agent))
}

fn write_files(login: &LoginOptions<'_>, folder: &Path) -> Result<(), RunError> {
    let server = login.server;
    let target = Address {
        host: server.host.as_str(),
        port: server.port.get(),
        user: server.user.as_str(),
    };
    let jump = server.jump.as_ref().map(|jump| Address {
        host: jump.host.as_str(),
        port: jump.port.get(),
        user: jump.user.as_str(),
    });
    let write = |path: &Path, text: &str| {
        fs::write(path, text).map_err(|error| {
            let error = error.to_string();
            unusable("ssh", ToolError::Config { error })
        })
    };
    write(&folder.join("known_hosts"), server.known_hosts.text())?;
    write(
        &config_file(folder),
        &config(&target, jump.as_ref(), server.connect_timeout, folder),
    )?;
    host_key::prepare(folder).map_err(|error| {
        let error = error.to_string();
        unusable("ssh", ToolError::Helper { error })
    })
}

fn config_file(folder: &Path) -> PathBuf {
    folder.join("config")
}
