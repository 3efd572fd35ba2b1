import gzip
import hashlib
import io
from datetime import timedelta

import pytest
import zstandard
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory
from django.utils import timezone

from curation import jobs, locations
from curation.engine.errors import BadConfig, BadInput, Refused
from curation.housekeeping import sweep
from curation.locations import Location, from_outside, from_shell, keep_upload, of_source, stray_uploads
from curation.models import Project, Run, Source, Version, store
from curation.models import dataset as dataset_module
from curation.tasks import finding
from curation.tasks.importing import start_import
from tests.curation.engine.fake_web import JSONL, FakeWeb, page

pytestmark = pytest.mark.django_db


def upload(project, data=JSONL, name="quiz.jsonl"):
    return keep_upload(project, io.BytesIO(data), name)


def imported(project, location, name="quiz", **options):
    role = options.pop("split_role", Source.SplitRole.TRAIN)
    run = start_import(project, name, location=location, split_role=role, **options)
    jobs.work(run.pk)
    run.refresh_from_db()
    return run


def origins(name="quiz"):
    version = Version.objects.filter(dataset__name=name).order_by("-number").first()
    return [dict(row["meta"])["origin"] for batch in version.batches() for row in batch.to_pylist()]


@pytest.fixture
def root(settings, tmp_path):
    (tmp_path / "open").mkdir()
    settings.IMPORT_ROOTS = [tmp_path / "open"]
    (tmp_path / "open" / "quiz.jsonl").write_bytes(JSONL)
    return tmp_path / "open"


@pytest.fixture
def web(monkeypatch):
    with FakeWeb() as web:
        monkeypatch.setattr(finding, "NETWORK", web.network)
        yield web


@pytest.fixture
def far_store(settings, tmp_path, monkeypatch):
    """A store that is not on this machine's disk."""
    settings.HOME = tmp_path / "home"
    settings.STORE_URL = f"memory://{tmp_path.name}"
    return dataset_module._store(settings.STORE_URL)


class TestFromOutside:
    def test_each_kind_is_told_from_its_text(self, project, root):
        told = {
            "https://data.example/x.jsonl": "url",
            " http://data.example/x.jsonl ": "url",
            f"{root}/quiz.jsonl": "files",
            f"{root}/*.jsonl": "files",
            "team/colours": "hub",
            upload(project).text: "upload",
        }
        made = {text: from_outside(text, project) for text in told}
        assert {text: location.kind for text, location in made.items()} == told
        assert all(location.outside and location.text == text.strip() for text, location in made.items())

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "x.jsonl",
            "data/x.jsonl",
            "file:///etc/passwd",
            "s3://b/x",
            "a::b",
            "~/x",
            "/etc/passwd",
            "C:\\x",
            "http:x",
            "http://me:pw@data.example/",
            "simplecache::s3://b/x",
            "../x/y.jsonl",
            "upload:../../x",
        ],
    )
    def test_anything_else_is_refused(self, project, root, text):
        with pytest.raises((Refused, BadInput, BadConfig)):
            from_outside(text, project)

    def test_the_sentence_says_what_can_be_given(self, project, root):
        with pytest.raises(
            BadInput, match=r"below .*/open; or upload the file, or give an address .* or a Hub id"
        ):
            from_outside("data/x.jsonl", project)

    def test_the_shell_reads_any_path(self, tmp_path):
        assert from_shell(str(tmp_path)) == Location("files", str(tmp_path), outside=False)
        assert from_shell("team/colours").kind == "hub"
        assert from_shell("https://data.example/x.csv").kind == "url"


class TestUploads:
    def test_an_upload_is_kept_under_a_plain_name_with_its_size_and_hash(self, project):
        kept = upload(project, name="../my quiz.jsonl")
        assert kept.text.endswith("/my_quiz.jsonl") and kept.bytes == len(JSONL)
        assert kept.sha256 == hashlib.sha256(JSONL).hexdigest()
        assert from_outside(kept.text, project).kind == "upload"

    @pytest.mark.parametrize(
        ("data", "name", "reason"),
        [
            (b"", "x.jsonl", "x.jsonl is empty"),
            (b"%PDF", "x.pdf", "x.pdf is of a kind that cannot be read"),
            (b" " * (2 << 20), "x.jsonl", "An upload has at most 1 MB"),
        ],
    )
    def test_what_cannot_be_read_is_not_kept(self, project, settings, data, name, reason):
        settings.MAX_UPLOAD_BYTES = 1 << 20
        with pytest.raises((BadInput, Refused), match=reason):
            upload(project, data, name)
        assert store().folders(f"uploads/{project.pk}") == []

    def test_a_request_is_refused_by_its_length(self, settings):
        settings.MAX_UPLOAD_BYTES = 0
        files = [SimpleUploadedFile("x.jsonl", b" " * (2 << 20)), SimpleUploadedFile("x.jsonl", b" ")]
        large, small = (RequestFactory().post("/", {"file": file}) for file in files)
        large.session = {"_auth_user_id": "1"}
        with pytest.raises(RequestDataTooBig):
            large.FILES  # noqa: B018
        assert small.FILES["file"].read() == b" "

    def test_nobody_fills_the_disk_before_signing_in(self, client, settings):
        settings.MAX_UPLOAD_BYTES = 8 << 20
        large = SimpleUploadedFile("x.jsonl", b" " * (2 << 20))
        assert client.post("/login/", {"file": large}).status_code == 400
        large.seek(0)
        request = RequestFactory().post("/", {"file": large})
        request.token = "any"
        assert request.FILES["file"].size == 2 << 20

    def test_an_upload_is_of_one_project_only(self, project):
        other = Project.objects.create(name="other")
        kept = upload(project)
        with pytest.raises(BadInput, match="This upload is gone"):
            from_outside(kept.text, other)
        run = imported(other, Location("upload", kept.text))
        assert (run.status, run.error) == ("failed", "This upload is gone; upload the file again")

    @pytest.mark.parametrize(
        "text", ["upload:x", "upload:" + "a" * 32 + "/../../x", "upload:" + "a" * 32 + "/.."]
    )
    def test_no_other_file_of_the_store_is_an_upload(self, text):
        with pytest.raises(BadInput, match="This is no upload"):
            Location("upload", text)

    def test_what_no_source_is_at_goes_after_a_day(self, project, monkeypatch):
        now = timezone.now()
        monkeypatch.setattr(locations.timezone, "now", lambda: now - timedelta(days=2))
        used, waiting, stray = upload(project), upload(project), upload(project)
        monkeypatch.undo()
        fresh = upload(project)
        Source.objects.create(project=project, name="quiz", kind="upload", location=used.text)
        Run.objects.create(
            project=project, kind="import", config={"kind": "upload", "location": waiting.text}
        )
        folder = f"uploads/{project.pk}/{stray.text[7:39]}"
        assert stray_uploads(hours=24) == [folder]
        assert sweep(hours=24) == [folder]
        kept = {location.text[7:39] for location in (used, waiting, fresh)}
        assert set(store().folders(f"uploads/{project.pk}")) == kept


class TestImports:
    def test_an_upload_is_imported_under_its_plain_name(self, project):
        run = imported(project, upload(project))
        assert (run.status, run.error) == ("done", "")
        assert origins() == [f"quiz.jsonl#{n}" for n in (1, 2, 3)]
        source = Source.objects.get()
        assert (source.kind, of_source(source).kind, len(source.revision)) == ("upload", "upload", 64)

    def test_an_address_is_fetched_and_imported_under_its_plain_name(self, project, web):
        run = imported(project, from_outside("http://data.example/data/train.jsonl?key=1", project))
        assert (run.status, run.error) == ("done", "")
        assert origins() == [f"train.jsonl#{n}" for n in (1, 2, 3)]
        assert len(web.asked) == 1

    def test_what_was_fetched_goes_when_it_was_read(self, project, web, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            run = imported(project, from_outside("http://data.example/data/train.jsonl", project))
        assert store().folders(run.folder) == ["records"]

    @pytest.mark.parametrize("kind", ["url", "upload"])
    def test_workers_of_other_machines_have_the_file_too(self, project, web, far_store, settings, kind):
        given = (
            upload(project) if kind == "upload" else Location("url", "http://data.example/data/train.jsonl")
        )
        run = start_import(project, "quiz", location=given, split_role=Source.SplitRole.TRAIN)
        find, read = Run.objects.get(pk=run.pk), jobs.Part.objects
        part = read.claim("one", run=run.pk)
        jobs._execute(part)
        before = settings.HOME
        settings.HOME = before.with_name("other-machine")
        jobs.work(run.pk)
        find.refresh_from_db()
        assert (find.status, find.error) == ("done", "")
        assert (settings.HOME / "downloads" / str(run.pk)).is_dir() and len(web.asked) == (kind == "url")
        assert imported(project, given).status == "done"
        assert not (settings.HOME / "downloads" / str(run.pk)).exists()  # its run is over

    def test_the_same_ids_come_from_an_upload_and_an_address(self, project, web):
        web.pages["/quiz.jsonl"] = page()
        runs = [
            imported(project, where)
            for where in (upload(project), Location("url", "http://data.example/quiz.jsonl"))
        ]
        assert [run.error for run in runs] == ["", ""]
        first, second = Version.objects.order_by("number")
        assert first.content_hash == second.content_hash

    def test_a_redirect_inside_fails_the_run_with_a_sentence(self, project, web):
        web.names["data.example"] = ["127.0.0.1"]
        run = imported(project, Location("url", "http://data.example/data/train.jsonl"))
        assert run.status == "failed" and "data.example is not a public address" in run.error
        assert not web.asked and store().folders(f"{run.folder}/tmp/fetched") == []

    def test_a_server_in_trouble_is_asked_again(self, project, web):
        answers = iter([page(status=503), page(status=500), page()])
        web.pages["/data/train.jsonl"] = lambda request: next(answers)(request)
        run = imported(project, Location("url", "http://data.example/data/train.jsonl"))
        assert (run.status, len(web.asked)) == ("done", 3)

    def test_a_file_below_a_root_is_imported(self, project, root):
        assert imported(project, from_outside(f"{root}/quiz.jsonl", project)).status == "done"

    def test_the_worker_checks_paths_again(self, project, root, tmp_path):
        given = from_outside(f"{root}/quiz.jsonl", project)
        (tmp_path / "secret.jsonl").write_bytes(JSONL)
        (root / "quiz.jsonl").unlink()
        (root / "quiz.jsonl").symlink_to(tmp_path / "secret.jsonl")
        run = imported(project, given)
        assert run.status == "failed" and "does not lie where files may be imported from" in run.error

    def test_and_again_before_each_file_is_read(self, project, root, tmp_path):
        (tmp_path / "secret.jsonl").write_bytes(JSONL)
        run = start_import(
            project, "quiz", location=from_outside(str(root), project), split_role=Source.SplitRole.TRAIN
        )
        jobs._execute(jobs.Part.objects.claim("one", run=run.pk))
        (root / "quiz.jsonl").unlink()
        (root / "quiz.jsonl").symlink_to(tmp_path / "secret.jsonl")
        jobs.work(run.pk)
        assert "does not lie where" in Run.objects.get(pk=run.pk).error and not Version.objects.exists()

    def test_a_source_of_the_shell_is_not_opened_by_a_page(self, project, tmp_path, root):
        (tmp_path / "quiz.jsonl").write_bytes(JSONL)
        assert imported(project, str(tmp_path / "quiz.jsonl")).status == "done"
        again = imported(project, of_source(Source.objects.get()))
        assert "does not lie where files may be imported from" in again.error


class TestBombs:
    @pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress])
    @pytest.mark.parametrize("kind", ["url", "upload"])
    def test_a_bomb_ends_its_import_and_nothing_of_it_stays(self, project, web, settings, pack, kind):
        settings.MAX_UNPACKED_BYTES = 1 << 20
        bomb = pack(JSONL * 2000 + b" " * (4 << 20))
        web.pages["/quiz.jsonl"] = page(bomb)
        given = (
            upload(project, bomb) if kind == "upload" else Location("url", "http://data.example/quiz.jsonl")
        )
        run = imported(project, given)
        assert run.status == "failed"
        assert "quiz.jsonl unpacks to more than 1,048,576 bytes" in run.error
        assert not Version.objects.exists()

    def test_the_shell_may_read_more(self, project, settings, tmp_path):
        settings.MAX_UNPACKED_BYTES = 1 << 20
        (tmp_path / "quiz.jsonl").write_bytes(gzip.compress(JSONL + b" " * (4 << 20)))
        assert imported(project, str(tmp_path / "quiz.jsonl")).status == "done"

    def test_the_limit_of_this_installation_is_not_saved_with_the_mapping(self, project, settings):
        settings.MAX_UNPACKED_BYTES = 1 << 20
        imported(project, upload(project))
        assert Source.objects.get().mapping["options"]["max_bytes"] == 1 << 40
