//! The parameters of indicators: their names, defaults and bounds.

/// Longest period, in bars. It bounds the memory that a set or a state can ask for.
pub const PERIOD_MAX: u16 = 1000;

/// What one parameter can be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) kind: ParameterKind,
}

/// Its kind, default and bounds. Values travel as numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum ParameterKind {
    /// A number of bars, up to [`PERIOD_MAX`].
    Period { default: u16, least: u16 },
    /// Any number in between.
    Number { default: f64, least: f64, most: f64 },
    /// A word that may stand there or not: 1 or 0.
    Word,
}

impl Parameter {
    /// A period of at least two bars, since one of one bar is the input itself.
    pub(crate) const fn period(name: &'static str, default: u16) -> Self {
        Self::period_from(name, default, 2)
    }

    /// A period that may be shorter.
    pub(crate) const fn period_from(name: &'static str, default: u16, least: u16) -> Self {
        Self { name, kind: ParameterKind::Period { default, least } }
    }

    /// A number.
    pub(crate) const fn number(name: &'static str, default: f64, least: f64, most: f64) -> Self {
        Self { name, kind: ParameterKind::Number { default, least, most } }
    }

    /// A word that stands there or not.
    pub(crate) const fn word(name: &'static str) -> Self {
        Self { name, kind: ParameterKind::Word }
    }

    pub(crate) fn default(&self) -> f64 {
        match self.kind {
            ParameterKind::Period { default, .. } => default.into(),
            ParameterKind::Number { default, .. } => default,
            ParameterKind::Word => 0.0,
        }
    }

    /// What it may be, in words.
    pub(crate) fn allowed(&self) -> String {
        match self.kind {
            ParameterKind::Period { least, .. } => format!("a whole number from {least} to {PERIOD_MAX}"),
            ParameterKind::Number { least, most, .. } => format!("a number from {least} to {most}"),
            ParameterKind::Word => format!("the word `{}` or nothing", self.name),
        }
    }

    /// Reads its text.
    pub(crate) fn parse(&self, text: &str) -> Option<f64> {
        let number = || text.parse::<f64>().ok().filter(|number| number.is_finite());
        match self.kind {
            ParameterKind::Period { least, .. } => number()
                .filter(|number| number.fract() == 0.0 && (f64::from(least)..=f64::from(PERIOD_MAX)).contains(number)),
            ParameterKind::Number { least, most, .. } => number().filter(|number| (least..=most).contains(number)),
            ParameterKind::Word => text.eq_ignore_ascii_case(self.name).then_some(1.0),
        }
    }

    /// Its text; `None` for a word that does not stand there.
    pub(crate) fn text(&self, value: f64) -> Option<String> {
        match self.kind {
            ParameterKind::Word => (value != 0.0).then(|| self.name.to_owned()),
            ParameterKind::Period { .. } | ParameterKind::Number { .. } => Some(value.to_string()),
        }
    }
}

/// Values of parameters, each within its bounds, in the order of their declaration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Values<'a>(pub(crate) &'a [f64]);

impl Values<'_> {
    /// The value of the parameter of that index.
    pub(crate) fn number(&self, index: usize) -> f64 {
        self.0[index]
    }

    /// The same for a period.
    pub(crate) fn period(&self, index: usize) -> u16 {
        // Within the bounds of a period, so it fits.
        self.0[index] as u16
    }
}

/// Parameters that are good one by one do not go together, with what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conflict(pub(crate) String);

/// A fast period must be shorter than a slow one.
pub(crate) fn fast_and_slow(fast: u16, slow: u16) -> Result<(), Conflict> {
    if fast < slow {
        Ok(())
    } else {
        Err(Conflict(format!("the fast period `{fast}` is not shorter than the slow period `{slow}`; swap them")))
    }
}
