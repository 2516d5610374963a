//! What a person sees while it runs, on standard error, and records and outcomes, on standard output.

use std::{
    io::{self, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The display. The bar is drawn on a terminal only.
pub(crate) struct Show {
    bar: ProgressBar,
    closed: AtomicBool,
}

impl Show {
    /// For so many requests.
    pub(crate) fn new(requests: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(requests), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}") {
            bar.set_style(style);
        }
        Self { bar, closed: AtomicBool::new(false) }
    }

    /// One more request goes out.
    pub(crate) fn asking(&self, request: &str) {
        self.bar.inc(1);
        self.bar.set_message(request.to_owned());
    }

    /// A line of standard output.
    pub(crate) fn print(&self, line: &str) {
        let written = self.bar.suspend(|| writeln!(io::stdout().lock(), "{line}"));
        if written.is_err() {
            // Whoever read it has seen enough, or there is no room: there is no use in more.
            self.closed.store(true, Ordering::Relaxed);
        }
    }

    /// A line of standard error.
    pub(crate) fn note(&self, line: &str) {
        // Where standard error is closed there is nobody to tell.
        let _ = self.bar.suspend(|| writeln!(io::stderr().lock(), "{line}"));
    }

    /// Whether nobody reads standard output any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
