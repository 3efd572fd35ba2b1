"""The table of all scans, one scan, its certificate, and the form that starts one."""

import pytest
from django.urls import reverse

from curation import jobs
from curation.engine.errors import BadInput, Refused
from curation.models import Kind, Project, Run
from curation.questions.waiting import waiting
from curation.tasks.importing import start_import
from decontam.engine.apply import ApplyConfig
from decontam.engine.scan import ScanConfig
from decontam.questions.overlap import overlap
from decontam.tasks.applying import start_apply
from decontam.tasks.rescanning import start_rescan
from decontam.tasks.scanning import start_scan
from tests.populating import chat, ended, lines, populate


@pytest.fixture
def made(project, user, tmp_path, curator):
    return populate(project, user, tmp_path)


def page(client, name, *args, **query):
    return client.get(reverse(name, args=["default", *args]), query)


def test_a_cell_has_both_denominators_and_says_that_it_is_over(made, client):
    (cell,) = [cell for cell in overlap(made.project).cells if cell.training.dataset.name == "chats"]
    assert (cell.line["items_hit"], cell.line["items"], cell.line["rows_hit"], cell.line["rows"]) == (
        2,
        3,
        2,
        4,
    )
    assert cell.over and cell.heat == 1.0 and cell.advice == "drop the matching rows"
    text = page(client, "decontamination").content.decode()
    assert "2 of 3 items; 2 of 4 rows; over the 2 % line" in text
    assert "1 of 1 pairs" in text


def test_what_was_never_compared_says_so(made, client, version):
    version("plain", "nobody scanned this")
    found = overlap(made.project)
    assert found.unscanned == 2  # beside what a deduplication made
    assert "not scanned" in page(client, "decontamination").content.decode()


def test_a_scan_of_an_older_version_is_called_outdated(made, version):
    version("quiz", "a question that nobody asked before this day", kind=Kind.BENCHMARK)
    (cell,) = [cell for cell in overlap(made.project).cells if cell.training.dataset.name == "chats"]
    assert cell.outdated == "compared with quiz@1, and there is quiz@2 now"


def test_the_table_takes_the_same_number_of_queries_however_much_was_scanned(
    made, client, version, user, django_assert_max_num_queries
):
    quiz = made.project.datasets.get(name="quiz").newest()
    for name in ("a", "b", "c"):
        ended(start_scan(version(name, "one", "two"), [quiz], ScanConfig(), user=user))
    with django_assert_max_num_queries(12):
        page(client, "decontamination")


def test_an_empty_project_is_told_what_comes_first(project, curator, client):
    text = page(client, "decontamination").content.decode()
    assert "Nothing has been scanned yet" in text and "Register a benchmark" in text


def test_a_scan_is_started_from_its_form(made, client):
    form = page(client, "scan-new", training="chats-clean@1").content.decode()
    assert '<option value="chats-clean@1" selected>' in form and "checked" in form
    said = {"training": "chats-clean@1", "benchmarks": ["quiz@1"], "unit": "user", "n": 8, "threshold": 0.5}
    said |= {"profile": "default"}
    response = client.post(reverse("scan-new", args=["default"]), said)
    run = Run.objects.filter(kind="scan").latest("pk")
    assert response.url == run.get_absolute_url()
    assert (run.subject, run.user.get_username()) == ("chats-clean", "curator-1")
    jobs.work(run.pk)
    run.refresh_from_db()
    assert run.summary["matches"] == 0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"n": 2}, "n must be from 3 to 1000"),
        ({"threshold": 2}, "threshold must be at least 0 and below 1"),
        ({"profile": "odd"}, "Select a valid choice"),
        ({"benchmarks": []}, "Choose at least one benchmark"),
        ({"training": "quiz@1"}, "quiz@1 is the only benchmark that is named"),
        ({"training": "nobody@1"}, "Select a valid choice"),
    ],
)
def test_a_wrong_setting_is_said_beside_what_was_typed(made, client, change, sentence):
    said = {
        "training": "chats@1",
        "benchmarks": ["quiz@1"],
        "unit": "user",
        "profile": "default",
        "n": 8,
        "threshold": 0.5,
    } | change
    response = client.post(reverse("scan-new", args=["default"]), said)
    assert response.status_code == 422 and sentence in response.content.decode()
    assert Run.objects.filter(kind="scan").count() == 1


def test_a_scan_tells_its_counts_and_what_was_made_of_it(made, client):
    text = page(client, "scan", made.scan.pk).content.decode()
    assert "2 rows of chats@1 match 1 benchmark" in " ".join(text.split())
    assert "apply, policy drop" in text and "66.67 %, over" in text


def test_the_certificate_says_what_was_not_looked_for_and_how_to_repeat_it(made, client):
    text = page(client, "certificate", made.check.pk).content.decode()
    assert "paraphrase" in text and "manage.py scan chats@1" in text and "matches are left in it" in text
    told = page(client, "certificate-json", made.check.pk)
    assert told.json()["subject"]["version"] == "chats@1" and "attachment" in told["Content-Disposition"]


def test_a_scan_of_another_project_is_not_there(made, client, curator, member):
    theirs = Project.objects.create(name="theirs")
    curator.memberships.create(project=theirs, role="curator")
    for name, pk in (("scan", made.scan.pk), ("certificate", made.check.pk)):
        assert client.get(reverse(name, args=["theirs", pk])).status_code == 404


def test_rows_that_were_cleaned_show_their_certificate_instead_of_a_scan(made, client):
    text = page(client, "decontamination").content.decode()
    assert "1 rows removed" not in text and "2 rows removed, 0 unruled matches kept" in text
    assert overlap(made.project).unscanned == 1


# ---- benchmarks against one another


def test_benchmarks_are_compared_with_one_another_without_a_verdict(version, curator, client, project, user):
    shared = "how many legs does a healthy adult spider normally have in all"
    quiz, exam = (
        version("quiz", shared, "another", kind=Kind.BENCHMARK),
        version("exam", shared, kind=Kind.BENCHMARK),
    )
    said = {
        "training": "quiz@1",
        "benchmarks": ["quiz@1", "exam@1"],
        "unit": "user",
        "profile": "default",
        "n": 8,
        "threshold": 0.5,
    }
    client.post(reverse("scan-new", args=["default"]), said)
    run = ended(Run.objects.get(kind="scan"))
    assert run.inputs_of("benchmarks") == [exam] and run.summary["benchmark_items_hit"] == 1
    assert not run.checks.exists() and quiz.checks.count() == 0
    ((row, cells),) = overlap(project).among
    assert (str(row), [cell and cell.line["items_hit"] for cell in cells]) == ("quiz@1", [1, None])
    assert overlap(project).rows == [] and waiting(project, curator) == []
    text = page(client, "decontamination").content.decode()
    assert "Benchmarks against one another" in text
    assert page(client, "review", run.pk).status_code == 200
    assert (
        "apply"
        not in page(client, "scan", run.pk).content.decode().partition("What was made of it")[0].lower()
    )


def test_nothing_is_taken_out_of_a_benchmark_and_none_is_compared_with_itself(version, user):
    quiz = version("quiz", "an item that is long enough to be looked for", kind=Kind.BENCHMARK)
    with pytest.raises(BadInput, match="would be compared with itself"):
        start_scan(quiz, [quiz], ScanConfig())
    run = ended(start_scan(quiz, [version("exam", "one", kind=Kind.BENCHMARK)], ScanConfig(), user=user))
    with pytest.raises(Refused, match="nothing is taken out of it"):
        start_apply(run, ApplyConfig())


def test_a_scan_knows_what_is_common_in_other_sources_that_were_scanned(made, user, tmp_path, version):
    assert made.scan.inputs_of("elsewhere") == [] and made.scan.output("common").rows > 0
    against, place = made.scan.inputs_of("benchmarks"), tmp_path / "web.jsonl"
    own = ended(start_scan(made.scan.input("training"), against, ScanConfig(), user=user))
    assert own.inputs_of("elsewhere") == []
    lines(place, [chat("what stands on the web is another source")])
    web = start_import(
        made.project, "web", location=str(place), split_role="train", licence="cc0-1.0", user=user
    )
    scan = ended(start_scan(ended(web).output("records"), against, ScanConfig(), user=user))
    assert scan.inputs_of("elsewhere") == [own.output("common")]
    assert scan.checks.get().detail["elsewhere"][0]["version"] == str(own.output("common"))
    newer = version("quiz", "which bird builds no nest of its own at all", kind=Kind.BENCHMARK)
    again = ended(start_rescan(scan, [newer], user=user))
    assert again.inputs_of("elsewhere") == [own.output("common")]
    plain = ended(start_scan(web.output("records"), against, ScanConfig(profile="plain"), user=user))
    assert plain.inputs_of("elsewhere") == []
