//! What an indicator is to a set, and the table of all indicators.

use crate::{
    Atr, Bar, Bbands, Ema, Macd, Readings, Rsi, Sma,
    state::{Reader, StateError, Writer},
};

/// One indicator with `N` outputs.
///
/// Bars come checked. All outputs of an indicator appear at the same bar, as in TA-Lib: `None`
/// before the index [`lookback`](Self::lookback), values from there on.
pub(crate) trait Kernel<const N: usize>: Clone {
    /// What follows the label in the names of the outputs; empty if there is but one.
    const SUFFIXES: [&'static str; N];

    /// TA-Lib's name with the parameters: `SMA(20)`.
    fn label(&self) -> String;

    /// How many bars come before the first value: the index of that value, from 0.
    fn lookback(&self) -> usize;

    /// Takes the next bar.
    fn update(&mut self, bar: &Bar) -> Option<[f64; N]>;

    /// What [`update`](Self::update) with the same bar would give.
    ///
    /// A kernel on the heap has its own way, since cloning it would allocate.
    fn peek(&self, bar: &Bar) -> Option<[f64; N]> {
        self.clone().update(bar)
    }

    /// Writes the parameters, then the state. What follows from parameters and number of bars is left out.
    fn encode(&self, writer: &mut Writer<'_>);

    /// Reads what [`encode`](Self::encode) wrote after so many bars.
    fn decode(reader: &mut Reader<'_>, bars: u64) -> Result<Self, StateError>;
}

macro_rules! indicators {
    ($($kind:literal => $name:ident),+ $(,)?) => {
        /// Any of the indicators, to make an [`IndicatorSet`](crate::IndicatorSet) of.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Indicator {
            $(
                #[doc = concat!("See [`", stringify!($name), "`](crate::", stringify!($name), ").")]
                $name($name),
            )+
        }

        $(
            impl From<$name> for Indicator {
                fn from(kernel: $name) -> Self {
                    Self::$name(kernel)
                }
            }
        )+

        impl Indicator {
            /// The names of its outputs, such as `MACD(12,26,9).signal`.
            pub fn names(&self) -> Vec<String> {
                match self {
                    $(Self::$name(kernel) => {
                        let label = kernel.label();
                        $name::SUFFIXES.iter().map(|suffix| format!("{label}{suffix}")).collect()
                    })+
                }
            }

            /// How many outputs it has.
            pub fn outputs(&self) -> usize {
                match self {
                    $(Self::$name(_) => $name::SUFFIXES.len(),)+
                }
            }

            /// How many bars come before its first value: the index of that value, from 0.
            pub fn lookback(&self) -> usize {
                match self {
                    $(Self::$name(kernel) => kernel.lookback(),)+
                }
            }

            pub(crate) fn update(&mut self, bar: &Bar, readings: &mut Readings) {
                match self {
                    $(Self::$name(kernel) => readings.push(kernel.update(bar)),)+
                }
            }

            pub(crate) fn peek(&self, bar: &Bar, readings: &mut Readings) {
                match self {
                    $(Self::$name(kernel) => readings.push(kernel.peek(bar)),)+
                }
            }

            pub(crate) fn encode(&self, writer: &mut Writer<'_>) {
                match self {
                    $(Self::$name(kernel) => {
                        writer.u8($kind);
                        kernel.encode(writer);
                    })+
                }
            }

            pub(crate) fn decode(reader: &mut Reader<'_>, bars: u64) -> Result<Self, StateError> {
                match reader.u8("the kind of an indicator")? {
                    $($kind => Ok(Self::$name(<$name as Kernel<_>>::decode(reader, bars)?)),)+
                    kind => Err(StateError::UnknownIndicator { kind }),
                }
            }
        }
    };
}

// The number stands for the indicator in saved states: never use one again for another.
indicators! {
    1 => Sma,
    2 => Ema,
    3 => Rsi,
    4 => Macd,
    5 => Bbands,
    6 => Atr,
}
