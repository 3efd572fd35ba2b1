import pytest

from curation import jobs
from tests.curation.counting import JOB, Count


@pytest.fixture
def start(project, user):
    """Start the toy job of `counting`."""
    return lambda **fields: jobs.start(JOB, project=project, config=Count(**fields), user=user)
