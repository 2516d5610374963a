#!/usr/bin/env python3
"""Compares `kinetick indicators` with TA-Lib, from the first value on.

Usage: wheel.py [--seed N] [--bars N] [--kinetick FILE]. Makes series of bars from the seed, runs the binary and TA-Lib's
wheel on them with every indicator that both have, with the default and one other choice of parameters, and prints the
largest differences. Exit code 1 if an output begins at another bar, or differs by more than 1e-9 of
max(|value|, 0.01 of its root mean square).

Not compared, but counted, are values that TA-Lib's formula divides by nearly nothing for: where the denominator is less
than 1e-12 of its scale, its result is noise or a convention. RSI without any movement is one of these, 50 here and 0
there. CCI, MFI, ULTOSC and BBANDS are allowed what the rounding of TA-Lib's sums makes of them where they divide by little
after there was much. In exact arithmetic those values turn out nearer to ours.

Runs in an environment of its own, `.kinetick/venv-indicators`, which it makes from the lock file beside it.
"""

import argparse
import csv
import math
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VENV = ROOT / ".kinetick" / "venv-indicators"

TOLERANCE = 1e-9
# Under this part of its root mean square a value is measured as if it were that.
FLOOR = 0.01
# A denominator below this part of its scale says nothing.
NOTHING = 1e-12
# What rounding makes of a sum of some prices, and of the running sums that TA-Lib carries on.
SUM = 1e-15
RUNNING_SUM = 1e-14
# Outputs that one set can have are 128; no indicator has more than 4.
PER_RUN = 30

# For each indicator of TA-Lib: its parameters in the order of both, our default and another choice; then what is
# always given to TA-Lib.
INDICATORS = {
    "SMA": (["timeperiod"], (30,), (7,), {}),
    "EMA": (["timeperiod"], (30,), (7,), {}),
    "WMA": (["timeperiod"], (30,), (7,), {}),
    "RMA": (["timeperiod"], (30,), (7,), {}),
    "DEMA": (["timeperiod"], (30,), (7,), {}),
    "TEMA": (["timeperiod"], (30,), (7,), {}),
    "KAMA": (["timeperiod"], (30,), (10,), {}),
    "RSI": (["timeperiod"], (14,), (5,), {}),
    "CMO": (["timeperiod"], (14,), (5,), {}),
    "MACD": (["fastperiod", "slowperiod", "signalperiod"], (12, 26, 9), (5, 35, 4), {}),
    "APO": (["fastperiod", "slowperiod"], (12, 26), (5, 34), {"matype": 1}),
    "PPO": (["fastperiod", "slowperiod"], (12, 26), (5, 34), {"matype": 1}),
    "TRIX": (["timeperiod"], (30,), (7,), {}),
    "BBANDS": (["timeperiod", "nbdevup"], (20, 2), (50, 2.5), {}),
    "TRANGE": ([], (), None, {}),
    "ATR": (["timeperiod"], (14,), (5,), {}),
    "NATR": (["timeperiod"], (14,), (5,), {}),
    "DX": (["timeperiod"], (14,), (5,), {}),
    "ADX": (["timeperiod"], (14,), (5,), {}),
    "ADXR": (["timeperiod"], (14,), (5,), {}),
    "PLUS_DI": (["timeperiod"], (14,), (5,), {}),
    "MINUS_DI": (["timeperiod"], (14,), (5,), {}),
    "STOCH": (["fastk_period", "slowk_period", "slowd_period"], (14, 3, 3), (5, 4, 2), {}),
    "STOCHF": (["fastk_period", "fastd_period"], (5, 3), (14, 4), {}),
    "STOCHRSI": (["timeperiod", "fastk_period", "fastd_period"], (14, 5, 3), (7, 14, 4), {}),
    "WILLR": (["timeperiod"], (14,), (5,), {}),
    "CCI": (["timeperiod"], (14,), (20,), {}),
    "MFI": (["timeperiod"], (14,), (5,), {}),
    "OBV": ([], (), None, {}),
    "AD": ([], (), None, {}),
    "ADOSC": (["fastperiod", "slowperiod"], (3, 10), (5, 20), {}),
    # A session is ours alone; TA-Lib's is cumulative.
    "VWAP": ([], "cumulative", None, {}),
    "ROC": (["timeperiod"], (10,), (3,), {}),
    "ROCR": (["timeperiod"], (10,), (3,), {}),
    "MOM": (["timeperiod"], (10,), (3,), {}),
    "BOP": ([], (), None, {}),
    "AROON": (["timeperiod"], (14,), (25,), {}),
    "AROONOSC": (["timeperiod"], (14,), (25,), {}),
    "ULTOSC": (["timeperiod1", "timeperiod2", "timeperiod3"], (7, 14, 28), (5, 10, 20), {}),
    "MIDPOINT": (["timeperiod"], (14,), (5,), {}),
    "MIDPRICE": (["timeperiod"], (14,), (5,), {}),
    "SAR": (["acceleration", "maximum"], (0.02, 0.2), (0.05, 0.4), {}),
}


def prepare() -> None:
    """Goes on in the environment of the lock file, which is made anew when the file changed."""
    lock = (HERE / "requirements.txt").read_bytes()
    python, stamp = VENV / "bin" / "python", VENV / "kinetick-stamp"
    if Path(sys.prefix).resolve() == VENV.resolve():
        return
    if not (python.exists() and stamp.exists() and stamp.read_bytes() == lock):
        print(f"making a Python environment for TA-Lib in `{VENV.relative_to(ROOT)}`", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
        options = ["--quiet", "--no-input", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:"]
        pip = [str(python), "-m", "pip", "install", *options, "--requirement", str(HERE / "requirements.txt")]
        subprocess.run(pip, check=True)
        stamp.write_bytes(lock)
    os.execv(python, [str(python), __file__, *sys.argv[1:]])


def series(seed: int, bars: int):
    """Named series of bars. Each goes through the shapes in turn, at its own level of prices."""
    for name, level, step in (("100", 100.0, 1e-2), ("1e-8", 1e-8, 1e-2), ("1e5", 1e5, 1e-4)):
        yield name, walk(numpy.random.default_rng([seed, len(name)]), bars, level, step)
    misprinted = walk(numpy.random.default_rng([seed, 99]), bars, 100.0, 1e-2)
    at = bars // 3
    for field in ("high", "close"):
        misprinted[field][at] *= 100.0
    yield "misprint", misprinted


def walk(random, bars: int, level: float, step: float) -> dict:
    """Bars of one level; `step` is the part of the price that it moves by."""
    moves = random.normal(0.0, 1.0, bars)
    spread = numpy.abs(random.normal(0.0, 0.5, (2, bars)))
    volume = random.integers(0, 1_000_000, bars).astype(float)
    close, opened = numpy.empty(bars), numpy.empty(bars)
    price, begin = level, 0
    shapes = ["walk", "trend", "flat", "silent", "gaps", "dashes", "steps", "fall"]
    while begin < bars:
        shape, length = shapes[random.integers(len(shapes))], int(random.integers(20, 400))
        part = slice(begin, begin + length)
        if shape == "trend":
            moves[part] = numpy.abs(moves[part])
        elif shape == "fall":
            moves[part] = -numpy.abs(moves[part])
        elif shape == "flat":
            moves[part], spread[:, part] = 0.0, 0.0
        elif shape == "silent":
            volume[part] = 0.0
        elif shape == "dashes":
            spread[:, part] = 0.0
        elif shape == "steps":
            moves[part] = numpy.round(moves[part])
        for index in range(begin, min(begin + length, bars)):
            # The pull keeps it near its level.
            pull = 0.002 * math.log(level / price) if moves[index] else 0.0
            gap = 20.0 * random.normal() if shape == "gaps" and random.random() < 0.05 else 0.0
            opened[index] = price * (1.0 + step * gap)
            price = opened[index] * (1.0 + step * moves[index] + pull)
            close[index] = price if shape != "dashes" else opened[index]
        begin += length
    high = numpy.maximum(opened, close) * (1.0 + step * spread[0])
    low = numpy.minimum(opened, close) * (1.0 - step * spread[1])
    return {"open": opened, "high": high, "low": low, "close": close, "volume": volume}


def write(path: Path, bars: dict) -> None:
    columns = ["open", "high", "low", "close", "volume"]
    with path.open("w", encoding="ascii") as file:
        file.write("timestamp," + ",".join(columns) + "\n")
        for index, row in enumerate(zip(*(bars[column].tolist() for column in columns))):
            file.write(f"{60 * index}," + ",".join(map(repr, row)) + "\n")


def ours(kinetick: Path, path: Path, texts: list[str]) -> dict:
    """The values by the names of the columns, NaN where there is none."""
    values = {}
    for begin in range(0, len(texts), PER_RUN):
        command = [str(kinetick), "indicators", "--set", ",".join(texts[begin : begin + PER_RUN]), "--input", str(path)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit(f"error: `{' '.join(command)}` ended with {done.returncode}")
        rows = csv.reader(done.stdout.splitlines())
        names = next(rows)[1:]
        table = numpy.array([[float(cell) if cell else numpy.nan for cell in row[1:]] for row in rows])
        values.update(zip(names, table.T))
    return values


def theirs(name: str, parameters: dict, bars: dict) -> dict:
    """TA-Lib's values by its names of the outputs."""
    function = talib.abstract.Function(name)
    values = function(bars, **parameters)
    values = values if isinstance(values, (list, tuple)) else [values]
    return dict(zip(function.info["output_names"], map(numpy.asarray, values)))


def column(text: str, output: str, values: dict) -> str:
    """Our column for TA-Lib's output: `macdsignal` is `.signal`, `slowk` is `.k`, `upperband` is `.upper`."""
    if text in values:
        return text
    suffixes = [name[len(text) + 1 :] for name in values if name.startswith(text + ".")]
    for same in (output.__eq__, output.endswith, output.startswith):
        for suffix in suffixes:
            if same(suffix):
                return f"{text}.{suffix}"
    sys.exit(f"error: `{text}` has no output for TA-Lib's `{output}`, but {suffixes}")


def highest(values, window: int):
    return rolling(values, window, numpy.max)


def lowest(values, window: int):
    return rolling(values, window, numpy.min)


def total(values, window: int):
    return rolling(values, window, numpy.sum)


def rolling(values, window: int, of):
    return of(windows(values, window), axis=1)


def windows(values, window: int):
    """The last so many values at each bar; before there are as many, the first one stands for those that lack."""
    filled = numpy.concatenate([numpy.full(window - 1, values[0]), values])
    return numpy.lib.stride_tricks.sliding_window_view(filled, window)


def wilder(values, period: int):
    """Sums that decay as Wilder's do."""
    decayed, result = 0.0, numpy.empty(len(values))
    for index, value in enumerate(values):
        decayed = decayed * (1.0 - 1.0 / period) + value
        result[index] = decayed
    return result


def changes(values):
    return numpy.diff(values, prepend=values[0])


def true_range(bars: dict):
    before = numpy.concatenate([bars["close"][:1], bars["close"][:-1]])
    return numpy.maximum(bars["high"], before) - numpy.minimum(bars["low"], before)


def typical_price(bars: dict):
    return (bars["high"] + bars["low"] + bars["close"]) / 3.0


def deviations(values, period: int):
    """Of the last value of each window, and of all its values on average, from its mean."""
    each = windows(values, period)
    distances = numpy.abs(each - each.mean(axis=1)[:, None])
    return distances[:, -1], distances.mean(axis=1)


def money_flows(bars: dict):
    typical = typical_price(bars)
    return numpy.where(numpy.abs(changes(typical)) > NOTHING * typical, typical * bars["volume"], 0.0)


def rounding(name: str, parameters: tuple, bars: dict):
    """How far the rounding of TA-Lib's sums alone may carry its values."""
    with numpy.errstate(divide="ignore", invalid="ignore"):
        if name == "CCI":
            typical = typical_price(bars)
            last, mean = deviations(typical, parameters[0])
            return numpy.nan_to_num(SUM * typical / (0.015 * mean) * (1.0 + last / mean), posinf=0.0)
        if name == "MFI":
            flows = money_flows(bars)
            largest = numpy.maximum.accumulate(flows)
            return numpy.nan_to_num(100.0 * RUNNING_SUM * largest / total(flows, parameters[0]), posinf=0.0)
        if name == "ULTOSC":
            ranges = true_range(bars)
            largest = numpy.maximum.accumulate(ranges)
            return numpy.nan_to_num(100.0 * SUM * largest / total(ranges, min(parameters)), posinf=0.0)
        if name == "BBANDS":
            # For 32 windows TA-Lib's sum of squares remembers how far prices were, most of all in a misprint. In a
            # window without movement nothing is allowed.
            period, bands = parameters
            close = bars["close"]
            far = highest(close, 32 * period) - lowest(close, 32 * period)
            last = numpy.std(windows(close, period), axis=1)
            return numpy.where(last > TOLERANCE * close, bands * RUNNING_SUM * far**2 / (2.0 * last), 0.0)
    return numpy.zeros(len(bars["close"]))


def exempt(name: str, parameters: tuple, bars: dict):
    """Where the formula's denominator is nearly nothing, and for how long that stays in what is made of it."""
    high, low, close = bars["high"], bars["low"], bars["close"]
    typical = typical_price(bars)

    def nothing(denominator, scale):
        return denominator <= NOTHING * scale

    def since(where, bars_after: int):
        return highest(where.astype(float), bars_after + 1) > 0.0

    def no_movement(period):
        return nothing(wilder(numpy.abs(changes(close)), period), close)

    def no_range(period):
        return nothing(highest(high, period) - lowest(low, period), highest(high, period))

    period = parameters[0] if parameters and name != "VWAP" else None
    if name in ("RSI", "CMO"):
        return no_movement(period)
    if name == "STOCHRSI":
        rsi = theirs("RSI", {"timeperiod": period}, bars)["real"]
        rsi = numpy.where(no_movement(period) | numpy.isnan(rsi), 50.0, rsi)
        range_of_rsi = highest(rsi, parameters[1]) - lowest(rsi, parameters[1])
        unsure = since(no_movement(period), parameters[1] - 1)
        return since(unsure | nothing(range_of_rsi, 100.0), parameters[2] - 1)
    if name == "STOCH":
        return since(no_range(period), parameters[1] + parameters[2] - 2)
    if name == "STOCHF":
        return since(no_range(period), parameters[1] - 1)
    if name == "WILLR":
        return no_range(period)
    if name == "CCI":
        return nothing(deviations(typical, period)[1], typical)
    if name == "MFI":
        flows = money_flows(bars)
        return nothing(total(flows, period), typical)
    if name in ("PLUS_DI", "MINUS_DI", "DX", "ADX", "ADXR"):
        ranges = nothing(wilder(true_range(bars), period), close)
        if name in ("PLUS_DI", "MINUS_DI"):
            return ranges
        up, down = changes(high), -changes(low)
        moved = numpy.where((up > down) & (up > 0), up, 0.0) + numpy.where((down > up) & (down > 0), down, 0.0)
        without = ranges | nothing(wilder(moved, period), wilder(true_range(bars), period))
        # ADX takes it over for good, with a weight that decays.
        return without if name == "DX" else since(without, 30 * period)
    if name == "ULTOSC":
        return nothing(total(true_range(bars), min(parameters)), close)
    if name == "BOP":
        return nothing(high - low, high)
    return numpy.zeros(len(close), bool)


class Report:
    """The largest differences, an output a line."""

    def __init__(self) -> None:
        self.worst: dict[str, tuple[float, str, int]] = {}
        self.exempted: dict[str, int] = {}
        self.compared = 0
        self.violations: list[str] = []

    def compare(self, name: str, where: str, our, their, exempted, allowed) -> None:
        def first(values):
            return int(numpy.argmax(~numpy.isnan(values))) if not numpy.isnan(values).all() else None

        if first(our) != first(their):
            self.violations.append(f"{name}, {where}: the first value is at {first(our)}, TA-Lib's at {first(their)}")
            return
        begin = first(their)
        self.compared += len(their)
        if begin is None:
            return
        our, their, exempted, allowed = our[begin:], their[begin:], exempted[begin:], allowed[begin:]
        finite = their[numpy.isfinite(their)]
        scale = numpy.maximum(numpy.abs(their), FLOOR * math.sqrt(numpy.mean(finite**2)))
        with numpy.errstate(divide="ignore", invalid="ignore"):
            difference = numpy.maximum(numpy.abs(our - their) - allowed, 0.0)
            relative = numpy.where(difference == 0.0, 0.0, difference / scale)
        # What is no number on one side only is as wrong as can be.
        relative = numpy.where(numpy.isnan(relative), numpy.inf, relative)
        self.exempted[name] = self.exempted.get(name, 0) + int((exempted & (relative > TOLERANCE)).sum())
        relative = numpy.where(exempted, 0.0, relative)
        at = int(relative.argmax())
        if relative[at] > self.worst.get(name, (-1.0, "", 0))[0]:
            self.worst[name] = (float(relative[at]), where, at + begin)
        if relative[at] > TOLERANCE:
            count = int((relative > TOLERANCE).sum())
            self.violations.append(
                f"{name}, {where}: {count} differ by more than {TOLERANCE:g}, most at bar {at + begin}: "
                f"{our[at]!r}, TA-Lib says {their[at]!r}"
            )

    def show(self) -> int:
        print(f"{'output':<28} {'largest':>9}  {'series':<13} {'bar':>6}  exempt")
        for name, (worst, where, at) in self.worst.items():
            print(f"{name:<28} {worst:9.1e}  {where:<13} {at:>6}  {self.exempted[name] or '-'}")
        for violation in self.violations:
            print(f"violation: {violation}")
        print(f"{self.compared} values of {len(self.worst)} outputs compared, {len(self.violations)} violations")
        return 1 if self.violations else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="compare the indicators with TA-Lib's")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bars", type=int, default=20_000)
    target = Path(os.environ.get("CARGO_TARGET_DIR", "target"))
    parser.add_argument("--kinetick", type=Path, default=ROOT / target / "debug" / "kinetick")
    arguments = parser.parse_args()
    kinetick = shutil.which(arguments.kinetick)
    if kinetick is None:
        sys.exit(f"error: there is no `{arguments.kinetick}`: build it, `cargo build -p cli`")

    listed = subprocess.run([kinetick, "indicators", "--list"], stdout=subprocess.PIPE, text=True, check=True).stdout
    known = {line.split()[0] for line in listed.splitlines() if line.strip()}
    version = f"TA-Lib {talib.__version__}, C {talib.__ta_version__.decode().split()[0]}"
    print(f"{version}, seed {arguments.seed}, {arguments.bars} bars a series")
    absent = [name for name in INDICATORS if name not in known]
    if absent:
        print(f"not compared, since `kinetick indicators --list` does not have them: {', '.join(absent)}")

    cases = []
    for name, (names, default, other, always) in INDICATORS.items():
        for values in (default, other):
            if name in absent or values is None:
                continue
            values = (values,) if isinstance(values, str) else values
            text = f"{name}({','.join(map(str, values))})" if values else name
            parameters = {**dict(zip(names, values)), **always}
            if name == "BBANDS":
                parameters["nbdevdn"] = parameters["nbdevup"] = float(parameters["nbdevup"])
            cases.append((name, text, values, parameters))

    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        for where, bars in series(arguments.seed, arguments.bars):
            path = Path(folder) / "bars.csv"
            write(path, bars)
            values = ours(Path(kinetick), path, [text for _, text, _, _ in cases])
            for name, text, choice, parameters in cases:
                exempted, allowed = exempt(name, choice, bars), rounding(name, choice, bars)
                for output, their in theirs(name, parameters, bars).items():
                    our = column(text, output, values)
                    report.compare(our, where, values[our], their, exempted, allowed)
    return report.show()


if __name__ == "__main__":
    prepare()
    # Only the environment has them.
    import numpy
    import talib
    import talib.abstract

    sys.exit(main())
