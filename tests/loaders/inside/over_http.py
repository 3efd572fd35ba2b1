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
from pyarrow.dataset import dataset

datasets.disable_progress_bars()
datasets.config.HF_HUB_OFFLINE = False  # it takes any address for the Hub's


def queried(web: Any, parquet: str) -> list[str]:
    """DuckDB's own reader of HTTP is a download, so it is handed what pyarrow reads."""
    table = duckdb.from_arrow(dataset(parquet, filesystem=web))
    return [row[0] for row in table.select("id").fetchall()]


def load(files: Path) -> dict[str, Any]:
    served = json.loads((files / "served.json").read_text())
    headers, parquet, jsonl = served["headers"], served["parquet"], served["jsonl"]
    web = fsspec.filesystem("http", headers=headers)
    opened = {"storage_options": {"headers": headers}, "split": "train"}
    return {
        "pyarrow": pq.read_table(parquet, filesystem=web).to_pylist(),
        "pandas parquet": pandas.read_parquet(parquet, storage_options=headers)["id"].tolist(),
        "pandas jsonl": pandas.read_json(jsonl, lines=True, storage_options=headers)["id"].tolist(),
        "polars parquet": polars.read_parquet(web.open(parquet))["id"].to_list(),
        "polars jsonl": polars.read_ndjson(web.cat(jsonl))["id"].to_list(),
        "duckdb": queried(web, parquet),
        "datasets parquet": datasets.load_dataset("parquet", data_files=parquet, **opened).to_list(),
        "datasets jsonl": datasets.load_dataset("json", data_files=jsonl, **opened).to_list(),
        "datasets streaming": [
            *datasets.load_dataset("parquet", data_files=parquet, streaming=True, **opened)
        ],
    }
