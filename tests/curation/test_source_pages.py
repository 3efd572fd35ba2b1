"""Sources and benchmarks in the browser: registered, looked at, mapped, imported, read; and what is refused."""

import gzip
import io
import json
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from curation import jobs
from curation.engine.importing import REJECTS, reject_batch
from curation.engine.readers import Reject
from curation.locations import keep_upload
from curation.models import Event, Kind, Project, Run, Source, store
from curation.questions.rejects import Wanted, page
from curation.tasks import finding
from curation.tasks.importing import start_import
from tests.conftest import Nothing
from tests.curation.engine.fake_web import FakeWeb, leads_to

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>"


def asked(n):
    return {"question": f"What is {n}?", "answer": str(n)}


def lines(*rows):
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows).encode()


def url(name, *args):
    return reverse(name, args=["default", *args])


def file(data, name="quiz.jsonl"):
    return SimpleUploadedFile(name, data)


def register(client, data=None, name="quiz", **fields):
    if data is not None:
        fields["file"] = file(data, fields.pop("called", "quiz.jsonl"))
    return client.post(url("source-new"), {"name": name, **fields})


def looked(client, data=None, name="quiz", **fields):
    """Registered through the form, and looked at; the look."""
    answer = register(client, lines(*map(asked, range(30))) if data is None else data, name, **fields)
    assert answer.status_code == 302, answer.content.decode()
    run = Run.objects.filter(kind="look").order_by("-pk").first()
    jobs.work(run.pk)
    run.refresh_from_db()
    assert run.status == "done", run.error + run.traceback
    return run


def form(look, shape="question_answer", **said):
    fields = {"field-prompt": "question", "field-completion": "answer"} if shape == "question_answer" else {}
    return {"look": look.pk, "shape": shape, "drawn": shape, **fields, **said}


def imported(client, data=None, name="quiz", *, look=None, **said):
    look = look or looked(client, data, name)
    answer = client.post(url("source-import", name), form(look, **said))
    assert answer.status_code == 302, answer.content.decode()
    run = Run.objects.filter(kind="import").order_by("-pk").first()
    jobs.work(run.pk)
    run.refresh_from_db()
    assert run.status == "done", run.error + run.traceback
    return run


def text(client, name, *args, **query):
    answer = client.get(url(name, *args), query)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def root(settings, tmp_path):
    (tmp_path / "open").mkdir()
    settings.IMPORT_ROOTS = [tmp_path / "open"]
    (tmp_path / "open" / "quiz.jsonl").write_bytes(lines(asked(1), asked(2)))
    (tmp_path / "secret.jsonl").write_bytes(lines(asked(3)))
    return tmp_path / "open"


class TestRegistering:
    def test_an_upload_leads_to_its_mapping_and_from_there_to_an_import(self, client, curator):
        answer = register(client, lines(*map(asked, range(30))), licence="mit")
        assert answer.url == url("source-mapping", "quiz")
        waiting = text(client, "source-mapping", "quiz")
        assert 'hx-trigger="every 1s"' in waiting and "Waits for a worker" in waiting
        look = Run.objects.get()
        jobs.work(look.pk)
        polled = client.get(url("source-mapping", "quiz"), headers={"HX-Request": "true"})
        assert polled.headers["HX-Refresh"] == "true"
        shown = text(client, "source-mapping", "quiz")
        assert "All 30 rows of the sample can be used" in shown and "What is 0?" in shown
        assert 'value="question" selected' in shown and "every 1s" not in shown
        run = imported(client, look=look)
        source = Source.objects.get()
        assert (source.licence, source.kind, source.mapping["shape"]) == ("mit", "upload", "question_answer")
        assert run.user == curator and run.output("records").rows == 30

    def test_a_path_below_a_root_and_a_benchmark_role_are_taken(self, client, curator, root):
        assert str(root) in text(client, "source-new", role="eval")
        where = f"{root}/quiz.jsonl"
        run = register(client, where=where, split_role="eval", benchmark_role="unseen")
        assert run.status_code == 302
        source = Source.objects.get()
        assert (source.split_role, source.benchmark_role, source.kind) == ("eval", "unseen", "files")

    def test_without_roots_no_path_is_offered(self, client, curator):
        assert "path on this server" not in text(client, "source-new")

    @pytest.mark.parametrize(
        ("said", "sentence"),
        [
            ({"name": "a b"}, "The name of a source must be letters"),
            ({"name": "new"}, "is the address of this form"),
            ({"licence": "x" * 101}, "at most 100 characters"),
            ({"where": "https://data.example/x.jsonl"}, "give one of the two"),
        ],
    )
    def test_what_is_wrong_is_said_and_nothing_typed_is_lost(self, client, curator, said, sentence):
        answer = register(client, lines(asked(1)), **{"name": "quiz", "licence": "mit"} | said)
        shown = answer.content.decode()
        assert answer.status_code == 422 and sentence in shown
        assert all(value in shown for value in said.values()) and not Source.objects.exists()

    def test_a_file_that_was_uploaded_stays_when_the_name_is_taken_by_a_dataset(
        self, client, curator, version
    ):
        version("quiz", "one")
        answer = register(client, lines(asked(1)))
        shown = answer.content.decode()
        assert answer.status_code == 422 and "was not made by quiz" in shown and "is uploaded" in shown
        kept = shown.partition('name="upload" value="')[2].partition('"')[0]
        assert register(client, name="other", upload=kept).status_code == 302
        assert Source.objects.get().location == kept

    def test_nothing_at_all_and_a_name_that_is_taken_are_refused(self, client, curator):
        assert "Choose a file, or say where the rows are" in register(client).content.decode()
        looked(client)
        again = register(client, lines(asked(9)))
        assert again.status_code == 422 and "There is a source quiz already" in again.content.decode()

    def test_a_source_is_read_from_elsewhere_under_its_name(self, client, curator):
        imported(client)
        assert "Read quiz from elsewhere" in text(client, "source-new", source="quiz")
        looked(client, lines(asked(1)), name="", again="quiz")
        source = Source.objects.get()
        assert source.mapping == {} and source.datasets.get().versions.count() == 1
        assert client.post(url("source-new"), {"again": "nobody"}).status_code == 404


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


class TestMapping:
    @pytest.fixture
    def look(self, client, curator):
        return looked(client, lines(*map(asked, range(20)), {"question": "", "answer": "x"}, "{broken"))

    def preview(self, client, look, htmx=True, **said):
        headers = {"HX-Request": "true"} if htmx else {}
        return client.post(url("source-preview", "quiz"), form(look, **said), headers=headers)

    def test_a_change_shows_what_becomes_of_the_rows_at_once(self, client, look):
        shown = self.preview(client, look).content.decode()
        assert "20 of 22 rows of the sample can be used" in shown and "question is empty" in shown
        assert "not valid JSON" in shown and 'id="fields"' not in shown
        assert not Source.objects.get().mapping

    def test_another_shape_brings_its_own_fields_and_keeps_what_was_chosen(self, client, look):
        shown = self.preview(
            client,
            look,
            shape="preference",
            drawn="question_answer",
            **{"field-prompt": "question", "field-completion": "answer"},
        ).content.decode()
        assert 'hx-swap-oob="true"' in shown and 'name="field-chosen"' in shown
        assert "The shape preference needs a column for chosen and rejected" in shown
        assert '<input type="hidden" name="field-completion" value="answer">' in shown

    def test_a_path_can_be_typed(self, client, look):
        asked_for = self.preview(client, look, **{"field-prompt": "\t?"}).content.decode()
        assert 'name="typed" value="prompt"' in asked_for and 'list="paths"' in asked_for
        shown = self.preview(
            client, look, typed="prompt", drawn="question_answer prompt", **{"field-prompt": "answer.b"}
        ).content.decode()
        assert "answer.b is missing" in shown and "hx-swap-oob" not in shown

    def test_a_contradiction_is_a_sentence_and_nothing_typed_is_lost(self, client, look):
        said = {"field-system": "answer", "constant-system": "Be brief."}
        shown = self.preview(client, look, htmx=False, **said).content.decode()
        assert "system cannot be a constant here" in shown and "Be brief." in shown
        refused = client.post(url("source-import", "quiz"), form(look, **said))
        assert refused.status_code == 422 and "Be brief." in refused.content.decode()
        assert not Run.objects.filter(kind="import").exists()

    def test_it_works_without_a_script(self, client, look):
        shown = self.preview(client, look, htmx=False).content.decode()
        assert "20 of 22 rows" in shown and "<h1>" in shown

    def test_speakers_are_renamed(self, client, curator):
        turns = [{"from": "Alice", "value": "Hi"}, {"from": "Bob", "value": "Hello"}]
        look = looked(client, lines({"conversations": turns}), name="talk")
        said = {"field-messages": "conversations", "speaker": ["Alice", "Bob"]}
        ask = form(look, shape="sharegpt", **said)
        shown = text(client, "source-mapping", "talk")
        assert "Alice" in shown and "nobody known" in shown
        before = client.post(url("source-preview", "talk"), ask).content.decode()
        assert "unknown role" in before
        ask["speaks-as"] = ["user", "assistant"]
        assert "All 1 rows" in client.post(url("source-preview", "talk"), ask).content.decode()

    def test_rows_of_no_known_shape_ask_for_one(self, client, curator):
        looked(client, lines({"wibble": "a", "wobble": "b"}))
        shown = text(client, "source-mapping", "quiz")
        assert "No known shape fits these columns" in shown and "Choose the shape of the rows" in shown

    def test_how_files_are_read_can_be_said(self, client, curator):
        looked(client, b"a;b\n1;2\n3;4\n", called="quiz.csv")
        assert "semicolon" in text(client, "source-mapping", "quiz")
        client.post(url("source-look", "quiz"), {"reading": "1", "header": "no", "delimiter": ";"})
        look = Run.objects.order_by("-pk").first()
        assert look.config["options"] == {"header": False, "delimiter": ";"}
        jobs.work(look.pk)
        assert "column_1" in text(client, "source-mapping", "quiz")
        bad = client.post(url("source-look", "quiz"), {"reading": "1", "delimiter": "ab"})
        assert bad.status_code == 422 and "delimiter must be one character" in bad.content.decode()

    def test_an_evaluation_split_has_to_be_confirmed_or_becomes_a_benchmark(self, client, curator):
        look = looked(client, called="quiz_test.jsonl")
        assert "A file looks like an evaluation split" in text(client, "source-mapping", "quiz")
        refused = client.post(url("source-import", "quiz"), form(look))
        assert refused.status_code == 422 and "training on it would leak it" in refused.content.decode()
        assert not Run.objects.filter(kind="import").exists()
        turned = client.post(url("source-change", "quiz"), {"benchmark": "1", "back": "mapping"})
        assert turned.url == url("source-mapping", "quiz") and Source.objects.get().split_role == "eval"
        assert Event.objects.filter(verb="changed").get().detail["fields"] == ["benchmark_role", "split_role"]
        run = imported(client, look=look)
        assert run.output("records").kind == Kind.BENCHMARK

    def test_what_was_confirmed_stays_so_when_it_is_imported_again(self, client, curator):
        imported(client, look=looked(client, called="quiz_test.jsonl"), confirmed="on", max_rejected="7")
        client.post(url("source-import", "quiz"))
        run = Run.objects.order_by("-pk").first()
        assert (run.config["confirmed"], run.config["max_rejected"]) == (True, 0.07)
        jobs.work(run.pk)
        run.refresh_from_db()
        assert run.status == "done" and run.summary["version"] == "quiz@2"

    def test_imported_rows_make_no_benchmark(self, client, curator):
        imported(client)
        refused = client.post(url("source-change", "quiz"), {"benchmark": "1"})
        assert refused.status_code == 422 and "imported as training data" in refused.content.decode()

    @pytest.mark.parametrize("share", ["many", "nan", "-1", "101"])
    def test_a_share_that_is_none_is_refused(self, client, look, share):
        refused = client.post(url("source-import", "quiz"), form(look, max_rejected=share))
        assert refused.status_code == 422

    def test_a_sample_that_was_swept_is_said_to_be_gone(self, client, look):
        store().remove(look.folder)
        assert "The sample of this look is gone" in text(client, "source-mapping", "quiz")

    def test_a_look_of_another_source_or_place_is_not_there(self, client, look):
        assert client.post(url("source-preview", "quiz"), {"look": "999"}).status_code == 404
        assert client.post(url("source-preview", "quiz"), {"look": "x"}).status_code == 404
        Source.objects.update(location="elsewhere")
        assert client.post(url("source-preview", "quiz"), form(look)).status_code == 404

    def test_the_preview_takes_few_queries(self, client, look, django_assert_max_num_queries):
        with django_assert_max_num_queries(10):
            self.preview(client, look)


class TestLists:
    def test_the_lists_take_the_same_queries_however_long(
        self, client, curator, project, django_assert_max_num_queries
    ):
        imported(client)
        for n in range(12):
            role = "eval" if n % 2 else "train"
            Source.objects.create(project=project, name=f"s{n}", kind="hub", location="a/b", split_role=role)
        for name in ("sources", "benchmarks"):
            with django_assert_max_num_queries(12):
                text(client, name)

    def test_the_page_of_a_source_takes_few_queries(self, client, curator, django_assert_max_num_queries):
        imported(client)
        for _ in range(3):
            client.post(url("source-import", "quiz"))
            jobs.work(Run.objects.order_by("-pk").first().pk)
        with django_assert_max_num_queries(14):
            shown = text(client, "source", "quiz")
        assert "quiz@4" in shown and "a question and its answer" in shown

    def test_a_long_list_goes_on_by_name(self, client, curator, project, monkeypatch):
        monkeypatch.setattr("curation.views.sources.PAGE", 2)
        for name in ("a", "b", "c"):
            Source.objects.create(project=project, name=name, kind="hub", location="a/b", split_role="train")
        assert "after=b" in text(client, "sources")
        last = text(client, "sources", after="b")
        assert ">c</a>" in last and "after=" not in last and "First page" in last
        assert "nothing behind" in text(client, "sources", after="c")

    def test_empty_lists_teach(self, client, curator):
        assert "manage.py import" in text(client, "sources")
        assert "manage.py benchmark" in text(client, "benchmarks")
        assert "No source has" in text(client, "sources", q="x")

    def test_a_benchmark_says_how_it_is_used_and_its_role_is_changed(self, client, curator, project):
        look = looked(client, split_role="eval")
        imported(client, look=look)
        assert "30" in text(client, "benchmarks")
        answer = client.post(url("source-change", "quiz"), {"benchmark_role": "unseen", "back": "benchmarks"})
        assert answer.url == url("benchmarks") and Source.objects.get().benchmark_role == "unseen"
        (event,) = Event.objects.filter(verb="changed")
        assert (event.detail["before"], event.detail["after"]) == (
            {"benchmark_role": "dev"},
            {"benchmark_role": "unseen"},
        )
        assert client.post(url("source-change", "quiz"), {"benchmark_role": "x"}).status_code == 422

    def test_a_licence_is_said_anew(self, client, curator):
        looked(client)
        client.post(url("source-change", "quiz"), {"licence": "odc-by"})
        client.post(url("source-change", "quiz"), {"licence": "odc-by"})
        assert Source.objects.get().licence == "odc-by" and Event.objects.filter(verb="changed").count() == 1
        refused = client.post(url("source-change", "quiz"), {"licence": "y" * 101})
        assert refused.status_code == 422 and "y" * 101 in refused.content.decode()
        only = client.post(url("source-change", "quiz"), {"benchmark_role": "dev"})
        assert only.status_code == 422 and "only a benchmark is dev or unseen" in only.content.decode()

    def test_a_viewer_reads_and_does_not_change(self, client, curator, member):
        imported(client)
        client.force_login(member("viewer"), backend="django.contrib.auth.backends.ModelBackend")
        for name, args in (("sources", ()), ("source", ("quiz",)), ("source-errors", ("quiz",))):
            shown = text(client, name, *args)
            assert '<form method="post"' not in shown and "Register a source" not in shown
        for name in ("source-change", "source-look", "source-import", "source-preview"):
            assert client.post(url(name, "quiz")).status_code == 403
        assert client.get(url("source-mapping", "quiz")).status_code == 403

    def test_what_is_elsewhere_is_not_there(self, client, curator):
        other = Project.objects.create(name="other")
        Source.objects.create(project=other, name="quiz", kind="hub", location="a/b", split_role="train")
        for name in ("source", "source-mapping", "source-errors"):
            assert client.get(url(name, "quiz")).status_code == 404
        assert client.get(reverse("source", args=["other", "quiz"])).status_code == 404


class TestErrors:
    def test_rejected_rows_are_told_by_reason_file_and_line(self, client, curator):
        bad = [{"question": "", "answer": "x"}] * 3
        imported(client, lines(*map(asked, range(20)), *bad, "{broken"))
        shown = text(client, "source-errors", "quiz")
        assert "4 rows of quiz could not be used" in shown and "{broken" in shown
        assert "question is empty" in shown and ">24</td>" in shown
        only = text(client, "source-errors", "quiz", reason="question is empty")
        assert "{broken" not in only and ">21</td>" in only
        assert "reason=question%20is%20empty" in shown
        assert "No row was rejected for that" in text(client, "source-errors", "quiz", reason="no such")
        assert client.get(url("source-errors", "quiz"), {"version": "9"}).status_code == 404
        assert client.get(url("source-errors", "quiz"), {"version": "x"}).status_code == 404

    def test_without_rejects_and_without_import_the_page_says_so(self, client, curator):
        looked(client)
        assert "was not imported yet" in text(client, "source-errors", "quiz")
        imported(client, look=Run.objects.get())
        assert "All rows of quiz could be used" in text(client, "source-errors", "quiz")

    @pytest.fixture
    def many(self, project):
        """35,000 rejects in two shards."""

        def write(part):
            shards = []
            for number, rows in enumerate((20_000, 15_000)):
                made = [
                    Reject(
                        "a.jsonl", number * 20_000 + n, "rare" if n % 5000 == 0 else f"r{n % 2}", f"row {n}"
                    )
                    for n in range(rows)
                ]
                shards.append(part.write("rejects", REJECTS, [reject_batch(made)], number))
            part.publish("rejects", "many-rejects", Kind.REJECTS, REJECTS, shards)

        job = jobs.register(jobs.Job("rejecting", (jobs.Stage("rejecting", write),)))
        run = jobs.start(job, project=project, config=Nothing())
        jobs.work(run.pk)
        return Run.objects.get(pk=run.pk).output("rejects")

    def test_pages_go_by_position(self, many):
        first = page(many, Wanted(), limit=3)
        assert [row["line"] for row in first.rows] == [0, 1, 2] and first.after == 2
        last = page(many, Wanted(), after=34_996, limit=3)
        assert [row["line"] for row in last.rows] == [34_997, 34_998, 34_999] and last.after is None
        assert page(many, Wanted(), after=10**12) == page(many, Wanted(), after=34_999)

    def test_a_reason_is_found_wherever_it_stands(self, many):
        found, after = [], -1
        while after is not None:
            got = page(many, Wanted("rare"), after=after, limit=2)
            found += [row["line"] for row in got.rows]
            after = got.after
        assert found == [0, 5000, 10_000, 15_000, 20_000, 25_000, 30_000]
        others = page(many, Wanted(others=("r0", "r1")), limit=50)
        assert [row["reason"] for row in others.rows] == ["rare"] * 7

    def test_the_last_page_reads_no_more_than_the_first(self, many, monkeypatch):
        opened = []
        was = type(store()).open
        monkeypatch.setattr(type(store()), "open", lambda self, path: opened.append(path) or was(self, path))
        page(many, Wanted(), limit=50)
        first = len(opened)
        page(many, Wanted(), after=34_900, limit=50)
        assert len(opened) - first == first
