"""Sources and benchmarks in the browser: registered, listed, read, and put right."""

import pytest
from django.urls import reverse

from curation import jobs
from curation.models import Event, Project, Run, Source
from tests.curation.registering import asked, imported, lines, looked, register, text, url

pytestmark = pytest.mark.django_db


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
