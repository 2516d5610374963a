"""The peer of the producer: records, partition key and JSON a line, go to a stream by boto3, 500 per call.

Usage: producer.py ENDPOINT FILE. What is measured is json.dumps and put_records, with the records at hand as
dictionaries: neither reading them nor what makes their keys, revisions and ids counts. Prints what it took.
"""

import json
import sys
import time

import boto3
from botocore.config import Config

BATCH = 500
WARM_UP = 20


def main(endpoint: str, path: str) -> None:
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t", 1) for line in file]
    records = [(key, json.loads(text)) for key, text in lines]
    client = boto3.client(
        "kinesis",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(proxies={}),
    )

    def send(batch: list[tuple[str, dict]]) -> None:
        entries = [
            {"Data": json.dumps(record, separators=(",", ":")).encode(), "PartitionKey": key} for key, record in batch
        ]
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
