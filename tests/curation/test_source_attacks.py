"""What leads elsewhere, is too large or pretends to be markup, given to the form that registers a source."""

import gzip
import io
import zipfile

import pytest

from curation import jobs
from curation.locations import keep_upload
from curation.models import Project, Run, Source, store
from curation.tasks import finding
from curation.tasks.importing import start_import
from tests.curation.engine.fake_web import FakeWeb, leads_to
from tests.curation.registering import asked, form, imported, lines, looked, register, text, url

pytestmark = pytest.mark.django_db


HOSTILE = "<script>alert(1)</script>"
ATTACKS = [
    ("file:///etc/passwd", "Only addresses that begin with https"),
    ("simplecache::https://data.example/x.jsonl", "Only addresses|no address"),
    ("zip://*.csv::file:///etc/x.zip", "no address"),
    ("s3://bucket/x.jsonl", "Only addresses"),
    ("/etc/passwd", "does not lie where|names no folder"),
    ("{root}/../secret.jsonl", "must not hold"),
    ("~/x.jsonl", "This is no plain path"),
    ("{root}/link.jsonl", "does not lie where"),
    ("http://me:pw@data.example/x", "user name or password"),
    ("upload:../../x", "This is no upload"),
    ("../x/y.jsonl", "This is no address, path or Hub id"),
]


class TestAttacks:
    @pytest.mark.parametrize(("where", "sentence"), ATTACKS)
    def test_what_leads_elsewhere_is_refused_and_nothing_is_registered(
        self, client, curator, root, where, sentence
    ):
        (root / "link.jsonl").symlink_to(root.parent / "secret.jsonl")
        answer = register(client, where=where.format(root=root))
        shown = answer.content.decode()
        assert answer.status_code == 422 and any(part in shown for part in sentence.split("|"))
        assert not Source.objects.exists() and not Run.objects.exists()

    def test_an_upload_of_another_project_is_not_there(self, client, curator):
        other = Project.objects.create(name="other")
        kept = keep_upload(other, io.BytesIO(lines(asked(1))), "quiz.jsonl")
        for field in ("where", "upload"):
            answer = register(client, **{field: kept.text})
            assert answer.status_code == 422 and "This upload is gone" in answer.content.decode()
        assert not Source.objects.exists()

    def test_a_redirect_to_loopback_fails_the_look_and_the_source_can_be_put_right(
        self, client, curator, monkeypatch
    ):
        with FakeWeb() as web:
            monkeypatch.setattr(finding, "NETWORK", web.network)
            web.pages["/data/train.jsonl"] = leads_to("http://127.0.0.1/keys.jsonl")
            assert register(client, where="http://data.example/data/train.jsonl").status_code == 302
            jobs.work(Run.objects.get().pk)
        shown = text(client, "source-mapping", "quiz")
        assert "is not a public address" in shown and "Read from elsewhere" in shown
        assert "failed" in text(client, "sources")
        assert looked(client, name="", again="quiz").status == "done"

    def test_a_zip_bomb_is_no_file_that_is_read(self, client, curator):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x.jsonl", b" " * (4 << 20))
        answer = register(client, packed.getvalue(), called="bomb.zip")
        assert answer.status_code == 422 and "of a kind that cannot be read" in answer.content.decode()
        assert not Source.objects.exists() and not store().folders("uploads")[1:]

    def test_a_gzip_bomb_ends_its_import_with_a_sentence(self, client, curator, settings):
        settings.MAX_UNPACKED_BYTES = 1 << 20
        bomb = gzip.compress(lines(asked(1)) + b" " * (4 << 20))
        look = looked(client, bomb, called="quiz.jsonl.gz")
        client.post(url("source-import", "quiz"), form(look))
        run = Run.objects.get(kind="import")
        jobs.work(run.pk)
        assert "unpacks to more than" in text(client, "source", "quiz")
        assert not Source.objects.get().datasets.exists()

    def test_an_upload_that_is_too_large_is_refused(self, client, curator, settings):
        settings.MAX_UPLOAD_BYTES = 1 << 10
        answer = register(client, lines(*map(asked, range(100))))
        assert answer.status_code == 422 and "An upload has at most" in answer.content.decode()
        settings.MAX_UPLOAD_BYTES = -(1 << 20)
        assert register(client, lines(asked(1))).status_code == 400

    def test_a_source_of_the_shell_is_not_opened_by_a_page(self, client, curator, project, tmp_path, root):
        (tmp_path / "quiz.jsonl").write_bytes(lines(asked(1)))
        run = start_import(project, "quiz", location=str(tmp_path / "quiz.jsonl"), split_role="train")
        jobs.work(run.pk)
        shown = text(client, "source", "quiz")
        assert "does not lie where files may be imported from" in shown and "Import again" not in shown
        for name in ("source-look", "source-import"):
            refused = client.post(url(name, "quiz"))
            assert refused.status_code == 422 and "does not lie where" in refused.content.decode()
        assert Run.objects.filter(kind__in=("look", "import")).get() == run

    def test_hostile_names_and_cells_are_text(self, client, curator):
        row = {HOSTILE: HOSTILE, "question": f"{HOSTILE} \u202egnp", "answer": HOSTILE}
        turns = {"messages": [{"role": HOSTILE, "content": "x"}]}
        look = looked(client, lines(row, turns, HOSTILE, asked(1)), called=f'"><img src=x>{HOSTILE}.jsonl')
        imported(client, look=look, max_rejected="100")
        pages = [
            text(client, "source-mapping", "quiz"),
            text(client, "sources"),
            text(client, "source", "quiz"),
            text(client, "source-errors", "quiz"),
            text(client, "sources", q=HOSTILE),
            client.post(url("source-preview", "quiz"), form(look, shape=HOSTILE)).content.decode(),
            register(client, name=HOSTILE, where=HOSTILE, licence=HOSTILE).content.decode(),
        ]
        for shown in pages:
            assert "<script>alert" not in shown and "<img src=x" not in shown
