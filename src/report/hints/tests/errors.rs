//! Hints about errors on the runner or on the way.

use crate::report::hints::*;
use crate::report::tests::{place, run_errors};

#[test]
#[expect(clippy::too_many_lines, reason = "it shows whole texts")]
fn a_run_error_says_what_to_do() {
    let all: Vec<_> = run_errors()
        .iter()
        .map(|it| run_error(it, &place()).to_string())
        .collect();
    insta::assert_snapshot!(all.join("\n---\n"), @r#"
    on the runner (a job container needs it in its image; Alpine: `apk add openssh-client`), as root:
      sudo apt-get update && sudo apt-get install -y openssh-client
    ---
    the input key must hold the whole private key, from its BEGIN line to its END line; where the key file is:
      ssh-keygen -y -f KEYFILE
      gh secret set NAME < KEYFILE
    ---
    delete it, or add it to the input exclude
    ---
    are the inputs service and target right? The deploy user needs a login shell, which no login script ends or replaces (exit, exec, tmux), and must be able to write and run files there (no noexec, free disk space); on the server's console, as root:
      sudo mkdir -p /opt/diting && sudo chown -R deploy: /opt/diting
      getent passwd deploy; findmnt -T /opt/diting; df -h /opt/diting; ls -ld /opt/diting
    ---
    is this the right login for this target? If another user has deployed there before, and you trust what it left, give it to the login; on the server's console, as root:
      sudo chown -R deploy: /opt/diting/.deploy && sudo rm -rf /opt/diting/.deploy/bin
    ---
    server parts exist for `x86_64` and `aarch64`; the files must be beside this program, as in the action's dist folder
    ---
    login scripts on the server must not fail or end the shell; this must print nothing and end with exit code 0:
      ssh -p 22 deploy@web1.example true
    ---
    a login script (`~/.bashrc`, `~/.zshenv`, `~/.cshrc`, `/etc/profile.d`) must not read, wait or print without end when nobody is at the terminal. As the first line of `~/.bashrc` on the server:
      case $- in *i*) ;; *) return ;; esac
    Then this ends at once and prints only the word:
      echo word | ssh -p 22 deploy@web1.example cat
    ---
    a login script (`~/.bashrc`, `~/.zshenv`, `~/.cshrc`, `/etc/profile.d`) must not read, wait or print without end when nobody is at the terminal. As the first line of `~/.bashrc` on the server:
      case $- in *i*) ;; *) return ;; esac
    Then this ends at once and prints only the word:
      echo word | ssh -p 22 deploy@web1.example cat
    ---
    a login script (`~/.bashrc`, `~/.zshenv`, `~/.cshrc`, `/etc/profile.d`) must not read, wait or print without end when nobody is at the terminal. As the first line of `~/.bashrc` on the server:
      case $- in *i*) ;; *) return ;; esac
    Then this ends at once and prints only the word:
      echo word | ssh -p 22 deploy@web1.example cat
    ---
    a login script (`~/.bashrc`, `~/.zshenv`, `~/.cshrc`, `/etc/profile.d`) must not read, wait or print without end when nobody is at the terminal. As the first line of `~/.bashrc` on the server:
      case $- in *i*) ;; *) return ;; esac
    Then this ends at once and prints only the word:
      echo word | ssh -p 22 deploy@web1.example cat
    ---
    find out who or what deletes files in the target, or whether its disk is damaged; on the server:
      ls -la /opt/diting
      readlink /opt/diting/current
    ---
    when it is up again, the next run restores the old release and reports it; on the server:
      readlink /opt/diting/current /opt/diting/previous
    ---
    its log ends where it stopped; if the runner has enough memory, please report it with that log: https://github.com/diting/deploy-action/issues
    ---
    please report it, with this log: https://github.com/diting/deploy-action/issues
    ---
    the next run reports how it ended; on the server:
      readlink /opt/diting/current /opt/diting/previous
    ---
    run it again: what was uploaded is kept
    ---
    after that time the next run reports how it ended; on the server:
      readlink /opt/diting/current /opt/diting/previous
    ---
    check above which step took the time, or raise the input timeout
    ---
    run it again: what was uploaded is kept
    ---
    after that time the next run reports how it ended; on the server:
      readlink /opt/diting/current /opt/diting/previous
    ---
    please report it, with this log: https://github.com/diting/deploy-action/issues
    ---
    the offered key may be the server's, or that of someone who intercepts the connection; only the server itself can show its key. On its console (not over ssh):
      ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub
    only if that shows SHA256:47DEQpj8HBSa, put this line into the input known-hosts:
      web1.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==
    ---
    either the server was set up again, or someone intercepts the connection; only the server itself can show its key. On its console (not over ssh):
      ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub
    only if that shows SHA256:47DEQpj8HBSa, put this line into the input known-hosts:
      web1.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==
    ---
    a revoked key may be stolen: give the server a new one and put its line into the input known-hosts
    ---
    the offered key may be the server's, or that of someone who intercepts the connection; only the server itself can show its key. On its console (not over ssh):
      ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub
    only if that shows SHA256:47DEQpj8HBSa, put this line into the input known-hosts:
      web1.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==
    ---
    the input passphrase must be the one that opens the key; where the key file is, this asks for it:
      ssh-keygen -y -f KEYFILE
    ---
    convert it to OpenSSH's own format, and store the new file as the secret. Where `ssh -V` shows OpenSSH 9.6 or newer (the new passphrase may be empty):
      ssh-keygen -p -f KEYFILE
    With an older version, for an Ed25519 key:
      k() { openssl pkey -in KEYFILE -outform DER "$@" | tail -c 32; }
      b() { printf 'openssh-key-v1\0\0\0\0\4none\0\0\0\4none\0\0\0\0\0\0\0\1\0\0\0\63\0\0\0\13ssh-ed25519\0\0\0 '; k -pubout; printf '\0\0\0\210\0\0\0\0\0\0\0\0\0\0\0\13ssh-ed25519\0\0\0 '; k -pubout; printf '\0\0\0@'; k; k -pubout; printf '\0\0\0\0\1\2\3\4\5'; }
      n='OPENSSH PRIVATE KEY'; (umask 077; { echo "-----BEGIN $n-----"; b | openssl base64; echo "-----END $n-----"; } > NEWKEYFILE)
    ---
    the public half of the key (`ssh-keygen -y -f KEYFILE`) must be in `authorized_keys` of that user, in a folder that only this user may write; on the server's console, as root:
      sudo cat ~hop/.ssh/authorized_keys
      sudo chown -R hop: ~hop/.ssh && sudo chmod 700 ~hop/.ssh && sudo chmod 600 ~hop/.ssh/*
      sudo journalctl -u ssh -u sshd -n 20 --no-pager
    ---
    the runner's user has no entry in `/etc/passwd`, which ssh needs. In a job container, set `options: --user root`, or add the entry; in the container, as root (UID is the user's number):
      echo 'runner:x:UID:UID::/home/runner:/bin/sh' >> /etc/passwd
    ---
    does sshd listen on port 22, and do the firewall and the provider's security group allow it? On the server's console, as root:
      sudo systemctl status ssh sshd; sudo ss -tlnp | grep sshd
      sudo firewall-cmd --list-all || sudo ufw status
      sudo firewall-cmd --permanent --add-port=22/tcp && sudo firewall-cmd --reload
    ---
    are host and port (22) right? The firewall and the provider's security group must let the runner in; runners hosted by GitHub have changing addresses and no IPv6
    ---
    is the input host right (web1.example)? If so, its name is not in the public DNS
    ---
    either the server was set up again, or someone intercepts the connection; only the server itself can show its key. On its console (not over ssh), the line for the input known-hosts and the fingerprint to compare:
      sed 's/^/web1.example /' /etc/ssh/ssh_host_ed25519_key.pub
      ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub
    ---
    the public half of the key (`ssh-keygen -y -f KEYFILE`) must be in `authorized_keys` of that user, in a folder that only this user may write; on the server's console, as root:
      sudo cat ~deploy/.ssh/authorized_keys
      sudo chown -R deploy: ~deploy/.ssh && sudo chmod 700 ~deploy/.ssh && sudo chmod 600 ~deploy/.ssh/*
      sudo journalctl -u ssh -u sshd -n 20 --no-pager
    ---
    what sshd logs, on the server's console, as root:
      sudo journalctl -u ssh -u sshd -n 20 --no-pager
    ---
    port 22 answers, but the login does not finish in time: raise the input connect-timeout, or find out what slows down sshd (load, DNS, PAM); on the server's console, as root:
      uptime; sudo sshd -T | grep -i usedns
      sudo journalctl -u ssh -u sshd -n 20 --no-pager
    ---
    update OpenSSH on the older of the two, the runner or the server, or let sshd offer a modern algorithm too; on the server's console, as root:
      sudo sshd -T | grep -Ei '^(kexalgorithms|hostkeyalgorithms|ciphers|macs) '
    ---
    if the message does not say why, sshd's log does; on the server's console, as root:
      sudo journalctl -u ssh -u sshd -n 20 --no-pager
      ls -l /run/nologin /etc/nologin
    ---
    if the account should work again, on the server's console, as root:
      sudo chage -l deploy
      sudo chage -E -1 deploy
    "#);
}
