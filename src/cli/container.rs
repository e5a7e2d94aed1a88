//! What a job container may have wrong: its user is another one than the user whose files GitHub mounts into it.

use crate::report::Page;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A note if the user of this process is not the owner of its HOME, as in a job container with a user of its own.
pub(super) fn foreign_home(page: Page) -> Option<String> {
    let home = std::env::var_os("HOME").filter(|_| page == Page::Actions)?;
    let owner = fs::metadata(&home).ok()?.uid();
    note(rustix::process::geteuid().as_raw(), owner, Path::new(&home))
}

/// root can write everywhere.
fn note(user: u32, owner: u32, home: &Path) -> Option<String> {
    (user != 0 && user != owner).then(|| {
        format!(
            "this job runs as user {user}, but its HOME, {}, belongs to user {owner}; if outputs or the summary cannot be written, run the \
             job container as user {owner}, as in options: --user {owner}",
            home.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_user_than_that_of_home_and_root_is_told() {
        let home = Path::new("/github/home");
        assert_eq!(note(0, 1001, home), None);
        assert_eq!(note(1001, 1001, home), None);
        insta::assert_snapshot!(note(1000, 1001, home).unwrap(), @"this job runs as user 1000, but its HOME, /github/home, belongs to user 1001; if outputs or the summary cannot be written, run the job container as user 1001, as in options: --user 1001");
    }
}
