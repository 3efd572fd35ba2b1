import pytest

from curation import jobs
from tests.curation.counting import JOB, Count
from tests.curation.registering import asked, lines
from tests.populating import finished


@pytest.fixture
def start(project, user):
    """Start the toy job of `counting`."""
    return lambda **fields: jobs.start(JOB, project=project, config=Count(**fields), user=user)


@pytest.fixture
def ended():
    return finished


@pytest.fixture
def root(settings, tmp_path):
    (tmp_path / "open").mkdir()
    settings.IMPORT_ROOTS = [tmp_path / "open"]
    (tmp_path / "open" / "quiz.jsonl").write_bytes(lines(asked(1), asked(2)))
    (tmp_path / "secret.jsonl").write_bytes(lines(asked(3)))
    return tmp_path / "open"
