"""
Real workers over a real broker, killed at random moments. Runs on the embedded default, or on PostgreSQL and Redis
when `tests/services.py run` has set their addresses.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).resolve().parent.parent
KILLS = int(os.environ.get("WINNOW_TEST_KILLS", "3"))
ROWS = 24_000
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
    """A source of 24,000 rows, every hundredth of which quotes the benchmark, and the benchmark."""
    source, quiz = home / "source.jsonl", home / "quiz.jsonl"
    pick = random.Random(5)
    words = [f"word{i}" for i in range(5000)]
    with source.open("w") as lines:
        for i in range(ROWS):
            text = " ".join(pick.choices(words, k=60)) + (f" {LEAK}" if i % 100 == 0 else "")
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
    assert (scan["matches"], scan["training_rows_hit"]) == (ROWS // 100, ROWS // 100)
    told(environment, "apply", scan["run"])
    recipe = Path(environment["WINNOW_HOME"]) / "recipe.yaml"
    recipe.write_text("name: mix\nseed: 1\ncomponents:\n- dataset: base-clean\n  fraction: 1.0\n")
    told(environment, "mix", recipe)
    return told(environment, "export", "mix")


def killed_at_random(environment, moments, *args, **options):
    """Run a command that hands its work to two workers, one of which is killed at each of some moments."""
    with workers(environment, 2) as running:
        time.sleep(4)
        client = subprocess.Popen(
            command(*args, "--json", **options), env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for moment in moments:
            time.sleep(moment)
            victim = running.pop(0)
            victim.send_signal(signal.SIGKILL)
            victim.wait()
            running.append(_worker(environment))
        out, _ = client.communicate(timeout=240)
    assert client.returncode == 0, out
    return json.loads(out)


def outputs(environment, run):
    """What became visible of a run: the API's source of truth, asked in a process of its own."""
    code = (
        "import django; django.setup(); from curation.models import Version; "
        f"print([str(v) for v in Version.objects.filter(run={run}).order_by('role')])"
    )
    settings = environment | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=settings, cwd=ROOT, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_a_real_worker_over_the_real_broker_does_the_work(environment, prepared, files):
    with workers(environment, 1):
        time.sleep(5)
        made = told(environment, "import", files[0], name="handed-over")
    listed = told(environment, "runs", made["run"])["runs"][0]
    assert (made["rows"], listed["status"]) == (ROWS, "done")


@pytest.mark.parametrize("seed", range(KILLS))
def test_killed_workers_leave_one_import(environment, files, seed):
    moments = [random.Random(seed).uniform(1.5, 5)]
    made = killed_at_random(environment, moments, "import", files[0], name=f"import-{seed}")
    assert made["rows"] == ROWS
    assert outputs(environment, made["run"]) == f"['import-{seed}@1']"
    manage(environment, "verify", f"import-{seed}")


@pytest.mark.parametrize("seed", range(KILLS))
def test_killed_workers_leave_one_scan(environment, prepared, seed):
    moments = [random.Random(100 + seed).uniform(1.5, 5)]
    made = killed_at_random(environment, moments, "scan", "base", against="quiz")
    assert (made["matches"], made["training_rows_hit"], made["rows_read"]) == (ROWS // 100, ROWS // 100, ROWS)
    assert outputs(environment, made["run"]).count("@") == 1


@pytest.mark.parametrize("seed", range(KILLS))
def test_killed_workers_leave_one_export_with_the_same_bytes(environment, prepared, seed):
    moments = [random.Random(200 + seed).uniform(1.5, 5)]
    made = killed_at_random(environment, moments, "export", "mix")
    assert [file["sha256"] for file in made["files"]] == [file["sha256"] for file in prepared["files"]]


@pytest.mark.parametrize("number", [1, 3])
def test_an_export_has_the_same_hash_with_one_worker_and_with_three(environment, prepared, number):
    with workers(environment, number):
        time.sleep(5)
        recipe = Path(environment["WINNOW_HOME"]) / "recipe.yaml"
        told(environment, "mix", recipe)
        made = told(environment, "export", "mix")
    assert [file["sha256"] for file in made["files"]] == [file["sha256"] for file in prepared["files"]]
