//! What an indicator is to a set, and the table of all indicators.

use std::mem;

use crate::{
    Bar,
    layout::{Layout, State},
    parameter::{Conflict, Parameter, Values},
};

/// One indicator with `N` outputs: its parameters. Its state lives elsewhere, as [`layout`](Self::layout) declares.
///
/// Bars come checked. All outputs of an indicator appear at the same bar, as in TA-Lib: `None` before
/// the index [`lookback`](Self::lookback), finite values from there on.
pub(crate) trait Kernel<const N: usize>: Sized {
    /// TA-Lib's name.
    const NAME: &'static str;
    /// What follows the text of the indicator in the names of the outputs; empty if there is but one.
    const SUFFIXES: [&'static str; N];
    /// Its parameters in TA-Lib's order.
    const PARAMETERS: &'static [Parameter];
    /// Whether it reads volumes. A bar without one is then passed over.
    const VOLUME: bool = false;

    /// The kernel with parameters that are good one by one.
    fn with(values: Values<'_>) -> Result<Self, Conflict>;

    /// How many bars come before the first value: the index of that value, from 0.
    fn lookback(&self) -> u32;

    /// How many bars come between the first value and the first warm one.
    fn settling(&self) -> u32 {
        0
    }

    /// Declares the state.
    fn layout(&self, layout: &mut Layout);

    /// Takes the next bar.
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; N]>;
}

/// Advances the state by a bar and writes the values, NaN where there are none.
#[inline(always)]
fn run<const N: usize, K: Kernel<N>>(
    kernel: &K,
    numbers: &mut [f64],
    counts: &mut [u32],
    bar: &Bar,
    values: &mut [f64],
) {
    let (Some((seen, counts)), Some(values)) = (counts.split_first_mut(), values.first_chunk_mut()) else { return };
    let taken = if K::VOLUME && bar.volume.is_none() {
        None
    } else {
        let before = *seen;
        *seen = before.saturating_add(1);
        kernel.update(&mut State { seen: before, numbers, counts }, bar)
    };
    *values = taken.unwrap_or([f64::NAN; N]);
}

/// What a set does with an indicator at each bar.
#[derive(Debug)]
pub(crate) struct Step {
    kernel: AnyKernel,
    /// Advances the state by a bar and writes the values. A function for each kind: one for all would have to make
    /// room for the largest, which takes longer than most indicators.
    update: fn(&AnyKernel, &mut [f64], &mut [u32], &Bar, &mut [f64]),
    /// How many numbers and counts its state has, and how many outputs there are.
    numbers: usize,
    counts: usize,
    outputs: usize,
}

impl Step {
    /// Takes the parts of the indicator from the fronts of these lists, and advances it by a bar.
    #[inline(always)]
    pub(crate) fn update(&self, numbers: &mut &mut [f64], counts: &mut &mut [u32], values: &mut &mut [f64], bar: &Bar) {
        let (own, own_counts, own_values) =
            (front(numbers, self.numbers), front(counts, self.counts), front(values, self.outputs));
        (self.update)(&self.kernel, own, own_counts, bar, own_values);
    }
}

/// Takes so many from the front of a list.
#[inline(always)]
fn front<'a, T>(list: &mut &'a mut [T], length: usize) -> &'a mut [T] {
    let (front, rest) = mem::take(list).split_at_mut(length);
    *list = rest;
    front
}

/// Why a text is no indicator: what is wrong with it, without the text itself.
pub(crate) enum Fault {
    Unknown,
    TooMany { allowed: usize },
    Parameter { value: String, name: &'static str, allowed: String },
    Conflict(String),
}

/// Reads the parameters' texts, which may end early, and makes a kernel of them.
fn parse<const N: usize, K: Kernel<N>>(texts: &[&str]) -> Result<(K, Vec<f64>), Fault> {
    if texts.len() > K::PARAMETERS.len() {
        return Err(Fault::TooMany { allowed: K::PARAMETERS.len() });
    }
    let mut values = Vec::with_capacity(K::PARAMETERS.len());
    for (index, parameter) in K::PARAMETERS.iter().enumerate() {
        let value = match texts.get(index) {
            Some(text) => parameter.parse(text).ok_or_else(|| Fault::Parameter {
                value: (*text).chars().take(32).collect(),
                name: parameter.name,
                allowed: parameter.allowed(),
            })?,
            None => parameter.default(),
        };
        values.push(value);
    }
    let kernel = K::with(Values(&values)).map_err(|Conflict(problem)| Fault::Conflict(problem))?;
    Ok((kernel, values))
}

/// The name with the parameters, as they are or as they default: `MACD(12,26,9)`, `OBV`, `VWAP(cumulative)`.
fn text(name: &str, parameters: &[Parameter], values: &[f64]) -> String {
    let texts: Vec<String> = parameters.iter().zip(values).filter_map(|(one, value)| one.text(*value)).collect();
    if texts.is_empty() { name.to_owned() } else { format!("{name}({})", texts.join(",")) }
}

/// An indicator with its parameters, of any kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Indicator {
    kernel: AnyKernel,
    text: String,
}

impl Indicator {
    /// Its text, with the defaults written out: `RSI(14)`.
    pub fn text(&self) -> &str {
        &self.text
    }
}

macro_rules! indicators {
    ($($module:ident :: $name:ident),+ $(,)?) => {
        #[derive(Debug, Clone, PartialEq)]
        enum AnyKernel {
            $($name(crate::$module::$name),)+
        }

        /// The names of all indicators with their parameters' defaults, in the order of the table: `SMA(30)`.
        pub fn catalogue() -> Vec<String> {
            vec![$({
                type Here = crate::$module::$name;
                let defaults: Vec<f64> = Here::PARAMETERS.iter().map(Parameter::default).collect();
                text(Here::NAME, Here::PARAMETERS, &defaults)
            },)+]
        }

        impl Indicator {
            /// The indicator of that name with parameters from their texts.
            pub(crate) fn of(name: &str, texts: &[&str]) -> Result<Self, Fault> {
                $(if name.eq_ignore_ascii_case(<crate::$module::$name as Kernel<_>>::NAME) {
                    let (kernel, values) = parse::<_, crate::$module::$name>(texts)?;
                    let text = text(crate::$module::$name::NAME, crate::$module::$name::PARAMETERS, &values);
                    return Ok(Self { kernel: AnyKernel::$name(kernel), text });
                })+
                Err(Fault::Unknown)
            }

            /// The names of its outputs, such as `MACD(12,26,9).signal`.
            pub fn names(&self) -> Vec<String> {
                match &self.kernel {
                    $(AnyKernel::$name(_) => {
                        crate::$module::$name::SUFFIXES.iter().map(|suffix| format!("{}{suffix}", self.text)).collect()
                    })+
                }
            }

            /// How many outputs it has.
            pub fn outputs(&self) -> usize {
                match &self.kernel {
                    $(AnyKernel::$name(_) => crate::$module::$name::SUFFIXES.len(),)+
                }
            }

            /// How many bars come before its first value: the index of that value, from 0.
            pub fn lookback(&self) -> u32 {
                match &self.kernel {
                    $(AnyKernel::$name(kernel) => kernel.lookback(),)+
                }
            }

            /// How many bars come before its first warm value.
            pub fn warm_up(&self) -> u32 {
                match &self.kernel {
                    $(AnyKernel::$name(kernel) => kernel.lookback() + kernel.settling(),)+
                }
            }

            /// Whether it reads volumes, so that bars without one are passed over.
            pub fn needs_volume(&self) -> bool {
                match &self.kernel {
                    $(AnyKernel::$name(_) => crate::$module::$name::VOLUME,)+
                }
            }

            pub(crate) fn layout(&self, layout: &mut Layout) {
                // How many bars it has seen.
                layout.count(u32::MAX);
                match &self.kernel {
                    $(AnyKernel::$name(kernel) => kernel.layout(layout),)+
                }
            }

            /// What a set does with it, whose state has so many numbers and counts.
            pub(crate) fn step(&self, numbers: usize, counts: usize) -> Step {
                let update: fn(&AnyKernel, &mut [f64], &mut [u32], &Bar, &mut [f64]) = match &self.kernel {
                    $(AnyKernel::$name(_) => |kernel, numbers, counts, bar, values| {
                        if let AnyKernel::$name(kernel) = kernel {
                            run(kernel, numbers, counts, bar, values);
                        }
                    },)+
                };
                Step { kernel: self.kernel.clone(), update, numbers, counts, outputs: self.outputs() }
            }
        }
    };
}

// The order is that of the table of contents: averages, momentum, trend, volatility, volume, price.
indicators! {
    sma::Sma,
    ema::Ema,
    wma::Wma,
    rma::Rma,
    dema::Dema,
    tema::Tema,
    kama::Kama,
    hma::Hma,
    vwma::Vwma,
    rsi::Rsi,
    macd::Macd,
    apo::Apo,
    ppo::Ppo,
    trix::Trix,
    mom::Mom,
    roc::Roc,
    rocr::Rocr,
    cmo::Cmo,
    bop::Bop,
    stoch::Stoch,
    stochf::Stochf,
    stochrsi::Stochrsi,
    willr::Willr,
    ultosc::Ultosc,
    midpoint::Midpoint,
    midprice::Midprice,
    cci::Cci,
    plus_di::PlusDi,
    minus_di::MinusDi,
    dx::Dx,
    adx::Adx,
    adxr::Adxr,
    aroon::Aroon,
    aroonosc::Aroonosc,
    sar::Sar,
    supertrend::Supertrend,
    bbands::Bbands,
    donchian::Donchian,
    keltner::Keltner,
    trange::Trange,
    atr::Atr,
    natr::Natr,
    obv::Obv,
    ad::Ad,
    adosc::Adosc,
    mfi::Mfi,
    vwap::Vwap,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_named_and_their_defaults_within_their_bounds() {
        for text in catalogue() {
            let indicator: Indicator = text.parse().unwrap();
            assert_eq!(indicator.text(), text);
            assert!(indicator.warm_up() >= indicator.lookback(), "{text}");
        }
    }
}
