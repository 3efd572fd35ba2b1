"""The Hub that `HF_ENDPOINT=…/hf` leads to, with the clients that people use."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from curation.models import Export, Membership, Project, Token, store
from tests.curation.exporting import DATA, mix, publish

BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def exports(project, version, user):
    """Two exports of a mixture, the second of two profiles."""
    version("books", "one", "two", "three")
    mix(project, user)
    return [publish(project, user), publish(project, user, ["sft_messages", "prompts"], ["parquet", "jsonl"])]


@pytest.fixture
def secret(exports, project, member):
    return Token.objects.issue(project, "cluster", ["export"], days=3, by=member("viewer"))[1]


@pytest.fixture
def get(client, secret):
    """Ask the Hub with the token: the answer."""

    def ask(path, method="get", bearer=secret, **more):
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        return getattr(client, method)(f"/hf/{path}", headers=headers, **more)

    return ask


INFO = "api/datasets/default/mix"


def test_a_mixture_is_a_private_repository_and_its_newest_export_main(get, exports):
    told = get(INFO).json()
    assert (told["id"], told["sha"], told["private"]) == ("default/mix", exports[1].commit, True)
    assert {"rfilename": "README.md"} in told["siblings"] and "license:unknown" not in told["siblings"]
    assert [one["config_name"] for one in told["cardData"]["configs"]] == ["sft_messages", "prompts"]
    blobs = get(f"{INFO}?blobs=True").json()["siblings"]
    assert all(one["lfs"]["size"] == one["size"] and len(one["blobId"]) == 40 for one in blobs)


def test_a_revision_is_a_number_or_what_begins_a_commit(get, exports):
    commit = exports[0].commit
    for revision in ("1", "v1", commit, commit[:7], commit[:20]):
        assert get(f"{INFO}/revision/{revision}").json()["sha"] == commit
    for revision in ("3", "v0", "0", "refs/convert/parquet", commit[:6], "f" * 40, commit + "0", "1.0", "é"):
        answer = get(f"{INFO}/revision/{revision}")
        assert (answer.status_code, answer["X-Error-Code"]) == (404, "RevisionNotFound"), revision
    assert "it has v2, v1" in get(f"{INFO}/revision/9").json()["error"]


def test_a_tree_has_files_and_folders_in_pages(get, exports):
    top = get(f"{INFO}/tree/main").json()
    kinds = {one["path"]: one["type"] for one in top}
    assert kinds["README.md"] == "file" and kinds["prompts"] == "directory" and DATA not in kinds
    everything = get(f"{INFO}/tree/v2?recursive=True&expand=True").json()
    (data,) = [one for one in everything if one["path"] == DATA]
    assert data["lfs"]["oid"] and data["lastCommit"]["id"] == exports[1].commit
    below = get(f"{INFO}/tree/v2/sft_messages/data").json()
    assert [one["path"] for one in below] == [DATA.replace("parquet", "jsonl"), DATA]
    paged, path = [], f"{INFO}/tree/v2?recursive=true&limit=2"
    while path:
        answer = get(path)
        paged += answer.json()
        path = answer["Link"].split("/hf/")[1].split(">")[0] if "Link" in answer else ""
    assert [one["path"] for one in paged] == [one["path"] for one in everything]
    for folder in ("nowhere", "README.md"):
        assert get(f"{INFO}/tree/v2/{folder}")["X-Error-Code"] == "EntryNotFound"


def test_the_newest_export_is_described_with_addresses_that_can_be_read(get, exports):
    told = get(f"{INFO}/croissant").json()
    (data,) = [one for one in told["distribution"] if one.get("contentUrl", "").endswith(DATA)]
    assert exports[1].commit in data["contentUrl"]
    assert get(data["contentUrl"].split("/hf/")[1]).status_code == 200
    assert get(f"{INFO}/croissant", bearer="").status_code == 401


def test_paths_are_told_of_as_a_form_or_as_json(get):
    paths = ["README.md", "prompts", "nowhere", "../secret-key"]
    found = get(f"{INFO}/paths-info/main", "post", data={"paths": paths, "expand": "True"}).json()
    assert [(one["path"], one["type"]) for one in found] == [("README.md", "file"), ("prompts", "directory")]
    body = json.dumps({"paths": paths})
    again = get(f"{INFO}/paths-info/v2", "post", data=body, content_type="application/json").json()
    assert [one["oid"] for one in again] == [one["oid"] for one in found]
    for wrong in ("{", "[]", "3", '{"paths": 3}', "[" * 100_000):
        answer = get(f"{INFO}/paths-info/main", "post", data=wrong, content_type="application/json")
        assert answer.status_code == (200 if "paths" in wrong else 400)


def test_a_file_says_its_commit_and_its_hash(get, exports):
    with store().open(f"{exports[0].folder}/{DATA}") as file:
        whole = file.read()
    answer = get(f"datasets/default/mix/resolve/v1/{DATA}", "head")
    assert answer["X-Repo-Commit"] == exports[0].commit and answer["X-Linked-Size"] == str(len(whole))
    assert answer["ETag"] == f'"sha256-{answer["X-Linked-ETag"][1:-1]}"'
    missing = get("datasets/default/mix/resolve/v1/../../secret-key")
    assert missing.status_code == 404
    missing = get("datasets/default/mix/resolve/v1/mix.py", "head")
    assert (missing["X-Error-Code"], missing["X-Repo-Commit"]) == ("EntryNotFound", exports[0].commit)


def test_without_a_good_token_there_is_nothing(get, client, member, project):
    answer = get(INFO, bearer="")
    assert (answer.status_code, answer["X-Error-Code"]) == (401, "RepoNotFound")
    assert "HF_TOKEN" in answer["X-Error-Message"]
    wrong = get(INFO, bearer="wnw_wrong")
    assert (wrong.status_code, wrong["X-Error-Message"]) == (
        401,
        "Invalid credentials in Authorization header",
    )
    curator = member("curator")
    _, writes = Token.objects.issue(project, "w", ["write"], days=3, by=curator)
    assert get(INFO, bearer=writes).status_code == 403
    client.force_login(curator, backend=BACKEND)
    assert get(INFO, bearer="").status_code == 401


@pytest.mark.parametrize("role", ["annotator", None])
def test_who_left_the_project_reads_nothing(get, secret, role):
    held = Membership.objects.get(role="viewer")
    if role:
        Membership.objects.filter(pk=held.pk).update(role=role)
    else:
        held.user.is_active = False
        held.user.save()
    assert get(INFO).status_code == (404 if role else 401)


def test_a_token_of_another_project_finds_no_repository(get, member, exports):
    theirs = Project.objects.create(name="theirs")
    _, other = Token.objects.issue(theirs, "x", ["read"], days=3, by=member("admin", of=theirs))
    answer = get(INFO, bearer=other)
    assert (answer.status_code, answer["X-Error-Code"]) == (404, "RepoNotFound")


def test_a_narrow_token_sees_its_exports_alone(get, project, exports, member):
    person = member("curator")
    _, one = Token.objects.issue(project, "1", ["export"], days=3, by=person, only=exports[0])
    assert get(INFO, bearer=one).json()["sha"] == exports[0].commit
    assert get(f"{INFO}/revision/v2", bearer=one)["X-Error-Code"] == "RevisionNotFound"
    _, some = Token.objects.issue(project, "m", ["export"], days=3, by=person, only=exports[0].mixture)
    assert get(f"{INFO}/revision/v2", bearer=some).status_code == 200
    assert [tag["name"] for tag in get(f"{INFO}/refs", bearer=some).json()["tags"]] == ["v2", "v1"]


def test_a_withdrawn_export_is_no_revision_and_says_why(get, exports, user):
    Export.objects.filter(pk=exports[1].pk).withdraw("a leak ☂", by=user)
    answer = get(f"{INFO}/revision/v2")
    assert answer["X-Error-Code"] == "RevisionNotFound" and "a leak ☂" in answer.json()["error"]
    assert get(INFO).json()["sha"] == exports[0].commit
    Export.objects.all().withdraw("all of it:\r\nsee the log", by=user)
    assert get(f"{INFO}/revision/v1")["X-Error-Message"].endswith(
        "all of it: see the log. Its files are no longer served."
    )
    assert get(INFO)["X-Error-Code"] == "RevisionNotFound"
    assert get(f"{INFO}/refs").json()["branches"] == []


def test_a_withheld_export_is_refused_with_the_sentence(get, monkeypatch):
    monkeypatch.setattr(
        "curation.hub.repositories.withheld", lambda export: f"{export} is withheld: spiders."
    )
    answer = get(f"datasets/default/mix/resolve/main/{DATA}")
    assert answer.status_code == 403 and "spiders" in answer["X-Error-Message"]


@pytest.mark.parametrize(
    "path",
    [
        "api/models/gpt/two",
        "gpt/two/resolve/main/config.json",
        "api/datasets",
        "api/datasets/default/mix/commits/main",
        "api/datasets/a%00b/c",
        "datasets/a/b/resolve/main",
        "x" * 3000,
        "",
    ],
)
def test_what_is_not_ours_is_quietly_not_found(get, path):
    for bearer in ("", "wnw_x"):
        answer = get(path, bearer=bearer)
        assert (answer.status_code, answer["X-Error-Code"]) == (404, "RepoNotFound")
        assert "models come from" in answer.json()["error"]


def test_nothing_is_written_through_the_hub(get):
    for path in (INFO, f"{INFO}/tree/main", f"datasets/default/mix/resolve/main/{DATA}", "api/whoami-v2"):
        for method in ("post", "put", "delete", "patch"):
            assert get(path, method).status_code == 405


# the real clients


@pytest.fixture
def hub(transactional_db, live_server):
    return f"{live_server.url}/hf"


@pytest.fixture
def api(hub, exports, secret):
    return HfApi(endpoint=hub, token=secret)


def ask_all(api, exports, folder):
    info = api.dataset_info("default/mix", revision="v1", files_metadata=True)
    assert info.sha == exports[0].commit and info.card_data["configs"][0]["config_name"] == "sft_messages"
    names = api.list_repo_files("default/mix", repo_type="dataset", revision=exports[0].commit)
    assert set(names) == {one.rfilename for one in info.siblings} and "manifest.json" in names
    tree = api.list_repo_tree("default/mix", "sft_messages", recursive=True, repo_type="dataset", expand=True)
    assert DATA in [one.path for one in tree]
    assert api.get_paths_info("default/mix", ["README.md"], repo_type="dataset")[0].lfs.sha256
    assert [tag.name for tag in api.list_repo_refs("default/mix", repo_type="dataset").tags] == ["v2", "v1"]
    assert api.whoami()["name"] == "viewer-1" and api.auth_check("default/mix", repo_type="dataset") is None
    path = api.snapshot_download("default/mix", repo_type="dataset", revision="2", cache_dir=folder)
    checked = api.verify_repo_checksums("default/mix", repo_type="dataset", revision="v2", local_dir=path)
    assert checked.checked_count == len(names) + 3 and not checked.mismatches and not checked.missing_paths


def test_the_client_of_the_hub_reads_all_of_it(api, exports, tmp_path):
    ask_all(api, exports, tmp_path / "cache")
    with store().open(f"{exports[0].folder}/{DATA}") as file:
        whole = file.read()
    got = api.hf_hub_download(
        "default/mix", DATA, repo_type="dataset", revision="v1", cache_dir=tmp_path / "cache"
    )
    assert Path(got).read_bytes() == whole


def test_the_client_of_the_hub_is_told_what_is_missing(api, hub, tmp_path):
    more = {"repo_type": "dataset", "cache_dir": tmp_path / "cache"}
    with pytest.raises(RevisionNotFoundError, match="it has v2, v1"):
        api.snapshot_download("default/mix", revision="v7", **more)
    with pytest.raises(EntryNotFoundError, match=r"no file nothing\.txt"):
        api.hf_hub_download("default/mix", "nothing.txt", **more)
    with pytest.raises(RepositoryNotFoundError, match="There is no mixture default/none"):
        api.dataset_info("default/none")
    with pytest.raises(RepositoryNotFoundError, match="set HF_TOKEN"):
        snapshot_download("default/mix", endpoint=hub, token=False, **more)
    with pytest.raises(HfHubHTTPError, match="Invalid credentials"):
        hf_hub_download("default/mix", "README.md", endpoint=hub, token="wnw_no", **more)
    with pytest.raises(RepositoryNotFoundError, match="models come from where"):
        HfApi(endpoint=hub, token=False).model_info("gpt/two")


PROGRAM = """
import json, sys
from datasets import get_dataset_config_names, load_dataset

told = {"configs": get_dataset_config_names("default/mix")}
told["rows"] = load_dataset("default/mix", "sft_messages", split="train").num_rows
told["third"] = load_dataset("default/mix", "prompts", revision="v2", split="train[2:]")["id"][0]
old = load_dataset("default/mix", revision=sys.argv[1])
told["old"] = {split: rows.column_names for split, rows in old.items()}
stream = load_dataset("default/mix", "sft_messages", split="train", streaming=True)
told["streamed"] = [row["messages"][0]["content"] for row in stream.shuffle(seed=1, buffer_size=2)]
print(json.dumps(told))
"""
WITHOUT = """
from datasets import load_dataset
from datasets.exceptions import DatasetNotFoundError

for more in ({"token": False}, {"revision": "v9"}):
    try:
        load_dataset("default/mix", "sft_messages", **more)
    except (DatasetNotFoundError, ValueError) as error:
        print("refused:", str(error).replace(chr(10), " "))
"""


def test_load_dataset_takes_a_mixture_like_any_data_set(hub, exports, secret, tmp_path):
    """As a program of its own, since the address of the Hub is read when it starts."""
    own = {
        "HF_ENDPOINT": hub,
        "HF_TOKEN": secret,
        "HF_HOME": str(tmp_path / "home"),
        "PATH": os.environ["PATH"],
    }
    told = json.loads(ran(own, PROGRAM, exports[0].commit[:12]).splitlines()[-1])
    assert told["configs"] == ["sft_messages", "prompts"] and told["rows"] == 3 and told["third"]
    assert told["old"] == {"train": ["messages", "id"]} and sorted(told["streamed"]) == [
        "one",
        "three",
        "two",
    ]
    first, second = ran(own | {"HF_HOME": str(tmp_path / "other")}, WITHOUT).splitlines()
    assert "default/mix" in first and "v9" in second


def ran(environment, program, *arguments):
    run = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(run, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
