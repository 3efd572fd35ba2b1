"""Sources through the API: the same rules and sentences as the pages."""

import gzip
import io
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from curation import jobs
from curation.locations import keep_upload
from curation.models import Event, Project, Run, Source
from curation.tasks import finding
from tests.curation.engine.fake_web import FakeWeb, leads_to
from tests.curation.registering import asked, lines
from tests.curation.test_source_attacks import ATTACKS, HOSTILE

pytestmark = pytest.mark.django_db
BASE = "/api/v1/projects/default"
MAPPING = {"shape": "question_answer", "fields": {"prompt": "question", "completion": "answer"}}


@pytest.fixture
def root(settings, tmp_path):
    (tmp_path / "open").mkdir()
    settings.IMPORT_ROOTS = [tmp_path / "open"]
    (tmp_path / "secret.jsonl").write_bytes(lines(asked(3)))
    return tmp_path / "open"


@pytest.fixture
def api(client, curator):
    class Api:
        def get(self, path, **query):
            return client.get(BASE + path, query)

        def post(self, path, body=None):
            return client.post(BASE + path, json.dumps(body or {}), content_type="application/json")

        def patch(self, path, body):
            return client.patch(BASE + path, json.dumps(body), content_type="application/json")

        def upload(self, data, name="quiz.jsonl", base=BASE):
            return client.post(f"{base}/uploads", {"file": SimpleUploadedFile(name, data)})

    return Api()


def ended(answer):
    assert answer.status_code == 202, answer.content
    pk = answer.json()["run"]
    jobs.work(pk)
    return Run.objects.get(pk=pk)


def registered(api, *rows, name="quiz", called="quiz.jsonl", **said):
    rows = rows or [*map(asked, range(20)), {"question": "", "answer": "x"}]
    location = api.upload(lines(*rows), called).json()["location"]
    return ended(api.post("/sources", {"name": name, "location": location, **said}))


def test_from_an_upload_to_its_rejected_rows(api):
    kept = api.upload(lines(*map(asked, range(20)), {"question": "", "answer": "x"}, "{broken"))
    assert kept.status_code == 201 and kept.json()["location"].startswith("upload:")
    body = {"name": "quiz", "location": kept.json()["location"], "licence": "mit"}
    assert ended(api.post("/sources", body)).status == "done"
    look = api.get("/sources/quiz/look").json()
    assert (look["status"], look["rows"], look["mapping"]["shape"]) == ("done", 21, "question_answer")
    assert [column["name"] for column in look["columns"]] == ["question", "answer"]
    tried = api.post("/sources/quiz/preview", {"mapping": MAPPING}).json()
    assert (tried["usable"], tried["total"], len(tried["rows"])) == (20, 22, 10)
    assert tried["rows"][0]["reason"] and tried["rows"][-1]["turns"][1]["role"] == "assistant"
    assert ended(api.post("/sources/quiz/import")).status == "done"
    told = api.get("/sources/quiz").json()
    assert (told["newest"], told["rows"], told["rejected"], told["licence"]) == ("quiz@1", 20, 2, "mit")
    assert told["mapping"]["fields"] == MAPPING["fields"] and told["mapping_number"] == 1
    first = api.get("/sources/quiz/rejects", limit=1).json()
    assert first["rejected"] == 2 and first["reasons"]["question is empty"] == 1 and len(first["items"]) == 1
    rest = api.get("/sources/quiz/rejects", after=first["next"]).json()
    assert [row["line"] for row in rest["items"]] == [22] and rest["next"] is None
    only = api.get("/sources/quiz/rejects", reason="question is empty", version=1).json()
    assert [row["line"] for row in only["items"]] == [21]
    assert api.get("/sources/quiz/rejects", version=9).status_code == 422


def test_sources_are_listed_by_name(api):
    registered(api)
    registered(api, asked(1), name="other", split_role="eval", benchmark_role="unseen")
    first = api.get("/sources", limit=1).json()
    assert [row["name"] for row in first["items"]] == ["other"] and first["next"] == "other"
    assert [row["name"] for row in api.get("/sources", after="other").json()["items"]] == ["quiz"]
    (bench,) = api.get("/sources", split_role="eval").json()["items"]
    assert (bench["benchmark_role"], bench["newest"]) == ("unseen", None)


@pytest.mark.parametrize(("where", "sentence"), ATTACKS)
def test_what_leads_elsewhere_is_refused_and_nothing_is_registered(api, root, where, sentence):
    (root / "link.jsonl").symlink_to(root.parent / "secret.jsonl")
    answer = api.post("/sources", {"name": "quiz", "location": where.format(root=root)})
    assert answer.status_code == 422
    assert any(part in answer.json()["detail"] for part in sentence.split("|"))
    assert not Source.objects.exists() and not Run.objects.exists()


def test_an_upload_of_another_project_is_not_there(api):
    other = Project.objects.create(name="other")
    kept = keep_upload(other, io.BytesIO(lines(asked(1))), "quiz.jsonl")
    answer = api.post("/sources", {"name": "quiz", "location": kept.text})
    assert answer.status_code == 422 and "This upload is gone" in answer.json()["detail"]
    assert api.upload(lines(asked(1)), base="/api/v1/projects/other").status_code == 404


def test_a_redirect_to_loopback_fails_the_look_with_a_sentence(api, monkeypatch):
    with FakeWeb() as web:
        monkeypatch.setattr(finding, "NETWORK", web.network)
        web.pages["/data/train.jsonl"] = leads_to("http://127.0.0.1/keys.jsonl")
        body = {"name": "quiz", "location": "http://data.example/data/train.jsonl"}
        ended(api.post("/sources", body))
    look = api.get("/sources/quiz/look").json()
    assert look["status"] == "failed" and "is not a public address" in look["error"]
    assert api.post("/sources/quiz/preview", {"mapping": MAPPING}).status_code == 422


def test_bombs_are_refused(api, settings):
    assert "of a kind that cannot be read" in api.upload(b"PK\3\4" + b"\0" * 99, "x.zip").json()["detail"]
    settings.MAX_UNPACKED_BYTES = 1 << 20
    bomb = gzip.compress(lines(asked(1)) + b" " * (4 << 20))
    location = api.upload(bomb, "quiz.jsonl.gz").json()["location"]
    ended(api.post("/sources", {"name": "quiz", "location": location}))
    run = ended(api.post("/sources/quiz/import"))
    assert run.status == "failed" and "unpacks to more than" in run.error
    settings.MAX_UPLOAD_BYTES = -(1 << 20)
    assert api.upload(lines(asked(1))).status_code == 400


def test_an_evaluation_split_has_to_be_confirmed(api):
    registered(api, called="quiz_test.jsonl")
    assert api.get("/sources/quiz/look").json()["eval_split"] == [{"file": "quiz_test.jsonl", "word": "test"}]
    refused = api.post("/sources/quiz/import")
    assert refused.status_code == 422 and "training on it would leak it" in refused.json()["detail"]
    assert ended(api.post("/sources/quiz/import", {"confirmed": True})).status == "done"


def test_what_is_said_anew_is_in_the_audit_log(api):
    registered(api, split_role="eval")
    changed = api.patch("/sources/quiz", {"licence": "mit", "benchmark_role": "unseen"})
    assert (changed.json()["licence"], changed.json()["benchmark_role"]) == ("mit", "unseen")
    assert Event.objects.get(verb="changed").detail["before"] == {"licence": "", "benchmark_role": "dev"}
    assert api.patch("/sources/quiz", {"benchmark_role": "x"}).status_code == 422
    assert api.patch("/sources/quiz", {"licence": "x" * 101}).status_code == 422


def test_a_look_is_taken_again_and_how_to_read_can_be_said(api):
    location = api.upload(b"a;b\n1;2\n3;4\n", "quiz.csv").json()["location"]
    ended(api.post("/sources", {"name": "quiz", "location": location}))
    ended(api.post("/sources/quiz/look", {"options": {"header": False}}))
    columns = api.get("/sources/quiz/look").json()["columns"]
    assert [column["name"] for column in columns] == ["column_1", "column_2"]
    assert api.post("/sources/quiz/look", {"options": {"delimiter": '"'}}).status_code == 422


@pytest.mark.parametrize(
    "mapping",
    [
        {},
        {"shape": "x", "fields": {}},
        {"shape": "prompt", "fields": {"prompt": ["a", "b"]}},
        {"shape": "prompt", "fields": {"prompt": "\x00"}, "roles": {"\ud800": "user"}},
        {"shape": "prompt", "fields": {"prompt": "q"}, "options": {"max_bytes": 10**40}},
        {"shape": [], "fields": 3},
        {"shape": "prompt", "fields": {"prompt": "q"}, "constants": {"system": None}},
        {"shape": "prompt", "fields": {"prompt": {"a": 1}}, "wibble": 1},
        {"shape": HOSTILE, "fields": {HOSTILE: HOSTILE}},
    ],
)
def test_a_mapping_that_is_none_is_a_sentence(api, mapping):
    registered(api)
    for path in ("preview", "import"):
        answer = api.post(f"/sources/quiz/{path}", {"mapping": mapping})
        assert answer.status_code == 422 and answer.json()["detail"]


def test_what_makes_no_sense_is_refused(api):
    registered(api)
    for body in (
        {"name": "a b"},
        {"name": "new"},
        {"name": "quiz"},
        {"name": "\x00"},
        {"licence": "x" * 101},
    ):
        answer = api.post("/sources", {"name": "other", "location": "team/colours"} | body)
        assert answer.status_code == 422 and answer.json()["detail"]
    for share in (-1, 2, 10**400):
        body = json.dumps({"max_rejected": 0}).replace("0", str(share))
        assert api.post("/sources/quiz/import", json.loads(body)).status_code == 422
    assert api.get("/sources", after="\x00").status_code == 422
    assert api.get("/sources/quiz/rejects", after=2**63).status_code == 422
    assert api.get("/sources/none").status_code == 404


def test_a_viewer_reads_and_does_not_change(api, client, member):
    registered(api)
    client.force_login(member("viewer"), backend="django.contrib.auth.backends.ModelBackend")
    assert api.get("/sources").status_code == api.get("/sources/quiz/look").status_code == 200
    for path in ("/sources/quiz/look", "/sources/quiz/import"):
        assert api.post(path).status_code == 403
    assert api.post("/sources", {"name": "x", "location": "a/b"}).status_code == 403
    assert api.post("/sources/quiz/preview", {"mapping": MAPPING}).status_code == 403
    assert api.patch("/sources/quiz", {"licence": "mit"}).status_code == 403
    assert api.upload(lines(asked(1))).status_code == 403


def test_the_list_takes_the_same_queries_however_long(api, project, django_assert_max_num_queries):
    for n in range(20):
        Source.objects.create(project=project, name=f"s{n}", kind="hub", location="a/b", split_role="train")
    with django_assert_max_num_queries(8):
        assert len(api.get("/sources").json()["items"]) == 20
