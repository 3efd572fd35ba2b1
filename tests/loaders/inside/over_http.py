"""
Tables over HTTP from a running server, with a token in a header: `served.json` says where and with what. Parquet is
read by ranges, so that a reader of one column fetches no others.
"""

import json
from pathlib import Path
from typing import Any

import datasets
import duckdb
import fsspec
import pandas
import polars
import pyarrow.parquet as pq

datasets.disable_progress_bars()


def load(files: Path) -> dict[str, Any]:
    served = json.loads((files / "served.json").read_text())
    headers, parquet, jsonl = served["headers"], served["parquet"], served["jsonl"]
    web = fsspec.filesystem("http", headers=headers)
    opened = {"storage_options": {"headers": headers}, "split": "train"}
    duckdb.register_filesystem(web)
    return {
        "pyarrow": pq.read_table(parquet, filesystem=web).to_pylist(),
        "pandas parquet": pandas.read_parquet(parquet, storage_options=headers)["id"].tolist(),
        "pandas jsonl": pandas.read_json(jsonl, lines=True, storage_options=headers)["id"].tolist(),
        "polars parquet": polars.read_parquet(web.open(parquet))["id"].to_list(),
        "polars jsonl": polars.read_ndjson(web.cat(jsonl))["id"].to_list(),
        "duckdb": [row[0] for row in duckdb.sql(f"select id from read_parquet('{parquet}')").fetchall()],
        "datasets parquet": datasets.load_dataset("parquet", data_files=parquet, **opened).to_list(),
        "datasets jsonl": datasets.load_dataset("json", data_files=jsonl, **opened).to_list(),
        "datasets streaming": [
            *datasets.load_dataset("parquet", data_files=parquet, streaming=True, **opened)
        ],
    }
