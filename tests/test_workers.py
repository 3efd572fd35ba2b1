"""
Real workers over a real broker, killed at random moments. Runs on the embedded default, or on PostgreSQL and Redis
when `tests/services.py run` has set their addresses.
"""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).resolve().parent.parent
KILLS = int(os.environ.get("WINNOW_TEST_KILLS", "1"))
ROWS = 210_000  # three shards, hence three parts to a stage
LEAK = "how many legs does a healthy adult spider normally have in all"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def environment(home):
    """A home of its own, with a database of its own where the server is shared."""
    own = os.environ | {
        "WINNOW_HOME": str(home),
        "WINNOW_SILENCE_SECONDS": "2",
        "WINNOW_LOG_LEVEL": "WARNING",
    }
    if url := os.environ.get("WINNOW_DATABASE_URL"):
        name = f"winnow_{uuid.uuid4().hex[:8]}"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        own["WINNOW_DATABASE_URL"] = f"{url.rpartition('/')[0]}/{name}"
    manage(own, "migrate", verbosity="0")
    return own


def command(*args, **options):
    flags = [part for key, value in options.items() for part in (f"--{key.replace('_', '-')}", str(value))]
    return [sys.executable, "manage.py", *map(str, args), *flags]


def manage(environment, *args, **options):
    done = subprocess.run(
        command(*args, **options), env=environment, cwd=ROOT, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def told(environment, *args, **options):
    return json.loads(manage(environment, *args, "--json", **options).splitlines()[-1])


@contextmanager
def workers(environment, number):
    """So many workers, in a list that a test may kill from and add to."""
    running = [_worker(environment) for _ in range(number)]
    try:
        yield running
    finally:
        for worker in running:
            worker.terminate()
        for worker in running:
            worker.wait(timeout=30)


def _worker(environment):
    name = f"w{uuid.uuid4().hex[:6]}"
    return subprocess.Popen(
        command("worker", name=name), env=environment, cwd=ROOT, stderr=subprocess.DEVNULL
    )


@pytest.fixture(scope="module")
def files(home):
    """A source of short rows, every thousandth of which quotes the benchmark, and the benchmark."""
    source, quiz = home / "source.jsonl", home / "quiz.jsonl"
    with source.open("w") as lines:
        for i in range(ROWS):
            text = f"question number {i} of many" + (f" {LEAK}" if i % 1000 == 0 else "")
            lines.write(json.dumps({"prompt": text, "completion": f"answer {i}"}) + "\n")
    quiz.write_text(json.dumps({"question": LEAK}) + "\n")
    return source, quiz


@pytest.fixture(scope="module")
def prepared(environment, files):
    """Imported, scanned, applied and mixed without any worker: the commands do the work themselves."""
    source, quiz = files
    told(environment, "import", source, name="base")
    told(environment, "benchmark", quiz, name="quiz")
    scan = told(environment, "scan", "base", against="quiz")
    assert (scan["matches"], scan["training_rows_hit"]) == (ROWS // 1000, ROWS // 1000)
    told(environment, "apply", scan["run"])
    recipe = Path(environment["WINNOW_HOME"]) / "recipe.yaml"
    recipe.write_text("name: mix\nseed: 1\ncomponents:\n- dataset: base-clean\n  fraction: 1.0\n")
    told(environment, "mix", recipe)
    return told(environment, "export", "mix")


def ask(environment, query):
    """The database of the workers, asked directly."""
    if url := environment.get("WINNOW_DATABASE_URL"):
        with psycopg.connect(url) as connection:
            return connection.execute(query).fetchall()
    with closing(
        sqlite3.connect(Path(environment["WINNOW_HOME"]) / "winnow.sqlite3", timeout=20)
    ) as connection:
        return connection.execute(query).fetchall()


def wait_for(environment, query, seconds=60):
    limit = time.monotonic() + seconds
    while not (rows := ask(environment, query)):
        assert time.monotonic() < limit, f"nothing came of: {query}"
        time.sleep(0.02)
    return rows


def at(seed, longest):
    """A moment after a part was taken, in seconds."""
    return random.Random(seed).uniform(0, longest)


def killed_at_random(environment, moment, *args, **options):
    """Run a command that hands its work to two workers; one that holds a part is killed at a random moment."""
    with workers(environment, 2) as running:
        wait_for(environment, "SELECT 1 FROM curation_worker")
        (before,) = ask(environment, "SELECT coalesce(max(id), 0) FROM curation_run")[0]
        client = subprocess.Popen(
            command(*args, "--json", **options), env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        held = f"SELECT worker FROM curation_part WHERE run_id > {before} AND status = 'running'"
        wait_for(environment, held)
        time.sleep(moment)
        pids = {int(name.partition(":")[2]) for (name,) in ask(environment, held)}
        victim = next((worker for worker in running if worker.pid in pids), running[0])
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        running[running.index(victim)] = _worker(environment)
        out, _ = client.communicate(timeout=240)
    assert client.returncode == 0, out
    made = json.loads(out)
    (tries,) = ask(environment, f"SELECT max(attempt) FROM curation_part WHERE run_id = {made['run']}")[0]
    return made, tries


def outputs(environment, run):
    """What became visible of a run; the causes of matches and what is common come with the matches."""
    named = "SELECT d.name, v.number FROM curation_version v JOIN curation_dataset d ON d.id = v.dataset_id"
    return [
        f"{name}@{number}"
        for name, number in ask(
            environment,
            f"{named} WHERE v.run_id = {run} AND d.kind NOT IN ('causes', 'common') ORDER BY v.id",
        )
    ]


def test_a_real_worker_over_the_real_broker_does_the_work(environment, prepared, files):
    with workers(environment, 1):
        wait_for(environment, "SELECT 1 FROM curation_worker")
        made = told(environment, "import", files[0], name="handed-over")
    listed = told(environment, "runs", made["run"])["runs"][0]
    assert (made["rows"], listed["status"]) == (ROWS, "done")


@pytest.mark.parametrize("seed", range(KILLS))
def test_killed_workers_leave_one_import(environment, prepared, files, seed):
    made, tries = killed_at_random(environment, at(seed, 6.0), "import", files[0], name=f"import-{seed}")
    assert made["rows"] == ROWS
    assert outputs(environment, made["run"]) == [f"import-{seed}@1"]
    manage(environment, "verify", f"import-{seed}")
    print(f"import {seed}: {tries} attempts")


@pytest.mark.parametrize("seed", range(KILLS))
def test_killed_workers_leave_one_scan(environment, prepared, seed):
    made, tries = killed_at_random(environment, at(seed, 0.6), "scan", "base", against="quiz")
    found = ROWS // 1000
    assert (made["matches"], made["training_rows_hit"], made["rows_read"]) == (found, found, ROWS)
    assert len(outputs(environment, made["run"])) == 1
    print(f"scan {seed}: {tries} attempts")


@pytest.mark.parametrize("seed", range(KILLS))
def test_killed_workers_leave_one_export_with_the_same_bytes(environment, prepared, seed):
    made, tries = killed_at_random(environment, at(seed, 1.2), "export", "mix")
    assert [file["sha256"] for file in made["files"]] == [file["sha256"] for file in prepared["files"]]
    assert ask(environment, f"SELECT count(*) FROM curation_export WHERE run_id = {made['run']}") == [(1,)]
    print(f"export {seed}: {tries} attempts")


@pytest.mark.parametrize("number", [1, 3])
def test_an_export_has_the_same_hash_with_one_worker_and_with_three(environment, prepared, number):
    recipe = Path(environment["WINNOW_HOME"]) / "recipe.yaml"
    with workers(environment, number):
        wait_for(environment, "SELECT 1 FROM curation_worker")
        told(environment, "mix", recipe)
        made = told(environment, "export", "mix")
    assert len(made["files"]) == 3
    assert [file["sha256"] for file in made["files"]] == [file["sha256"] for file in prepared["files"]]


def test_a_worker_that_is_told_to_stop_leaves_at_once_and_loses_nothing(environment, prepared, files):
    with workers(environment, 1) as running:
        wait_for(environment, "SELECT 1 FROM curation_worker")
        client = subprocess.Popen(
            command("import", files[0], "--json", name="interrupted"),
            env=environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        wait_for(environment, "SELECT 1 FROM curation_part WHERE status = 'running'")
        asked = time.monotonic()
        running[0].terminate()
        running[0].wait(timeout=20)
        assert time.monotonic() - asked < 15
        out, _ = client.communicate(timeout=240)
    assert client.returncode == 0 and json.loads(out)["rows"] == ROWS
