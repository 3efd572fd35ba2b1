"""Every address × every role × own and other project: who gets in, who is told no, and who sees nothing at all."""

import re

import pytest
from django.core.files.base import ContentFile
from django.db import transaction

from config.api import api
from curation.models import Membership, Project
from tests.addresses import (
    ACTIONS,
    ADMIN,
    ANYONE,
    CURATOR,
    PAGES,
    SIGNED_IN,
    SUPERUSER,
    VIEWER,
    address,
    named,
)
from tests.populating import populate

REACH = {
    "nobody": {ANYONE},
    "stranger": {ANYONE, SIGNED_IN},
    "annotator": {ANYONE, SIGNED_IN},
    "viewer": {ANYONE, SIGNED_IN, VIEWER},
    "curator": {ANYONE, SIGNED_IN, VIEWER, CURATOR},
    "admin": {ANYONE, SIGNED_IN, VIEWER, CURATOR, ADMIN},
    "superuser": {ANYONE, SIGNED_IN, VIEWER, CURATOR, ADMIN, SUPERUSER},
}
SEES = {"viewer", "curator", "admin", "superuser"}
SPENT = {"login-link", "set-password"}  # these two say no to a link that was used, whoever brings it
PROJECT = "/api/v1/projects/{project}"
PEOPLE, TOKENS, MEMBER = f"{PROJECT}/people", f"{PROJECT}/tokens", "/{pk}"
ENDPOINTS = f"{PROJECT}/endpoints"
API_NEEDS = {
    ("post", PEOPLE): ADMIN,
    ("put", PEOPLE + MEMBER): ADMIN,
    ("delete", PEOPLE + MEMBER): ADMIN,
    ("post", f"{PEOPLE}{MEMBER}/link"): ADMIN,
    ("post", TOKENS): VIEWER,
    ("delete", TOKENS + MEMBER): ADMIN,  # of somebody else
    ("post", f"{PROJECT}/exports/{{mixture}}/{{number}}/links"): VIEWER,
    ("delete", f"{PROJECT}/links{MEMBER}"): ADMIN,  # of somebody else
    ("get", ENDPOINTS): ADMIN,
    ("post", ENDPOINTS): ADMIN,
    ("delete", ENDPOINTS + MEMBER): ADMIN,
    ("post", f"{ENDPOINTS}{MEMBER}/try"): ADMIN,
    ("post", f"{PROJECT}/mixture-totals"): VIEWER,
    ("post", f"{PROJECT}/mixer-list"): VIEWER,
    ("head", f"{PROJECT}/exports/{{mixture}}/{{number}}/files/{{path}}"): VIEWER,
    ("get", "/api/v1/projects"): SIGNED_IN,
    ("get", "/api/v1/versions"): SIGNED_IN,
    ("get", "/api/v1/rows/{record_id}/story"): SIGNED_IN,
}


@pytest.fixture
def made(project, user, tmp_path, member):
    member("viewer", name="somebody-there")
    return populate(project, user, tmp_path)


@pytest.fixture
def person(django_user_model, project, client):
    """Sign somebody in who has a role in the project, or none."""

    def signed_in(role):
        if role == "nobody":
            return
        somebody = django_user_model.objects.create_user(f"the-{role}", is_superuser=role == "superuser")
        if role == "stranger":
            theirs = Project.objects.create(name="theirs")
            Membership.objects.create(project=theirs, user=somebody, role="admin")
        elif role != "superuser":
            Membership.objects.create(project=project, user=somebody, role=role)
        client.force_login(somebody, backend="django.contrib.auth.backends.ModelBackend")

    return signed_in


def expected(role, needs):
    """Let in, sent to sign in, told no, or told that nothing is there."""
    if needs in REACH[role]:
        return "in"
    if role == "nobody":
        return "sign in"
    return "no" if role in SEES or needs == SUPERUSER else "nothing"


def answered(response):
    if response.status_code == 302 and response.url.startswith("/login/?"):
        return "sign in"
    told = {401: "sign in", 403: "no", 404: "nothing"}
    return told.get(response.status_code) or ("in" if response.status_code < 500 else "failure")


def undone(ask, *arguments, **options):
    """What a request is answered with, without what it changed."""
    with transaction.atomic():
        response = ask(*arguments, **options)
        transaction.set_rollback(True)
    return answered(response)


def test_every_address_has_an_expected_answer():
    assert named() == PAGES.keys() | ACTIONS.keys()


@pytest.mark.parametrize("role", REACH)
def test_who_gets_in_where(role, made, person, client):
    person(role)
    wrong = {}
    for name, needs in (PAGES | ACTIONS).items():
        ask = client.post if name in ACTIONS else client.get
        if name in SPENT | {"logout"}:
            continue
        found = undone(ask, address(name, made), {"look": made.look.pk} if name == "source-preview" else {})
        if found != expected(role, needs):
            wrong[name] = (found, expected(role, needs))
    assert wrong == {}


def operations():
    for path, methods in api.get_openapi_schema()["paths"].items():
        yield from ((method, path, told) for method, told in methods.items())


def body(told):
    """The least that an operation accepts, so that it comes to asking who it is for."""
    content = told.get("requestBody", {}).get("content", {})
    if "multipart/form-data" in content:
        return {"file": ContentFile(b"{}", "rows.jsonl")}
    return least(content["application/json"]["schema"]) if "application/json" in content else {}


def least(schema):
    if "$ref" in schema:
        return least(api.get_openapi_schema()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
    if "anyOf" in schema:
        return least(schema["anyOf"][0])
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object":
        return {name: least(schema["properties"][name]) for name in schema.get("required", ())}
    kinds = {"string": "x", "integer": 1, "number": 1.0, "boolean": True, "array": []}
    return kinds.get(schema.get("type"), {})


def needs_of(method, path):
    """Looking takes a viewer and changing a curator, unless the table says otherwise."""
    return API_NEEDS.get((method, path), VIEWER if method == "get" else CURATOR)


NAMED = {"/mixtures/": "first", "/recipes/": "tulu-3-sft"}


def filled(path, made):
    """A path with what the populated project has, so that only the role decides."""
    said = {
        "project": made.project.name,
        "record_id": made.record_id,
        "column": "tokens",
        "path": "README.md",
    }
    said |= {
        "name": next((own for part, own in NAMED.items() if part in path), "chats"),
        "key": "gsm8k",
        "mixture": "first",
        "number": 1,
        "other": 1,
    }
    said |= {"seq": 1, "pk": _pk(path, made)}
    said["other"] = made.scan.pk if "/against/" in path else 1
    return re.sub(r"\{(\w+)\}", lambda found: str(said[found[1]]), path)


def _pk(path, made):
    kinds = {
        "/certificates/": made.check,
        "/endpoints/": made.endpoint,
        "/rules/": made.rule,
        "/deduplications/": made.dedupe,
        "/people/": made.member,
        "/tokens/": made.token,
        "/links/": made.link,
    }
    return next((thing.pk for part, thing in kinds.items() if part in path), made.scan.pk)


@pytest.mark.parametrize("role", REACH)
def test_who_gets_in_where_by_the_api(role, made, person, client):
    person(role)
    wrong = {}
    for method, path, told in operations():
        ask, said = getattr(client, method), {} if method in ("get", "head") else body(told)
        kind = (
            {}
            if method in ("get", "head") or path.endswith("/uploads")
            else {"content_type": "application/json"}
        )
        found = undone(ask, filled(path, made), said, **kind)
        if found != expected(role, needs_of(method, path)):
            wrong[method, path] = (found, expected(role, needs_of(method, path)))
    assert wrong == {}
