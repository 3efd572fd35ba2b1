"""
Import of rows of about 1 kB from JSON lines: rows/s beside parsing alone, and peak memory at 1, 4 and 16 times the
rows.

    python bench/import_rows.py [--rows 1000000]

The import is the command that a user types, in a process of its own with an empty home; its peak memory is what the
kernel says. Parsing alone is orjson over the same lines in the same run.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson

ROOT = Path(__file__).resolve().parent.parent
LIMIT_MB = 700
GROWTH = 1.3
LINEAR = 1.35


def write_rows(path: Path, rows: int) -> None:
    pick = random.Random(7)
    words = [
        f"{a}{b}" for a in ("bar", "len", "mo", "sti", "ku") for b in ("ley", "til", "ss", "ck", "dzu", "na")
    ]
    bodies = [" ".join(pick.choices(words, k=75)) for _ in range(997)]
    with path.open("wb") as lines:
        for i in range(rows):
            turns = [
                {"role": "user", "content": f"{i} {bodies[i % 997]}"},
                {"role": "assistant", "content": f"{bodies[i * 31 % 997]} {i}"},
            ]
            lines.write(orjson.dumps({"id": f"row-{i}", "messages": turns}) + b"\n")


def parse(path: Path) -> float:
    start = time.perf_counter()
    with path.open("rb") as lines:
        for line in lines:
            orjson.loads(line)
    return time.perf_counter() - start


def run(*args: str, home: str) -> tuple[float, int]:
    """Seconds and peak memory (kB) of a command."""
    own = os.environ | {"WINNOW_HOME": home}
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "manage.py", *args], cwd=ROOT, env=own, stdout=subprocess.PIPE
    )
    text = process.stdout.read() if process.stdout else b""
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"manage.py {' '.join(args)} failed")
    if "--json" in args:
        assert json.loads(text)["rejected"] == 0
    return time.perf_counter() - start, usage.ru_maxrss


def measure(rows: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        write_rows(path, rows)
        size = path.stat().st_size
        parsed = parse(path)
        run("migrate", "--verbosity", "0", home=folder)
        empty, _ = run("runs", home=folder)
        seconds, peak = run("import", str(path), "--name", "rows", "--json", home=folder)
    return {"rows": rows, "MB": size / 1e6, "parse": parsed, "import": seconds - empty, "peak": peak / 1e3}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    most = parser.parse_args().rows
    found = [measure(rows) for rows in (most // 16, most // 4, most)]
    print(f"{'rows':>10} {'MB':>8} {'rows/s':>10} {'MB/s':>7} {'× parsing alone':>16} {'peak MB':>8}")
    for one in found:
        rate = one["rows"] / one["import"]
        ratio = one["import"] / one["parse"]
        print(
            f"{one['rows']:>10,} {one['MB']:>8,.0f} {rate:>10,.0f} {one['MB'] / one['import']:>7.1f} "
            f"{ratio:>16.1f} {one['peak']:>8,.0f}"
        )
    quarter, whole = found[1], found[2]
    bars = {
        f"peak memory below {LIMIT_MB} MB": whole["peak"] < LIMIT_MB,
        f"memory of 4 × the rows below {GROWTH} ×": whole["peak"] < GROWTH * quarter["peak"],
        f"time a row of 4 × the rows below {LINEAR} ×": whole["import"] / 4 < LINEAR * quarter["import"],
    }
    for bar, held in bars.items():
        print(f"{'pass' if held else 'FAIL'}  {bar}")
    return 0 if all(bars.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
