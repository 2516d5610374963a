"""What the peers in Python share: how they are driven, identities, and packing.

A line of standard input is `PATH NOW`, with the file of an event and the market time; the answer is a line of JSON with
the processor time it took and what was written, and after `keep PATH NOW` also the last line of each symbol.
"""

import hashlib
import json
import sys
import time

SCHEMA = "indicator.v1"
RECORD_BYTES = 1000 * 1024
CALL_BYTES = 4 * 1024 * 1024
CALL_RECORDS = 500
# In the order in which they are written.
NAMES = (
    "SMA(20)",
    "EMA(20)",
    "RSI(14)",
    "MACD(12,26,9).macd",
    "MACD(12,26,9).signal",
    "MACD(12,26,9).hist",
    "BBANDS(20,2).upper",
    "BBANDS(20,2).middle",
    "BBANDS(20,2).lower",
    "ATR(14)",
    "ADX(14)",
    "STOCH(14,3,3).k",
    "STOCH(14,3,3).d",
    "OBV",
    "VWAP",
)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def key(bar: dict) -> str:
    """Which fact: the parts of its identity, each with its length in front."""
    names = ("source", "symbol", "timestamp", "interval", "basis", "freshness", "origin")
    parts = [part.encode() for part in (SCHEMA, *(bar[name] for name in names))]
    return digest(b"".join(len(part).to_bytes(8, "little") + part for part in parts))


class Sink:
    """A delivery stream in memory, which forgets what it is given unless it is told to keep it."""

    def __init__(self, keep: bool) -> None:
        self.bytes = 0
        self.kept = [] if keep else None

    def put_record_batch(self, records: list[bytes]) -> None:
        self.bytes += sum(map(len, records))
        if self.kept is not None:
            self.kept.extend(records)

    def last(self) -> dict | None:
        if self.kept is None:
            return None
        lines = b"".join(self.kept).decode().splitlines()
        return {json.loads(line)["symbol"]: line for line in lines}


def deliver(sink: Sink, lines: list[bytes]) -> None:
    """Packs lines into records, and records into calls."""
    records, total, begin, size = [], 0, 0, 0
    for at, line in enumerate([*lines, None]):
        if line is None or size + len(line) + 1 > RECORD_BYTES:
            record = b"\n".join(lines[begin:at]) + b"\n" if begin < at else b""
            if record:
                if len(records) == CALL_RECORDS or total + len(record) > CALL_BYTES:
                    sink.put_record_batch(records)
                    records, total = [], 0
                records.append(record)
                total += len(record)
            begin, size = at, 0
        if line is not None:
            size += len(line) + 1
    if records:
        sink.put_record_batch(records)


def serve(take) -> None:
    """`take` gets the bytes of an event and the time, and gives the answer's text, raw lines and new lines."""
    for command in sys.stdin:
        *keep, path, now = command.split()
        with open(path, "rb") as file:
            body = file.read()
        archive, indicators = Sink(False), Sink(bool(keep))
        begun = time.process_time()
        response, raw, lines = take(body, now)
        deliver(archive, raw)
        deliver(indicators, lines)
        taken = {"cpu_seconds": time.process_time() - begun, "archived": len(raw), "written": len(lines)}
        if json.loads(response) != {"batchItemFailures": []}:
            sys.exit(f"a batch failed: {response}")
        taken["last"] = indicators.last()
        print(json.dumps(taken), flush=True)
