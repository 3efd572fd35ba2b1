import fcntl

import pytest

from tests.loaders.mixture import written
from tests.loaders.running import answers

TRAINERS = ("newest", "bounded")


def pytest_collection_modifyitems(items):
    for item in items:
        if "loaders" in item.path.parts:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """One folder for all test processes of a session."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if base.name.startswith("popen-") else base


@pytest.fixture(scope="session")
def exported(shared):
    """The files of every profile, written by whichever test process asks first."""
    folder = shared / "exported"
    with (shared / "exported.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return folder if folder.exists() else written(folder)


@pytest.fixture(scope="session")
def found(exported, shared):
    """What a loader found: `found("newest", "with_trl")`; a loader that failed fails the test with its traceback."""

    def find(environment, loader):
        answer = answers(TRAINERS, exported, shared)[environment][loader]
        assert "failed" not in answer, answer["failed"]
        return answer

    return find
