import os
import stat
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import environment

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def start(tmp_path, **variables):
    """What a start with these variables says."""
    own = {**os.environ, "WINNOW_HOME": str(tmp_path), **variables}
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, env=own, capture_output=True, text=True
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("WINNOW_DEBUG", "maybe", "WINNOW_DEBUG is 'maybe'; use true or false."),
        ("WINNOW_SILENCE_SECONDS", "soon", "WINNOW_SILENCE_SECONDS is 'soon'; it must be a number."),
        ("WINNOW_SILENCE_SECONDS", "0", "WINNOW_SILENCE_SECONDS is 0; it must lie between 1 and 3600."),
        ("WINNOW_SECRET_KEY", "short", "WINNOW_SECRET_KEY has 5 characters; use at least 32 random ones."),
        (
            "WINNOW_DATABASE_URL",
            "mysql://x/y",
            "WINNOW_DATABASE_URL must begin with sqlite:/// or postgresql://.",
        ),
        (
            "WINNOW_BROKER_URL",
            "amqp://x",
            "WINNOW_BROKER_URL must begin with filesystem://, redis:// or rediss://.",
        ),
        (
            "WINNOW_BROKER_URL",
            "filesystem:///etc/passwd",
            "WINNOW_BROKER_URL: /etc/passwd/messages cannot be used",
        ),
        (
            "WINNOW_STORE",
            "/etc/passwd",
            "WINNOW_STORE: /etc/passwd cannot be used as a folder (File exists).",
        ),
        ("WINNOW_STORE", "foo://x", "WINNOW_STORE is 'foo://x'; no store of that kind is known."),
        ("WINNOW_TIME_ZONE", "Mars/X", "WINNOW_TIME_ZONE is 'Mars/X'; use a name such as Europe/Berlin."),
        ("WINNOW_WORKERS", "1.5", "WINNOW_WORKERS is 1.5; it must be a whole number."),
        ("WINNOW_TRUSTED_ORIGINS", "foo", "WINNOW_TRUSTED_ORIGINS: foo must begin with http:// or https://."),
        ("WINNOW_LOG_LEVEL", "loud", "WINNOW_LOG_LEVEL is 'LOUD'; use one of DEBUG, ERROR, INFO, WARNING."),
    ],
)
def test_a_wrong_setting_stops_the_start_with_a_sentence(tmp_path, name, value, sentence):
    status, said = start(tmp_path, **{name: value})
    assert status != 0 and sentence in said and "Traceback" not in said


def test_the_first_start_makes_a_secret_key_that_only_its_owner_reads(tmp_path):
    path = tmp_path / "home" / "secret-key"
    made = environment.secret("WINNOW_NO_SUCH_KEY", path)
    assert len(made) >= 50 and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert environment.secret("WINNOW_NO_SUCH_KEY", path) == made


def test_a_secret_key_that_others_can_read_is_refused(tmp_path):
    path = tmp_path / "secret-key"
    environment.secret("WINNOW_NO_SUCH_KEY", path)
    path.chmod(0o644)
    with pytest.raises(ImproperlyConfigured, match="can be read by others; run chmod 600"):
        environment.secret("WINNOW_NO_SUCH_KEY", path)


def test_an_empty_secret_key_is_refused(tmp_path):
    path = tmp_path / "secret-key"
    path.touch(0o600)
    with pytest.raises(ImproperlyConfigured, match="is empty"):
        environment.secret("WINNOW_NO_SUCH_KEY", path)
