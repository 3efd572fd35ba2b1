"""
One download over one connection: the range view of the real server beside nginx sending the same file, in one run.

    python bench/range.py [--megabytes 256] [--rounds 9]

Both send to the same reader (curl, which throws away what it gets), by turns; the ratio is that of the medians. Winnow
checks a token, the export and the range before each download, nginx nothing at all. Needs curl and nginx.
"""

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.services import ROOT, find, nginx, serving

BAR = 0.5
ROW = 1 << 20
FILE = "sft_messages/data/train-00000-of-00001.jsonl"
TOKEN = """
from django.contrib.auth import get_user_model
from curation.models import Project, Token
person = get_user_model().objects.create_user("reader", is_superuser=True)
print("told:", Token.objects.issue(Project.objects.get(), "bench", ["export"], days=1, by=person)[1])
"""


@dataclass
class Contest:
    """What is asked of both, and how fast each answered, in MB/s."""

    ours: str
    theirs: str
    secret: str
    speeds: dict[str, list[float]] = field(default_factory=dict)

    def round(self, headers: list[str], status: str) -> None:
        for name, url in (("Winnow", self.ours), ("nginx", self.theirs)):
            token = ["-H", f"Authorization: Bearer {self.secret}"] if name == "Winnow" else []
            told = "%{http_code} %{speed_download}"
            run = ["curl", "-sS", "-o", "/dev/null", "-w", told, *token, *headers, url]
            code, speed = subprocess.run(run, capture_output=True, text=True, check=True).stdout.split()
            assert code == status, f"{name} answered {code}"
            self.speeds.setdefault(name, []).append(float(speed) / 1e6)


def manage(home: Path, *arguments: str) -> str:
    run, own = [sys.executable, "manage.py", *arguments], os.environ | {"WINNOW_HOME": str(home)}
    return subprocess.run(run, cwd=ROOT, env=own, capture_output=True, text=True, check=True).stdout


def publish(folder: Path, megabytes: int) -> str:
    """An export of that size in one file; the secret of a token that reads it."""
    home, dice = folder / "home", random.Random(3)
    with (folder / "rows.jsonl").open("w") as file:
        for number in range(megabytes):
            answer = {"role": "assistant", "content": dice.randbytes(ROW // 2).hex()}
            file.write(json.dumps({"messages": [{"role": "user", "content": str(number)}, answer]}) + "\n")
    (folder / "mix.yaml").write_text("name: mix\nseed: 1\ncomponents:\n- dataset: rows\n  fraction: 1.0\n")
    manage(home, "import", str(folder / "rows.jsonl"), "--name", "rows", "--licence", "mit")
    manage(home, "mix", str(folder / "mix.yaml"))
    manage(
        home, "export", "mix", "--profile", "sft_messages", "--format", "jsonl", "--override", "a benchmark"
    )
    return re.findall(r"told: (\S+)", manage(home, "shell", "-c", TOKEN))[0]


def measure(what: str, contest: Contest, rounds: int, headers: list[str], status: str) -> bool:
    contest.speeds.clear()
    contest.round(headers, status)
    contest.speeds.clear()
    for _ in range(rounds):
        contest.round(headers, status)
    ours, theirs = (statistics.median(contest.speeds[name]) for name in ("Winnow", "nginx"))
    verdict = "pass" if ours / theirs >= BAR else "FAIL"
    print(f"{what:24} {ours:>8,.0f} {theirs:>8,.0f} {ours / theirs:>6.2f}   at least {BAR}: {verdict}")
    return verdict == "pass"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args()
    if not find("nginx"):
        sys.exit("This needs nginx; tests/services.py install puts it there.")
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        secret = publish(folder, asked.megabytes)
        (file,) = (folder / "home" / "store").rglob("train-00000-of-00001.jsonl")
        size = file.stat().st_size
        _, address, _ = running.enter_context(serving(folder, folder / "home"))
        beside = running.enter_context(nginx(folder, f"location / {{ root {file.parent}; }}"))
        ours = f"{address}/api/v1/projects/default/exports/mix/1/files/{FILE}"
        contest = Contest(ours, f"{beside}/{file.name}", secret)
        print(f"{'one connection':24} {'MB/s':>8} {'nginx':>8} {'ratio':>6}")
        whole = measure(f"whole, {size / 1e6:,.0f} MB", contest, asked.rounds, [], "200")
        half = ["-H", f"Range: bytes={size // 2}-"]
        rest = measure("its second half", contest, asked.rounds, half, "206")
    return 0 if whole and rest else 1


if __name__ == "__main__":
    sys.exit(main())
