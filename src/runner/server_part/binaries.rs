//! The server part for each CPU: this program itself, or a file in its folder.

use crate::protocol::{BinaryError, Bug, Digest, RunError};
use std::env::consts::ARCH;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

const SUMS: &str = "SHA256SUMS";
/// This program, even if its file was replaced or deleted.
const OWN_EXECUTABLE: &str = "/proc/self/exe";

/// The CPUs with a server part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cpu {
    X86_64,
    Aarch64,
}

impl Cpu {
    const ALL: [Self; 2] = [Self::X86_64, Self::Aarch64];

    /// The CPU that `uname -m` prints.
    pub(crate) fn named(machine: &str) -> Option<Self> {
        match machine {
            "x86_64" | "amd64" => Some(Self::X86_64),
            "aarch64" | "arm64" => Some(Self::Aarch64),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }
}

/// The available server parts: this program, and the files in its folder.
#[derive(Debug, Clone)]
pub(crate) struct Binaries {
    executable: PathBuf,
    cpu: Option<Cpu>,
    digest: Digest,
    folder: PathBuf,
    /// As listed in [`SUMS`].
    others: Vec<(Cpu, Digest)>,
}

impl Binaries {
    /// Finds those of this process.
    ///
    /// # Errors
    /// If its executable cannot be read.
    pub(crate) fn find() -> Result<Self, RunError> {
        let folder = env::current_exe()
            .ok()
            .and_then(|file| file.parent().map(Path::to_owned));
        Self::of(Path::new(OWN_EXECUTABLE), &folder.unwrap_or_default())
    }

    /// As if `executable` were this program and `folder` its folder.
    pub(crate) fn of(executable: &Path, folder: &Path) -> Result<Self, RunError> {
        let own = fs::read(executable).map_err(|error| {
            RunError::Bug(Bug::Executable {
                error: error.to_string(),
            })
        })?;
        let sums = fs::read_to_string(folder.join(SUMS)).unwrap_or_default();
        Ok(Self {
            executable: executable.to_owned(),
            cpu: Cpu::named(ARCH),
            digest: Digest::of(&own),
            folder: folder.to_owned(),
            others: Cpu::ALL
                .into_iter()
                .filter_map(|cpu| listed(&sums, cpu).map(|digest| (cpu, digest)))
                .collect(),
        })
    }

    /// The digest of the server part for `cpu`; `None` if there is none.
    pub(crate) fn digest(&self, cpu: Cpu) -> Option<Digest> {
        if self.cpu == Some(cpu) {
            return Some(self.digest);
        }
        self.others
            .iter()
            .find(|(other, _)| *other == cpu)
            .map(|(_, digest)| *digest)
    }

    /// The server part for a server whose `uname -m` prints `machine`, with its digest.
    ///
    /// # Errors
    /// If there is none, or it is not the file that is listed.
    pub(crate) fn read(&self, machine: &str) -> Result<(Digest, Vec<u8>), RunError> {
        let name = Cpu::named(machine).map_or(machine, |cpu| cpu.name());
        let file = self.folder.join(format!("deploy-action-{name}"));
        let none = |error| RunError::NoBinary {
            cpu: machine.to_owned(),
            file: file.display().to_string(),
            error,
        };
        let cpu = Cpu::named(machine).ok_or_else(|| none(BinaryError::Missing))?;
        let own = self.cpu == Some(cpu);
        let bytes = fs::read(if own { &self.executable } else { &file }).map_err(|error| {
            match error.kind() {
                io::ErrorKind::NotFound => none(BinaryError::Missing),
                _ => none(BinaryError::Unreadable {
                    error: error.to_string(),
                }),
            }
        })?;
        let Some(digest) = self.digest(cpu) else {
            return Err(none(BinaryError::Unlisted));
        };
        if Digest::of(&bytes) != digest {
            return Err(none(BinaryError::OtherFile));
        }
        Ok((digest, bytes))
    }
}

/// The digest of the file for `cpu` in the output of `sha256sum`.
fn listed(sums: &str, cpu: Cpu) -> Option<Digest> {
    let file = format!("deploy-action-{}", cpu.name());
    sums.lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(_, name)| name.trim_start_matches([' ', '*']).trim_end() == file)
        .and_then(|(digest, _)| digest.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other() -> Cpu {
        Cpu::ALL.into_iter().find(|cpu| cpu.name() != ARCH).unwrap()
    }

    fn files(sums: &str) -> (tempfile::TempDir, Binaries) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("own"), "own").unwrap();
        fs::write(
            folder
                .path()
                .join(format!("deploy-action-{}", other().name())),
            "other",
        )
        .unwrap();
        fs::write(folder.path().join(SUMS), sums).unwrap();
        let binaries = Binaries::of(&folder.path().join("own"), folder.path()).unwrap();
        (folder, binaries)
    }

    fn no_binary(binaries: &Binaries, machine: &str) -> (String, BinaryError) {
        match binaries.read(machine) {
            Err(RunError::NoBinary { cpu, file, error }) if cpu == machine => (file, error),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn this_program_is_the_server_part_for_its_own_cpu() {
        let (_folder, binaries) = files("");
        assert_eq!(
            binaries.read(ARCH).unwrap(),
            (Digest::of(b"own"), b"own".to_vec())
        );
        assert_eq!(Binaries::find().unwrap().cpu, Cpu::named(ARCH));
    }

    #[test]
    fn a_file_in_the_folder_must_be_the_listed_one() {
        let name = other().name();
        let (folder, binaries) =
            files(&format!("{}  deploy-action-{name}\n", Digest::of(b"other")));
        assert_eq!(binaries.digest(other()), Some(Digest::of(b"other")));
        assert_eq!(binaries.read(name).unwrap().1, b"other");
        fs::write(
            folder.path().join(format!("deploy-action-{name}")),
            "changed",
        )
        .unwrap();
        assert_eq!(no_binary(&binaries, name).1, BinaryError::OtherFile);
        fs::remove_file(folder.path().join(format!("deploy-action-{name}"))).unwrap();
        let (file, error) = no_binary(&binaries, name);
        assert!(file.ends_with(&format!("/deploy-action-{name}")), "{file}");
        assert_eq!(error, BinaryError::Missing);
    }

    #[test]
    fn an_unlisted_file_and_an_unknown_cpu_are_refused() {
        let (_folder, binaries) = files("nonsense\n");
        assert_eq!(binaries.digest(other()), None);
        assert_eq!(
            no_binary(&binaries, other().name()).1,
            BinaryError::Unlisted
        );
        let (file, error) = no_binary(&binaries, "riscv64");
        assert!(file.ends_with("/deploy-action-riscv64"), "{file}");
        assert_eq!(error, BinaryError::Missing);
    }
}
