//! What a connection needs on this side, before anybody is contacted.

use super::agent::Agent;
use super::config::{config, Address};
use super::folder::Folder;
use super::host_key;
use super::login::Login;
use super::tools::{require, unusable};
use crate::protocol::{RunError, ToolError};
use std::fs;
use std::path::{Path, PathBuf};

/// What a connection needs on this side, and goes with it: made before anybody is contacted, and for one connection
/// only, for what ssh notes down there tells why that one failed.
#[derive(Debug)]
pub(crate) struct Ready {
    // in the order in which they must go
    agent: Option<Agent>,
    folder: Folder,
}

impl Ready {
    /// Writes ssh's configuration and puts the key into an agent. Given up while the agent starts, it leaves that to
    /// find out by itself, within ten seconds.
    ///
    /// # Errors
    /// A missing tool, or a bad key.
    pub(crate) async fn make(login: &Login<'_>) -> Result<Self, RunError> {
        require(&["ssh"])?;
        let folder = Folder::make().map_err(|error| {
            let error = error.to_string();
            unusable("ssh", ToolError::Folder { error })
        })?;
        let agent = private_agent(login, &folder).await?;
        write_files(login, folder.path())?;
        Ok(Self { agent, folder })
    }

    /// Of the agent that has our key.
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

async fn private_agent(login: &Login<'_>, folder: &Folder) -> Result<Option<Agent>, RunError> {
    let Some(key) = &login.server.key else {
        return Ok(None);
    };
    require(&["ssh-agent", "ssh-add"])?;
    let agent = Agent::start(folder.path()).await?;
    let passphrase = login.server.passphrase.as_ref();
    agent.add(key, passphrase, login.key_life).await?;
    tracing::debug!("the key is in an agent of our own");
    Ok(Some(agent))
}

fn write_files(login: &Login<'_>, folder: &Path) -> Result<(), RunError> {
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
