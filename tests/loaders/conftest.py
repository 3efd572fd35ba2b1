import fcntl
import json

import pytest

from tests.curation.engine.test_cards import export
from tests.loaders.mixture import written
from tests.loaders.publishing import lineage, offered, places, published
from tests.loaders.running import answers
from tests.services import serving

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


@pytest.fixture(scope="session")
def served(shared):
    """
    Real exports, with what their pages say in `served.json`. The readers read them from a server that runs as long as
    that takes; what they found is kept.
    """
    folder = shared / "served"
    with (shared / "served.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            folder.mkdir()
            export(folder / "described")
            secret, cookie = published(folder)
            with serving(folder, folder / "home") as (_, address, _):
                told = (
                    offered(address, cookie)
                    | lineage(address, secret, cookie)
                    | places(address, secret, folder)
                )
                told |= {"described": str(folder / "described")}
                (folder / "served.json").write_text(json.dumps(told))
                answers(("readers",), folder, shared, "snippets")
    return folder


@pytest.fixture(scope="session")
def over_network(served, shared):
    """What a reader found on the server."""

    def find(reader):
        answer = answers(("readers",), served, shared, "snippets")["readers"][reader]
        assert "failed" not in answer, answer["failed"]
        return answer

    return find


@pytest.fixture(scope="session")
def followed(served, shared):
    """What a trainer made of its snippets: `followed("newest", "snippets_trl")`."""

    def find(environment, trainer):
        answer = answers(TRAINERS, served, shared, "snippets")[environment][trainer]
        assert "failed" not in answer, answer["failed"]
        return answer

    return find
