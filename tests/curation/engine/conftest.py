"""Fixtures of the engine's tests."""

import pytest

from curation.engine.readers import find


@pytest.fixture
def put(tmp_path):
    """Write bytes or text under a name and return the SourceFile."""

    def write(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return find(str(path)).files[0]

    return write
