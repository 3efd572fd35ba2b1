import hashlib
import json

import pytest
from datasets import load_dataset
from django.urls import reverse

from curation.engine.exporting import ExportConfig
from curation.engine.mixing import Recipe
from curation.models import Event, Export, Project, Run, Token, store
from curation.tasks.exporting import start_export
from curation.tasks.mixing import start_mix
from tests.conftest import record
from tests.populating import finished

HOSTILE = "<script>alert(1)</script>"
API = "/api/v1/projects/default/exports"


def url(name, *args):
    return reverse(name, args=["default", *args])


def text(response):
    return response.content.decode()


@pytest.fixture
def mixture(project, version, user):
    """Three answered questions and one that nobody answered."""
    version("books", "one", "two", "three", record("books", "x", "open question"))
    parts = [{"dataset": "books", "fraction": 1.0}]
    run = start_mix(project, Recipe.of({"name": "mix", "seed": 1, "components": parts}), user=user)
    return finished(run).output("mixture")


@pytest.fixture
def exported(project, mixture, user):
    """Export the mixture, with a reason as it lacks its check."""

    def make(profiles=("sft_messages",), formats=("parquet",), override="a try"):
        config = ExportConfig(list(profiles), list(formats), override)
        return finished(start_export(project, "mix", config, user=user)).export

    return make


@pytest.fixture
def token(project, curator):
    def make(*scopes):
        _, secret = Token.objects.issue(project, "cluster", scopes, days=3, by=curator)
        return {"Authorization": f"Bearer {secret}"}

    return make


def test_an_empty_list_says_what_an_export_is_and_where_it_begins(client, curator, mixture):
    page = text(client.get(url("exports")))
    assert "written" in page or "writes a version of a mixture" in page
    assert url("mixture", "mix") in page


def test_the_list_flags_what_was_exported_without_its_check(
    client, curator, exported, django_assert_max_num_queries
):
    for _ in range(3):
        exported()
    client.get(url("exports"))
    with django_assert_max_num_queries(12):
        page = text(client.get(url("exports")))
    assert page.count("overridden: exported without a passing check") == 3
    assert "mix export 3" in page and Export.objects.get(number=1).manifest_hash[:12] in page
    assert "mix export 3" not in text(client.get(url("exports"), {"mixture": "other"}))


def test_an_export_lists_what_is_in_the_way_and_asks_for_a_reason(client, curator, mixture):
    page = text(client.get(url("export-new", "mix")))
    assert "books@1 has no decontamination check" in page and 'name="override"' in page
    sent = {"profiles": ["sft_messages", "prompts"], "formats": ["jsonl"], "version": "1"}
    answer = client.post(url("export-new", "mix"), sent)
    assert answer.status_code == 422 and "override it with a reason" in text(answer)
    assert text(answer).count("checked") == 3 and not Run.objects.filter(kind="export").exists()
    to = client.post(url("export-new", "mix"), sent | {"override": "For a\x00 test"}).url
    run = finished(Run.objects.get(kind="export"))
    assert to == run.get_absolute_url() and run.export.override == "For a test"
    assert run.export.profiles == ["sft_messages", "prompts"] and run.user.username == "curator-1"


def test_nothing_in_the_way_asks_for_no_reason(client, curator, mixture, project):
    project.required_checks = []
    project.save()
    page = text(client.get(url("export-new", "mix")))
    assert 'name="override"' not in page and "requires has passed" in page


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({}, "at least one profile"),
        ({"profiles": ["sft_messages"]}, "at least one profile and one format"),
        ({"profiles": ["sft_nonsense"], "formats": ["parquet"]}, "There is no export profile sft_nonsense"),
        ({"profiles": ["sft_messages"], "formats": ["csv"]}, "There is no format csv"),
        ({"profiles": ["sft_messages"], "formats": ["parquet"], "version": "7"}, "There is no version mix@7"),
    ],
)
def test_what_cannot_be_exported_is_a_sentence(client, curator, mixture, sent, sentence):
    answer = client.post(url("export-new", "mix"), sent | {"override": "a reason"})
    assert answer.status_code == 422 and sentence in text(answer)


def test_the_page_of_an_export_shows_files_skips_and_where_rows_are_from(client, curator, exported):
    export = exported(["sft_messages", "prompts"], ["parquet", "jsonl"])
    page = text(client.get(export.get_absolute_url()))
    assert "as sft_messages" in page and "does not end with an assistant turn" in page
    assert "Exported without a passing check.</b> The reason given: a try" in page
    assert export.manifest_hash in page and url("version", "books", 1) in page
    assert "prompts/data/train-00000-of-00001.jsonl" in page and "Looked for" not in page
    other = text(client.get(export.get_absolute_url(), {"profile": "prompts"}))
    assert "as prompts" in other and "GRPOTrainer" in other and "it carries every row" in other
    assert "as sft_messages" in text(client.get(export.get_absolute_url(), {"profile": HOSTILE}))


def test_the_card_and_the_reason_are_shown_as_text(client, curator, exported):
    page = text(client.get(exported(override=HOSTILE).get_absolute_url()))
    assert HOSTILE not in page and "&lt;script&gt;" in page


def test_the_first_snippet_loads_what_was_exported(client, curator, exported, tmp_path):
    export = exported()
    code = text(client.get(export.get_absolute_url())).split('<pre id="snippet-1"')[1]
    folder = code.split("&quot;")[1]
    loaded = load_dataset(folder, "sft_messages", split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded.num_rows == 3 and loaded.column_names == ["messages", "id"]


def test_a_file_is_served_as_it_was_written(client, curator, exported):
    export, path = exported(), "sft_messages/data/train-00000-of-00001.parquet"
    answer = client.get(url("export-file", "mix", 1, path))
    body = b"".join(answer.streaming_content)
    with store().open(f"{export.folder}/{path}") as file:
        assert body == file.read()
    assert answer["ETag"] == f'"sha256-{hashlib.sha256(body).hexdigest()}"'
    assert int(answer["Content-Length"]) == len(body)
    assert answer["Content-Disposition"] == 'attachment; filename="train-00000-of-00001.parquet"'
    again = client.get(url("export-file", "mix", 1, path), headers={"If-None-Match": answer["ETag"]})
    assert again.status_code == 304
    head = client.head(url("export-file", "mix", 1, path))
    assert (head.status_code, int(head["Content-Length"])) == (200, len(body))


def test_the_manifest_is_served_and_names_every_other_file(client, curator, exported):
    exported()
    answer = client.get(url("export-file", "mix", 1, "manifest.json"))
    told = json.loads(b"".join(answer.streaming_content))
    for file in told["files"]:
        body = b"".join(client.get(url("export-file", "mix", 1, file["path"])).streaming_content)
        assert hashlib.sha256(body).hexdigest() == file["sha256"]


@pytest.mark.parametrize(
    "path",
    [
        "nope",
        "../manifest.json",
        "../../../secret-key",
        "sft_messages/data",
        "sft_messages/../README.md",
        "/etc",
    ],
)
def test_only_what_the_manifest_names_is_served(client, curator, exported, path):
    exported()
    base = url("export-file", "mix", 1, "x").removesuffix("x")
    assert client.get(base + path).status_code == 404
    assert client.get(f"{API}/mix/1/files/{path}").status_code == 404


def test_a_withdrawn_export_says_why_and_serves_nothing(client, curator, exported):
    export = exported()
    assert client.post(url("export-withdraw", "mix", 1), {"reason": " "}).status_code == 422
    assert client.post(url("export-withdraw", "mix", 1), {"reason": f"a leak {HOSTILE}"}).status_code == 302
    assert Event.objects.filter(verb="withdrew", who=curator).count() == 1
    page = text(client.get(export.get_absolute_url()))
    assert "a leak" in page and HOSTILE not in page and "load_dataset" not in page.split('id="card"')[0]
    for gone in (url("export-file", "mix", 1, "README.md"), f"{API}/mix/1/files/README.md"):
        answer = client.get(gone)
        assert answer.status_code == 410 and "was withdrawn: a leak" in text(answer)


def test_the_page_stands_when_the_files_were_swept(client, curator, exported):
    export = exported()
    Export.objects.all().withdraw("old", by=curator)
    store().remove(export.folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("curation.views.exports.manifest_of", lambda _: store().open("nowhere"))
        page = text(client.get(export.get_absolute_url()))
    assert "not in the store any more" in page and export.manifest_hash in page


@pytest.mark.parametrize("role", ["viewer", "annotator", None])
def test_who_may_read_an_export_and_who_may_withdraw_it(client, member, exported, role, django_user_model):
    exported()
    person = member(role) if role else django_user_model.objects.create_user("stranger")
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    sees = role == "viewer"
    assert client.get(url("export-file", "mix", 1, "README.md")).status_code == (200 if sees else 404)
    assert client.get(url("export", "mix", 1)).status_code == (200 if sees else 404)
    for name, *args in (("export-withdraw", "mix", 1), ("export-new", "mix")):
        assert client.post(url(name, *args), {"reason": "x"}).status_code == (403 if sees else 404)
    assert Export.objects.get().status == "published"


def test_a_token_for_exports_reads_them_and_nothing_else(client, exported, token):
    exported()
    client.logout()
    headers = token("export")
    assert client.get(f"{API}/mix/1", headers=headers).json()["version"] == "mix@1"
    assert client.get(API, headers=headers).json()["count"] == 1
    assert client.get(f"{API}/mix/1/files/README.md", headers=headers).status_code == 200
    assert client.head(f"{API}/mix/1/files/README.md", headers=headers)["Content-Length"]
    for path in ("/api/v1/projects/default/mixtures", "/api/v1/projects/default/runs"):
        assert "lacks the scope read" in client.get(path, headers=headers).json()["detail"]
    answer = client.post(f"{API}/mix/1/withdraw", {"reason": "x"}, "application/json", headers=headers)
    assert (answer.status_code, "scope write" in text(answer)) == (403, True)
    assert client.get(f"{API}/mix/1", headers=token("read")).status_code == 200
    assert client.get(f"{API}/mix/1", headers=token("write")).status_code == 403


def test_a_project_called_exports_opens_no_other_door(client, token, curator, member):
    Project.objects.create(name="exports")
    client.logout()
    answer = client.get("/api/v1/projects/exports/mixtures", headers=token("export"))
    assert "lacks the scope read" in answer.json()["detail"]


def test_the_api_exports_lists_files_and_withdraws(client, curator, mixture):
    def post(path, body):
        return client.post(API + path, json.dumps(body), content_type="application/json")

    assert "no export profile" in post("/mix", {"profiles": ["x"], "override": "y"}).json()["detail"]
    assert post("/mix", {"profiles": ["prompts\x00"]}).status_code == 422
    assert "override it with a reason" in post("/mix", {"profiles": ["prompts"]}).json()["detail"]
    started = post("/mix?version=1", {"profiles": ["prompts"], "override": "a try"})
    assert started.status_code == 202
    finished(Run.objects.get(pk=started.json()["run"]))
    files = client.get(f"{API}/mix/1/files").json()
    assert [file["path"] for file in files if file["profile"]] == [
        "prompts/data/train-00000-of-00001.parquet"
    ]
    assert post("/mix/1/withdraw", {"reason": ""}).status_code == 422
    assert post("/mix/1/withdraw", {"reason": "\ud800"}).status_code == 422
    assert post("/mix/1/withdraw", {"reason": "a leak"}).json()["status"] == "withdrawn"
    assert client.get(f"{API}/mix/1/files").status_code == 410


def test_an_export_of_another_project_is_not_found(client, curator, exported):
    exported()
    Project.objects.create(name="theirs")
    assert client.get(reverse("export", args=["theirs", "mix", 1])).status_code == 404
    assert client.get(url("export", "mix", 10**30)).status_code == 404


def test_the_page_offers_what_loads_rows_without_tools(client, curator, exported):
    page = text(client.get(exported(["sft_messages"], ["parquet", "jsonl"]).get_absolute_url()))
    assert "<summary>torchtune " in page and "use_preserving_dataset" not in page


def test_a_row_of_an_export_is_found_by_its_id_and_leads_to_its_exports(client, curator, exported):
    export = exported(["sft_messages", "prompts"])
    (one,) = [row for batch in export.version.batches() for row in batch.to_pylist()][:1]
    page = text(client.get(export.get_absolute_url()))
    assert url("export-row", "mix", 1) in page and 'id="row-id"' in page
    to = client.get(url("export-row", "mix", 1), {"id": f" {one['id']} "})
    assert to.url == url("row", "mix", 1, one["id"])
    story = text(client.get(to.url))
    assert f'<a href="{export.get_absolute_url()}">export 1</a>' in story
    lost = client.get(url("export-row", "mix", 1), {"id": HOSTILE})
    assert lost.status_code == 422 and "mix export 1 has no row" in text(lost) and HOSTILE not in text(lost)
    assert client.get(url("export-row", "mix", 1)).url == export.get_absolute_url()


def test_the_api_says_where_a_row_of_an_export_is_from(client, curator, exported):
    export = exported(["sft_messages", "prompts"])
    rows = [row for batch in export.version.batches() for row in batch.to_pylist()]
    carried = {row["id"]: client.get(f"{API}/mix/1/rows/{row['id']}").json()["profiles"] for row in rows}
    assert sorted(map(len, carried.values())) == [1, 2, 2, 2]
    found = client.get(f"{API}/mix/1/rows/{rows[0]['id']}").json()
    assert found["source"] == "books" and found["steps"][-1]["detail"]["export"] == 1
    assert client.get(f"{API}/mix/1/rows/none").status_code == 422


def test_the_description_for_machines_has_the_addresses_of_the_reader(client, curator, exported):
    export = exported()
    stored = json.loads(store().open(f"{export.folder}/croissant.json").read())
    answer = client.get(f"{API}/mix/1/croissant")
    found = json.loads(answer.content)
    assert answer["Content-Type"] == "application/ld+json"
    (_, data) = (one for one in found["distribution"] if one["@type"] == "cr:FileObject")
    path = "sft_messages/data/train-00000-of-00001.parquet"
    assert data["contentUrl"] == f"http://testserver{API}/mix/1/files/{path}"
    body = b"".join(client.get(data["contentUrl"]).streaming_content)
    assert hashlib.sha256(body).hexdigest() == data["sha256"]
    assert stored["distribution"][0]["contentUrl"] == "provenance/train-00000-of-00001.parquet"
    assert "http://testserver" not in json.dumps(stored)
    Export.objects.filter(pk=export.pk).withdraw("wrong", by=curator)
    assert client.get(f"{API}/mix/1/croissant").status_code == 410


def test_what_is_withheld_is_told_by_no_other_address(client, curator, exported, monkeypatch):
    row = next(row for batch in exported().version.batches(["id"]) for row in batch.to_pylist())
    monkeypatch.setattr("curation.api.exports.withheld", lambda export: "An item is in its files.")
    for path in ("files", "files/README.md", "croissant", f"rows/{row['id']}"):
        answer = client.get(f"{API}/mix/1/{path}")
        assert (answer.status_code, answer.json()["detail"]) == (403, "An item is in its files.")


def test_a_withdrawal_without_a_reason_is_refused_on_a_whole_page(client, curator, exported):
    export = exported()
    page = client.post(url("export-withdraw", "mix", 1), {"reason": " "})
    assert page.status_code == 422 and "Say why it is withdrawn" in text(page)
    assert "Make a link" in text(page) and "7 days" in text(page)
    assert export.status == "published"


def test_the_card_says_the_licence_of_sources_and_of_rows(client, curator, exported, project):
    project.sources.create(
        name="books", kind="files", location="/secret/books.jsonl", licence="mit", split_role="train"
    )
    export = exported()
    manifest = json.loads(store().open(f"{export.folder}/manifest.json").read())
    assert manifest["licence"]["id"] == "mit" and manifest["sources"][0]["location"] == "books.jsonl"
    assert "The whole inherits <b>mit</b>, because every row is under it." in text(
        client.get(export.get_absolute_url())
    )


def test_an_address_on_a_card_carries_no_key(project):
    source = project.sources.create(
        name="there", kind="url", location="https://me:secret@example.org/a.jsonl?key=1#x", split_role="train"
    )
    assert source.public_location == "https://example.org/a.jsonl"


def test_rows_are_shown_only_of_what_was_compared(client, curator, exported):
    export = exported()
    manifest = json.loads(store().open(f"{export.folder}/manifest.json").read())
    assert manifest["configs"]["sft_messages"]["samples"] == []
    assert b"might be one of their items" in store().open(f"{export.folder}/README.md").read()
