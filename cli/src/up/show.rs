//! What a person sees while it runs: one line per stage. On a terminal the lines stand still and their
//! numbers move; elsewhere, and with NO_COLOR or TERM=dumb, a plain line comes now and then.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::account::Account;

/// How often a plain line comes.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// The display.
#[derive(Debug)]
pub(crate) struct Show {
    terminal: Option<Terminal>,
    begun: Instant,
    last_plain: Option<Instant>,
}

#[derive(Debug)]
struct Terminal {
    all: MultiProgress,
    stages: Vec<ProgressBar>,
    step: ProgressBar,
}

impl Show {
    /// For the terminal that standard error is, or plainly.
    pub(crate) fn new() -> Self {
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        let terminal = std::io::stderr().is_terminal() && !dumb;
        let terminal = terminal.then(|| {
            let all = MultiProgress::new();
            let step = all.add(ProgressBar::new_spinner());
            step.enable_steady_tick(Duration::from_millis(120));
            Terminal { all, stages: Vec::new(), step }
        });
        Self { terminal, begun: Instant::now(), last_plain: None }
    }

    /// Says what is being done before the stages run.
    pub(crate) fn step(&self, text: &str) {
        match &self.terminal {
            Some(terminal) => terminal.step.set_message(text.to_owned()),
            None => eprintln!("{text}"),
        }
    }

    /// Says a detail of a step: on a terminal only, where it replaces itself.
    pub(crate) fn detail(&self, text: &str) {
        if let Some(terminal) = &self.terminal {
            terminal.step.set_message(text.to_owned());
        }
    }

    /// Says something that stays.
    pub(crate) fn line(&self, text: &str) {
        match &self.terminal {
            // An error only says that the terminal is gone.
            Some(terminal) => drop(terminal.all.println(text)),
            None => eprintln!("{text}"),
        }
    }

    /// Shows the stages as they stand, in a plain display only now and then.
    pub(crate) fn stages(&mut self, account: &Account, since: Instant) {
        let lines = stages(account, since.elapsed().as_secs_f64());
        let Some(terminal) = &mut self.terminal else {
            if self.last_plain.is_none_or(|last| last.elapsed() >= PLAIN_EVERY) {
                self.last_plain = Some(Instant::now());
                eprintln!("[{:>4} s] {}", self.begun.elapsed().as_secs(), lines.join(" | "));
            }
            return;
        };
        for (at, line) in lines.into_iter().enumerate() {
            if at == terminal.stages.len() {
                let bar = ProgressBar::new_spinner();
                if let Ok(style) = ProgressStyle::with_template("  {msg}") {
                    bar.set_style(style);
                }
                terminal.stages.push(terminal.all.add(bar));
            }
            terminal.stages[at].set_message(line);
        }
    }

    /// Clears what moves, leaving the stages as they ended.
    pub(crate) fn finish(&mut self, account: &Account, since: Instant) {
        if let Some(terminal) = self.terminal.take() {
            terminal.step.finish_and_clear();
            terminal.stages.iter().for_each(ProgressBar::finish_and_clear);
        }
        for line in stages(account, since.elapsed().as_secs_f64()) {
            eprintln!("{line}");
        }
    }
}

fn stages(account: &Account, seconds: f64) -> Vec<String> {
    let stages = &account.stages;
    let rate = |count: u64| format!("{:.1}/s", count as f64 / seconds.max(0.001));
    let refused: Vec<String> = account.refused.iter().map(|(verdict, count)| format!("{verdict} {count}")).collect();
    let refused = if refused.is_empty() { "0".to_owned() } else { refused.join(", ") };
    vec![
        format!(
            "poll     calls {} ({})  accepted {}  refused {refused}  failed {}",
            stages.poll.calls,
            rate(stages.poll.calls),
            stages.poll.accepted,
            stages.poll.failed,
        ),
        format!(
            "produce  records {}  put {} ({})  alerts {}  unchanged {}  dead letters {}",
            stages.produce.records,
            stages.produce.put,
            rate(stages.produce.put),
            stages.produce.alerts,
            stages.produce.deduplicated,
            stages.produce.dead_lettered,
        ),
        format!(
            "process  records {} ({})  bars {}  indicators {} ({})  alerts {}  dead letters {}",
            stages.process.records,
            rate(stages.process.records),
            stages.process.bars,
            stages.process.indicators,
            rate(stages.process.indicators),
            stages.process.alerts,
            stages.process.dead_lettered,
        ),
        format!(
            "deliver  S3 objects {}  lines {} ({})  dead letters {}",
            account.objects,
            stages.deliver.lines,
            rate(stages.deliver.lines),
            account.dead_letters,
        ),
    ]
}
