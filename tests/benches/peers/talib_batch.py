"""A peer of the handler: orjson, pybase64, numpy and TA-Lib, which computes each symbol's last bars anew with every batch."""

import numpy as np
import orjson
import pybase64
import talib

from records import NAMES, SCHEMA, digest, key, serve

# How many bars before those of a batch are computed again. With 220, what is left of the seed of the slow average still
# shows in the signal line of a MACD, by more than a millionth.
HISTORY = 240


class Series:
    def __init__(self) -> None:
        self.bars = 0
        # Highs, lows, closes and volumes.
        self.window = np.empty((4, 0))
        self.obv = None
        self.day = None
        self.sums = 0.0, 0.0

    def update(self, bars: list[dict]) -> list[tuple]:
        count = len(bars)
        new = np.array([(bar["high"], bar["low"], bar["close"], bar["volume"]) for bar in bars], dtype=np.float64).T
        window = np.concatenate((self.window, new), axis=1)[:, -HISTORY - count :]
        self.window = window = np.ascontiguousarray(window)
        self.bars += count
        high, low, close, volume = window
        outputs = [
            talib.SMA(close, 20),
            talib.EMA(close, 20),
            talib.RSI(close, 14),
            *talib.MACD(close, 12, 26, 9),
            *talib.BBANDS(close, 20, 2.0, 2.0, 0),
            talib.ATR(high, low, close, 14),
            talib.ADX(high, low, close, 14),
            *talib.STOCH(high, low, close, 14, 3, 0, 3, 0),
        ]
        columns = [output[-count:].tolist() for output in outputs]
        columns.append(self.volumes(close, volume, count))
        columns.append(self.prices(bars, new))
        return list(zip(*columns))

    def volumes(self, close: np.ndarray, volume: np.ndarray, count: int) -> list[float]:
        """On-balance volume, which goes on where the batch before ended."""
        if self.obv is None:
            obv = talib.OBV(close, volume)
        else:
            obv = talib.OBV(close[-count - 1 :], volume[-count - 1 :])
            obv = obv[1:] - obv[0] + self.obv
        self.obv = obv[-1]
        return obv.tolist()

    def prices(self, bars: list[dict], new: np.ndarray) -> list[float]:
        """Volume-weighted average price of each day in UTC."""
        high, low, close, volume = new
        money = (high + low + close) / 3.0 * volume
        prices, begin = [], 0
        while begin < len(bars):
            day = bars[begin]["timestamp"][:10]
            if day != self.day:
                self.day, self.sums = day, (0.0, 0.0)
            end = len(bars)
            if bars[-1]["timestamp"][:10] != day:
                end = next(at for at in range(begin, end) if bars[at]["timestamp"][:10] != day)
            moneys = np.cumsum(money[begin:end]) + self.sums[0]
            volumes = np.cumsum(volume[begin:end]) + self.sums[1]
            prices += (moneys / volumes).tolist()
            self.sums, begin = (moneys[-1], volumes[-1]), end
        return prices


series: dict[str, Series] = {}


def line(bar: dict, bars: int, values: tuple, now: bytes) -> bytes:
    body = orjson.dumps(
        {
            "symbol": bar["symbol"],
            "interval": bar["interval"],
            "basis": bar["basis"],
            "freshness": bar["freshness"],
            "origin": bar["origin"],
            "bars": bars,
            "open": bar["open"],
            "high": bar["high"],
            "low": bar["low"],
            "close": bar["close"],
            "volume": bar["volume"],
            "values": dict(zip(NAMES, values)),
            "warming": [],
            "bars_of": {},
        }
    )[1:]
    head = f'{{"schema":"{SCHEMA}","key":"{key(bar)}","rev":0,'.encode()
    tail = f'"source":"{bar["source"]}","timestamp":"{bar["timestamp"]}",'.encode()
    id = digest(head + tail + body).encode()
    return b"".join((head, b'"id":"', id, b'",', tail, b'"ingested_at":"', now, b'","flags":[],', body))


def take(body: bytes, now: str) -> tuple[bytes, list[bytes], list[bytes]]:
    raw, groups, failures = [], {}, []
    for record in orjson.loads(body)["Records"]:
        kinesis = record["kinesis"]
        data = pybase64.b64decode(kinesis["data"], validate=True)
        bar = orjson.loads(data)
        if bar["schema"] != "bar.v1" or not bar["final"]:
            failures.append({"itemIdentifier": kinesis["sequenceNumber"]})
            continue
        raw.append(data)
        group = groups.get(bar["symbol"])
        if group is None:
            groups[bar["symbol"]] = [bar]
        else:
            group.append(bar)
    lines, at = [], now.encode()
    for symbol, bars in groups.items():
        one = series.get(symbol)
        if one is None:
            one = series[symbol] = Series()
        seen = one.bars
        for number, (bar, values) in enumerate(zip(bars, one.update(bars)), seen + 1):
            lines.append(line(bar, number, values, at))
    return orjson.dumps({"batchItemFailures": failures}), raw, lines


if __name__ == "__main__":
    serve(take)
