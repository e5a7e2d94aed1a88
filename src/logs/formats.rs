//! How programs write about failures: data. In a pattern, `%` stands for any text. A pattern is compared with a message without
//! the time and level before it, and without spaces at its ends.

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Says that something failed that another line explains.
    Trailer,
    /// Belongs to the message above or below, and explains nothing by itself.
    Frame,
    /// A crash.
    Crash,
    /// One of the messages of a tool that prints several. The first one counts.
    Diagnostic,
    /// An error.
    Error,
    /// How a process ended, which explains little.
    End,
    /// What caused the message above: what `%` stands for.
    Chain,
}

/// Patterns of one role.
type Formats = &'static [(Role, &'static [&'static str])];

/// The role of a message; the first pattern that fits counts.
pub(super) fn role(message: &str) -> Option<Role> {
    let all = FORMATS
        .iter()
        .flat_map(|(role, patterns)| patterns.iter().map(move |pattern| (*role, *pattern)));
    all.into_iter()
        .find(|(_, pattern)| fits(pattern, message))
        .map(|(role, _)| role)
}

/// What the last `%` of a chain's pattern stands for.
pub(super) fn chained(message: &str) -> Option<&str> {
    let (_, patterns) = FORMATS.iter().find(|(role, _)| *role == Role::Chain)?;
    let pattern = patterns.iter().find(|pattern| fits(pattern, message))?;
    let head = pattern.trim_end_matches('%');
    let rest = match head.split_once('%') {
        None => message.strip_prefix(head)?,
        Some((_, middle)) => message.split_once(middle)?.1,
    };
    Some(rest.trim())
}

/// Whether `text` is the pattern, each `%` in which stands for any text.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('%');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

/// All formats. A trailer may look like an error: trailers come first.
const FORMATS: Formats = &[
    (
        Role::Chain,
        &[
            "Caused by: %",
            "caused by: %",
            "cause: %",
            "Message:  %",
            "[cause]: %",
            "---> %",
            "╰─▶ %",
            "├─▶ %",
            "╰─> %",
            "what():  %",
        ],
    ),
    (
        Role::Crash,
        &[
            "Worker (pid:%) was sent SIGSEGV%",
            "Worker (pid:%) was sent SIGKILL%",
        ],
    ),
    (Role::Trailer, TRAILERS),
    (Role::Frame, FRAMES),
    (
        Role::Crash,
        &[
            "panic: %",
            "fatal error: %",
            "http: panic serving %",
            "The application panicked%",
            "PHP Fatal error: %",
            "PHP Parse error: %",
            "Fatal error: %",
            "Parse error: %",
            "Fatal Python error: %",
            "** (%) %",
            "Unhandled exception. %",
            "% Segmentation fault%",
            "Segmentation fault%",
            "terminate called %",
            "[UnhandledPromiseRejection: %",
            "free(): %",
            "malloc%: %",
            "double free %",
            "*** stack smashing detected %",
            "==%==ERROR: AddressSanitizer: %",
            "FATAL ERROR: % heap %",
            "thread '%' panicked at '%",
            "thread '%' %has overflowed its stack",
        ],
    ),
    (
        Role::End,
        &[
            "%Main process exited, code=%",
            "%Control process exited, code=%",
        ],
    ),
    (Role::Diagnostic, DIAGNOSTICS),
    (Role::Error, ERRORS),
];

const TRAILERS: &[&str] = &[
    // gunicorn, uvicorn
    "Worker (pid:%) exited with code %",
    "Worker (pid:%) was sent %",
    "Worker exiting (pid: %",
    "Shutting down: Master",
    "Reason: App failed to load.",
    "Reason: Worker failed to boot.",
    "%HaltServer%",
    "Exception in worker process",
    "Connection in use: %",
    "Can't connect to (%",
    "Can't connect to /%",
    "Retrying in 1 second.",
    "Application startup failed. Exiting.",
    "Application startup failed%",
    "Application shutdown %",
    "Child process [%] died",
    "Exception in ASGI application",
    "Exception in 'lifespan' protocol%",
    "Unexpected exception from worker-%",
    "exited: % (exit status %",
    "`npm ci` can only install packages when %",
    "engine Unsupported engine",
    "● Test suite failed to run",
    "%process didn't exit successfully: %",
    "%startup failed due to previous errors",
    "> [Help %]",
    "FAIL %",
    "syscall %",
    "throw er;%",
    "AH00015: Unable to open logs",
    "% finally failed",
    "Do you already have another server running on %",
    "Please refer to %",
    "There are test failures.%",
    "error %: verification failed",
    "Result: FAIL",
    "Aborted with % warnings in strict mode!",
    "%panicked at '%Any { .. }'%",
    "Compilation failed; see the compiler %",
    "Tests run: %",
    "%<<< FAILURE!%",
    "% Cannot start server. Server instance is not configured.",
    "error: % failed to resolve",
    "% (Wstat: %",
    "tar: Unexpected EOF in archive",
    "Failed to execute goal %: There are test failures.%",
    "Failed %/% test programs%",
    "Failed %/% subtests%",
    "tar: Child returned status %",
    "tar: Error is not recoverable: exiting now",
    "reaped #<%",
    "Test Suites: %",
    "Tests: %",
    "errors: [%",
    "error during build:",
    "error: test failed, to rerun %",
    "Exiting with %",
    "gave up: % entered FATAL state%",
    "triggerUncaughtException(%",
    "× Encountered error while %",
    "error: legacy-install-failure",
    "[% lines of output]",
    "ResolutionImpossible: %",
    "panic: (*logrus.Entry) %",
    "%still could not bind()",
    "could not create any TCP/IP sockets",
    "Error: Could not create the Java Virtual Machine.",
    "Error: A fatal exception has occurred. Program will exit.",
    "[Help %] %",
    "--- FAIL: %",
    "%Error(s) found in configuration file%",
    "%Fatal errors found in configuration.",
    "%Some protocols failed to start their listeners! Exiting.",
    "Fatal Python error: init%",
    "Worker % exited %",
    "Stopping %",
    "Shutting down%",
    // Node and its tools
    "Node.js v%",
    "throw %;",
    "Thrown at:",
    "Emitted 'error' event %",
    "(Use `node --trace%",
    "%error Command failed with exit code %",
    "%ELIFECYCLE%",
    "error Lifecycle script %",
    "error code E%",
    "code E%",
    "code 1",
    "errno %",
    "path %",
    "command sh -c %",
    "command failed",
    "A complete log of this run can be found in%",
    "For a full report see:%",
    "This is probably not a problem with npm%",
    "Error: Command failed: %",
    "[ExceptionHandler] %:%:%",
    "App [%] exited with code %",
    "App name:% exited%",
    "Found % error%",
    "%Build failed with % error%",
    "> Build error occurred%",
    "%Next.js build worker exited with code: %",
    // Perl, PHP, Ruby
    "BEGIN failed--compilation aborted at %",
    "Compilation failed in require at %",
    "Execution of % aborted due to compilation errors.",
    "FPM initialization failed%",
    "failed to load configuration file %",
    "failed to post process the configuration",
    "thrown in % on line %",
    "(See full trace by running task with --trace)",
    "Tasks: TOP => %",
    "rake aborted!",
    "rails aborted!",
    "bin/rails aborted!",
    // Rust, Go, C
    "note: %",
    "error: could not compile %",
    "error: aborting due to %",
    "For more information about this error, try %",
    "For more information, try '--help'.",
    "make%: *** [%] Error %",
    "make%: *** [%] %",
    "ninja: build stopped: %",
    "collect2: error: ld returned %",
    "compilation terminated.",
    "-- Configuring incomplete, errors occurred!",
    "exit status %",
    "%: Exiting with failure status due to previous errors",
    "SystemExit: %",
    "KeyboardInterrupt%",
    "asyncio.exceptions.CancelledError%",
    "FAIL",
    "FAIL\t%",
    "%Aborted (core dumped)%",
    "Aborted",
    "Aborting%",
    // Python's tools
    "error: subprocess-exited-with-error",
    "Call to `% failed (exit status: %",
    "The build backend returned an error",
    "hint: %",
    "[end of output]",
    "note: This error originates from a subprocess%",
    "[notice] %",
    "Command `% failed with exit code %",
    "ERROR: Failed building wheel for %",
    "ERROR: Failed to build installable wheels%",
    "error: metadata-generation-failed",
    "error: command '%' failed with exit code %",
    // Java
    "Error starting ApplicationContext. To display %",
    "Application run failed",
    "Re-run Maven %",
    "To see the full stack trace of the errors, %",
    "For more information about the errors %",
    // systemd
    "%Failed with result '%'.",
    "Failed to start %",
    "%Failed to run '%' task: %",
    "× %.service - %",
    "%Failed at step % spawning %",
    "%Unit configuration has fatal error%",
    "%Start request repeated too quickly.",
    "%Scheduled restart job, %",
    "Job for % failed because %",
    "See \"systemctl status %",
    "%Consumed %",
    "%Deactivated successfully.",
    "Stopped %",
    "Started %",
    "Starting %",
];

const FRAMES: &[&str] = &[
    "at %(%)",
    "at %:%:%",
    "at async %",
    "at new %",
    "at <anonymous>%",
    "from %:%:in %",
    "#% %(%): %",
    "#% {main}",
    "%WaitReadable)",
    "%WaitWritable)",
    "Stack trace:",
    "stack traceback:",
    "%: in %",
    "Next %",
    "Require stack:",
    "- /%",
    "File \"%\", line %",
    "> File \"%\", line %",
    "... % more",
    "... % lines matching cause stack trace ...",
    "Suppressed: %",
    "[signal %",
    "--- End of %",
    "Traceback (most recent call last):",
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
    "code: '%",
    "errno: -%",
    "syscall: '%",
    "}",
    "{",
    "]",
    "^%",
    "~%^%",
    "-->%",
    "--> %",
    "|%",
    "│%",
    "╭%",
    "╰%",
    "┌%",
    "└%",
    "❱%",
];

const DIAGNOSTICS: &[&str] = &[
    // compilers
    "%:%:%: error: %",
    "%.py:%: error: %",
    "%:%:%: fatal error: %",
    "%.java:%: error: %",
    "%.go:%:%: %",
    "%:%: undefined reference to %",
    "%(%,%): error TS%",
    "%:%:% - error TS%",
    "error TS%: %",
    "error[E%]: %",
    "% at % line %, at %",
    "% at % line %, near %",
    "Invalid value for %: %",
    "✘ [ERROR] %",
    "ERROR in %",
    "%.java:[%] %",
    "Source option %",
    "in ./%",
    "TS% [ERROR]: %",
    "CMake Error at %",
    "CMake Error: %",
    "*** Error compiling %",
    // package managers
    "Missing: % from lock file",
    "You are trying to install in deployment mode %",
    "Invalid: lock file's %",
    "E   %",
    "● %",
    "FAILED %",
];

const ERRORS: &[&str] = &[
    "error: %",
    "Error: %",
    "ERROR: %",
    "fatal: %",
    "%: error: %",
    "× %",
    "⨯ %",
    "! Unable to load application: %",
    "%:%:in %': % (%)",
    "%: %: cannot create %",
    "%_test.go:%: %",
    ">>> '%'",
    "%Watchdog timeout %",
    "%.lua:%: %",
    "Can't locate % in @INC %",
    "make%: *** No rule to make target %",
    "make%: *** %  Stop.",
    "%: line %: %",
    "sh: %: %: %",
    "%.sh: %: %: %",
    "%: error while loading shared libraries: %",
    "Could not find gem %",
    "Could not find %-% in %",
    "ERR_PNPM_% %",
    "Error %:",
    "Error:",
    "SystemCheckError: %",
];
