"""The peer of the producer: the same records go to a stream by boto3, 500 per call.

Usage: producer.py HOW ENDPOINT FILE, with a record a line in FILE: partition key, tab, JSON. HOW is one of

- `whole`: each record is made from its fact, as the producer makes it: key, id and partition key by hashlib, texts by
  json.dumps. The bytes are compared with those in FILE before anything is measured.
- `ready`: the records lie there as dictionaries, and only json.dumps and put_records count.

Prints what it took.
"""

import hashlib
import json
import sys
import time

import boto3
from botocore.config import Config

BATCH = 500
WARM_UP = 20
IDENTITY = ("key", "rev", "id", "ingested_at", "flags")
INGESTED_AT = "2026-11-20T17:00:02.250Z"

dumps = json.JSONEncoder(separators=(",", ":")).encode


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def shard(text: str) -> int:
    return int(hashlib.md5(text.encode()).hexdigest()[:8], 16) % 100


def whole(fact: dict) -> tuple[str, bytes]:
    """Partition key and bytes of the record of a fact."""
    schema, source, timestamp = fact["schema"], fact["source"], fact["timestamp"]
    symbol = fact["symbol"]
    interval = fact.get("interval", "1day" if schema == "quote.v1" else "")
    parts = (schema, source, symbol, timestamp, interval, fact.get("basis", ""), fact["freshness"], fact["origin"])
    encoded = [part.encode() for part in parts]
    key = digest(b"".join(len(part).to_bytes(8, "little") + part for part in encoded))
    body = dumps({name: value for name, value in fact.items() if name not in ("schema", "source", "timestamp")})[1:]
    head = f'{{"schema":"{schema}","key":"{key}","rev":0,'
    tail = f'"source":"{source}","timestamp":"{timestamp}",'
    id = digest(f"{head}{tail}{body}".encode())
    text = f'{head}"id":"{id}",{tail}"ingested_at":"{INGESTED_AT}","flags":[],{body}'
    if schema == "rate.v1":
        return f"crypto_{fact['base']}_{shard(timestamp)}", text.encode()
    return f"symbol_{symbol}_{shard(symbol)}", text.encode()


def ready(record: tuple[str, dict]) -> tuple[str, bytes]:
    return record[0], dumps(record[1]).encode()


def main(how: str, endpoint: str, path: str) -> None:
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t", 1) for line in file]
    records = [(key, json.loads(text)) for key, text in lines]
    make = {"whole": whole, "ready": ready}[how]
    if how == "whole":
        records = [{name: value for name, value in record.items() if name not in IDENTITY} for _, record in records]
    for record, (key, text) in zip(records, lines, strict=True):
        if make(record) != (key, text.encode()):
            sys.exit(f"made {make(record)} instead of {text}")
    client = boto3.client(
        "kinesis",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(proxies={}),
    )

    def send(batch: list) -> None:
        entries = [{"Data": data, "PartitionKey": key} for key, data in map(make, batch)]
        answer = client.put_records(StreamName="bench", Records=entries)
        if answer["FailedRecordCount"] or len(answer["Records"]) != len(batch):
            sys.exit(f"{answer['FailedRecordCount']} records of a call failed")

    batches = [records[at : at + BATCH] for at in range(0, len(records), BATCH)]
    for batch in batches[:WARM_UP]:
        send(batch)
    begun, used = time.perf_counter(), time.process_time()
    for batch in batches:
        send(batch)
    taken = {
        "records": len(records),
        "wall_seconds": time.perf_counter() - begun,
        "cpu_seconds": time.process_time() - used,
    }
    print(json.dumps(taken))


if __name__ == "__main__":
    main(*sys.argv[1:])
