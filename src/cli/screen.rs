//! Standard output: on a terminal with a last line that is renewed, elsewhere a line now and then if a step takes long;
//! with colours on a terminal and on the job's page. A thread of its own keeps the time, so that nothing that hangs looks as if it were at work.

use super::colour::coloured;
use crate::report::{Activity, Page, ANNOTATIONS};
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

const TICK: Duration = Duration::from_secs(1);
/// Where no line can be renewed, so long may be silence.
const SILENCE: Duration = Duration::from_secs(30);
/// After so long, a step that has printed nothing is named.
const UNNAMED: Duration = Duration::from_secs(5);
/// Back to the line's beginning, and nothing on it.
const CLEAR: &str = "\r\x1b[K";

/// There is one standard output.
static SCREEN: Mutex<Screen> = Mutex::new(Screen::NEW);

/// What is on it.
#[derive(Debug)]
struct Screen {
    kind: OutputKind,
    /// Whether its lines have colours.
    colours: bool,
    /// What goes on, and since when.
    activity: Option<(Activity, Instant)>,
    /// When the last line was printed.
    told: Option<Instant>,
    /// The last line is one that will be renewed.
    dirty: bool,
    /// The annotations that warn.
    warnings: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OutputKind {
    Terminal,
    /// A file, a pipe, the job's page.
    Paper,
}

/// Looks at what standard output is, once, and begins to keep the time.
pub(super) fn open(page: Page) {
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    // https://no-color.org: whoever sets it wants plain text
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_terminal = page == Page::Terminal && io::stdout().is_terminal() && !is_dumb && !plain;
    let mut screen = screen();
    screen.colours = !plain && (is_terminal || page == Page::Actions);
    if is_terminal {
        screen.kind = OutputKind::Terminal;
    }
    drop(screen);
    let ticking = thread::Builder::new()
        .name("screen".to_owned())
        .spawn(|| loop {
            thread::sleep(TICK);
            self::screen().tick(Instant::now());
        });
    if let Err(error) = ticking {
        tracing::info!(%error, "nobody keeps the time");
    }
}

/// Prints a line. That nobody reads is no reason to stop a deployment.
pub(super) fn line(line: &str) {
    screen().line(line, Instant::now());
}

/// What goes on from now on; `None`: nothing that would be worth a word.
pub(super) fn activity(activity: Option<Activity>) {
    screen().activity(activity, Instant::now());
}

/// Whether the runner keeps one more annotation that warns.
pub(super) fn has_room_for_warning() -> bool {
    screen().warnings < ANNOTATIONS
}

fn screen() -> MutexGuard<'static, Screen> {
    SCREEN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Screen {
    const NEW: Self = Self {
        kind: OutputKind::Paper,
        colours: false,
        activity: None,
        told: None,
        dirty: false,
        warnings: 0,
    };

    fn line(&mut self, line: &str, now: Instant) {
        let clear = self.clear();
        let line = match self.colours {
            true => coloured(line),
            false => line.to_owned(),
        };
        self.warnings += usize::from(line.starts_with("::warning"));
        write(&format!("{clear}{line}\n"));
        self.told = Some(now);
    }

    fn activity(&mut self, activity: Option<Activity>, now: Instant) {
        let same_step = matches!((&self.activity, &activity), (Some((old, _)), Some(new)) if old.step == new.step);
        let since = self
            .activity
            .as_ref()
            .filter(|_| same_step)
            .map_or(now, |(_, since)| *since);
        self.activity = activity.map(|activity| (activity, since));
        if self.activity.is_none() {
            write(self.clear());
        }
    }

    fn tick(&mut self, now: Instant) {
        let Some((activity, since)) = &self.activity else {
            return;
        };
        let text = activity.text(now.duration_since(*since));
        if self.kind == OutputKind::Terminal {
            write(&format!("{CLEAR}{}", cut(&format!("… {text}"), columns())));
            self.dirty = true;
        } else if self.told.is_some_and(|told| {
            let limit = if told <= *since { UNNAMED } else { SILENCE };
            now.duration_since(told.max(*since)) >= limit
        }) {
            self.line(&format!("… {text}"), now);
        }
    }

    fn clear(&mut self) -> &'static str {
        match std::mem::take(&mut self.dirty) {
            true => CLEAR,
            false => "",
        }
    }
}

/// How many columns the terminal has.
fn columns() -> usize {
    const USUAL: usize = 80;
    let size = rustix::termios::tcgetwinsize(io::stdout());
    let columns = size.map_or(0, |size| usize::from(size.ws_col));
    // some terminals do not know
    if columns == 0 {
        USUAL
    } else {
        columns
    }
}

/// The beginning that fits into one line: a longer one would be wrapped, and only its last part renewed. The last column
/// stays free, because some terminals wrap as soon as it is used.
fn cut(text: &str, columns: usize) -> String {
    let free = columns.saturating_sub(1);
    if text.width_cjk() <= free {
        return text.to_owned();
    }
    let mut used = "…".width_cjk();
    let fits = |letter: &char| {
        // as wide as the widest font shows it
        used += letter.width_cjk().unwrap_or(0);
        used <= free
    };
    let cut: String = text.chars().take_while(fits).collect();
    match free {
        0 | 1 => String::new(),
        _ => cut + "…",
    }
}

fn write(text: &str) {
    let mut out = io::stdout().lock();
    if out
        .write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .is_err()
    {
        tracing::info!("nobody reads the log");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Step;

    #[test]
    fn the_time_of_a_step_goes_on_while_it_is_the_same() {
        let mut screen = Screen::NEW;
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        screen.activity(Some(Activity::of(Step::Install)), at(1));
        screen.activity(Some(Activity::of(Step::Install)), at(9));
        assert_eq!(
            screen.activity.as_ref().map(|(_, since)| *since),
            Some(at(1))
        );
        screen.activity(Some(Activity::of(Step::Seal)), at(10));
        assert_eq!(
            screen.activity.as_ref().map(|(_, since)| *since),
            Some(at(10))
        );
        screen.activity(None, at(11));
        assert!(screen.activity.is_none());
    }

    #[test]
    fn a_line_that_is_renewed_never_fills_the_terminal() {
        let text = "… verify, 12 s: health answered 500 with “数据库未连接”";
        for columns in 0..100 {
            let cut = cut(text, columns);
            assert!(cut.width_cjk() < columns.max(1), "{columns}: {cut}");
        }
        assert_eq!(cut("… install, 3 s", 80), "… install, 3 s");
        insta::assert_snapshot!([20, 48, 52].map(|columns| cut(text, columns)).join("\n"), @"
        … verify, 12 s: …
        … verify, 12 s: health answered 500 with “…
        … verify, 12 s: health answered 500 with “数据…
        ");
    }

    #[test]
    fn on_paper_silence_is_broken_now_and_then() {
        let mut screen = Screen::NEW;
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        screen.activity(Some(Activity::of(Step::Install)), at(0));
        screen.line("✓ upload", at(0));
        let mut told = Vec::new();
        for second in 1..=95 {
            screen.tick(at(second));
            told.push(screen.told);
        }
        told.dedup();
        assert_eq!(told, [0, 5, 35, 65, 95].map(|second| Some(at(second))));
        assert!(!screen.dirty);
    }

    #[test]
    fn a_step_that_has_printed_something_is_not_named_soon() {
        let mut screen = Screen::NEW;
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        screen.activity(Some(Activity::of(Step::Install)), at(0));
        screen.line("│ begun", at(1));
        screen.tick(at(29));
        assert_eq!(screen.told, Some(at(1)));
        screen.tick(at(31));
        assert_eq!(screen.told, Some(at(31)));
    }
}
