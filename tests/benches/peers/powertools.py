"""A peer of the handler: Powertools for AWS Lambda with its batch processor, json, and talipp's incremental indicators."""

import json

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.kinesis_stream_event import KinesisStreamRecord
from talipp.indicators import ADX, ATR, BB, EMA, MACD, OBV, RSI, SMA, VWAP, Stoch
from talipp.ohlcv import OHLCV

from records import NAMES, SCHEMA, digest, key, serve

dumps = json.JSONEncoder(separators=(",", ":")).encode


class Series:
    def __init__(self) -> None:
        self.bars = 0
        self.day = None
        self.closes = SMA(20), EMA(20), RSI(14), MACD(12, 26, 9), BB(20, 2)
        # talipp's own smoothing is the slow %K; the slow %D is its average.
        self.ohlcv = ATR(14), ADX(14, 14), Stoch(14, 3), OBV()
        self.slow_d = SMA(3)
        self.vwap = VWAP()

    def update(self, bar: dict) -> list:
        self.bars += 1
        close = bar["close"]
        ohlcv = OHLCV(bar["open"], bar["high"], bar["low"], close, bar["volume"])
        if bar["timestamp"][:10] != self.day:
            self.day, self.vwap = bar["timestamp"][:10], VWAP()
        for indicator in self.closes:
            indicator.add(close)
        for indicator in self.ohlcv:
            indicator.add(ohlcv)
        self.vwap.add(ohlcv)
        sma, ema, rsi, macd, bands = (indicator[-1] for indicator in self.closes)
        atr, adx, stoch, obv = (indicator[-1] for indicator in self.ohlcv)
        slow_k = stoch and stoch.d
        if slow_k is not None:
            self.slow_d.add(slow_k)
        slow_d = self.slow_d[-1] if len(self.slow_d) else None
        macd = (macd.macd, macd.signal, macd.histogram) if macd else (None,) * 3
        bands = (bands.ub, bands.cb, bands.lb) if bands else (None,) * 3
        return [sma, ema, rsi, *macd, *bands, atr, adx and adx.adx, slow_k, slow_d, obv, self.vwap[-1]]


processor = BatchProcessor(event_type=EventType.KinesisDataStreams)
series: dict[str, Series] = {}


def line(bar: dict, bars: int, values: list, now: str) -> bytes:
    source, timestamp = bar["source"], bar["timestamp"]
    names = ("symbol", "interval", "basis", "freshness", "origin")
    body = {name: bar[name] for name in names} | {"bars": bars}
    body |= {name: bar[name] for name in ("open", "high", "low", "close", "volume")}
    body = dumps(body | {"values": dict(zip(NAMES, values)), "warming": [], "bars_of": {}})[1:]
    head = f'{{"schema":"{SCHEMA}","key":"{key(bar)}","rev":0,'
    tail = f'"source":"{source}","timestamp":"{timestamp}",'
    id = digest(f"{head}{tail}{body}".encode())
    return f'{head}"id":"{id}",{tail}"ingested_at":"{now}","flags":[],{body}'.encode()


def take(body: bytes, now: str) -> tuple[str, list[bytes], list[bytes]]:
    raw, groups = [], {}

    def record_handler(record: KinesisStreamRecord) -> None:
        data = record.kinesis.data_as_bytes()
        bar = json.loads(data)
        if bar["schema"] != "bar.v1" or not bar["final"]:
            raise ValueError("not a final bar")
        groups.setdefault(bar["symbol"], []).append(bar)
        raw.append(data)

    response = process_partial_response(json.loads(body), record_handler, processor)
    lines = []
    for symbol, bars in groups.items():
        one = series.get(symbol)
        if one is None:
            one = series[symbol] = Series()
        for bar in bars:
            values = one.update(bar)
            lines.append(line(bar, one.bars, values, now))
    return dumps(response), raw, lines


if __name__ == "__main__":
    serve(take)
