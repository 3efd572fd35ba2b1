"""Whatever a program sends, the API answers with a sentence and never fails: Schemathesis, with a fixed seed."""

import json
from contextlib import nullcontext

import pytest
import schemathesis
from django.conf import settings as configured
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, settings

from config.api import api
from curation import jobs
from curation.models import Membership, Project, shell_user
from tests.populating import populate

schema = schemathesis.openapi.from_dict(json.loads(json.dumps(api.get_openapi_schema(), default=str)))
BODILESS = ("GET", "HEAD", "DELETE")


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker, tmp_path_factory):
    """One populated project for all operations; what each request changes is taken back."""
    folder = tmp_path_factory.mktemp("world")
    with django_db_blocker.unblock(), transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(configured, "STORE_URL", str(folder / "store"))
        patch.setattr(jobs, "_send", lambda *_: None)
        patch.setattr(jobs.Pulse, "running", lambda _: nullcontext())
        project = Project.objects.create(name="default")
        admin = get_user_model().objects.create_user("fuzzer")
        Membership.objects.create(project=project, user=admin, role="admin")
        yield folder, populate(project, shell_user(), folder), admin
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def places(settings, world):
    """The store of the project above, instead of one for every test."""
    settings.STORE_URL = str(world[0] / "store")
    settings.SILENCE = 2


@pytest.fixture
def client(world):
    client = Client(raise_request_exception=False)
    client.force_login(world[2], backend="django.contrib.auth.backends.ModelBackend")
    return client


@schema.parametrize()
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
def test_no_request_makes_the_api_fail(case, client, world):
    path = case.formatted_path.replace(case.path_parameters.get("project", "\0"), "default", 1)
    with transaction.atomic():
        response = client.generic(
            case.method,
            path,
            b"" if case.method in BODILESS else json.dumps(case.body, default=str).encode(),
            content_type="application/json",
            query_params=case.query or {},
        )
        transaction.set_rollback(True)
    assert response.status_code < 500, (case.method, path, case.query, case.body)
