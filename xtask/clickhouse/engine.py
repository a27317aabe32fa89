"""ClickHouse's engine for `cargo xtask bench insights`: `engine.py FOLDER PARQUET`.

Loads the events of a Parquet file into a table with the sort key that product-analytics servers on
ClickHouse use, and says `ready`. Then it runs each line of its input as SQL, and prints what that
took: a line of JSON with the milliseconds of the processors (`cpu_ms`) and of the clock (`wall_ms`).
"""

import json
import resource
import sys
import time

from chdb import session

TABLE = """
CREATE TABLE bench.events (
    project_key Int64,
    id UUID,
    name LowCardinality(String),
    created_at DateTime64(3),
    device_id String,
    profile_id String,
    session_id String,
    path String,
    origin String,
    referrer String,
    referrer_name LowCardinality(String),
    referrer_type LowCardinality(String),
    revenue UInt64,
    duration UInt64,
    properties Map(String, String),
    country LowCardinality(String),
    region LowCardinality(String),
    city String,
    os LowCardinality(String),
    os_version LowCardinality(String),
    browser LowCardinality(String),
    browser_version LowCardinality(String),
    device LowCardinality(String),
    brand LowCardinality(String),
    model LowCardinality(String)
)
ENGINE = MergeTree
ORDER BY (project_key, toDate(created_at), profile_id, name)
"""


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main():
    folder, parquet = sys.argv[1:]
    engine = session.Session(folder)
    engine.query("CREATE DATABASE bench ENGINE = Atomic")
    engine.query(TABLE)
    columns = engine.query(
        "SELECT name FROM system.columns WHERE database = 'bench' ORDER BY position", "TSV"
    )
    columns = ", ".join(str(columns).split())
    engine.query(f"INSERT INTO bench.events SELECT {columns} FROM file('{parquet}', Parquet)")
    # What is asked is old enough to be merged.
    engine.query("OPTIMIZE TABLE bench.events FINAL")
    print("ready", flush=True)
    for line in sys.stdin:
        wall, cpu = time.perf_counter(), processor_seconds()
        engine.query(line)
        took = {
            "cpu_ms": (processor_seconds() - cpu) * 1e3,
            "wall_ms": (time.perf_counter() - wall) * 1e3,
        }
        print(json.dumps(took), flush=True)


main()
