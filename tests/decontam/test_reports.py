"""The report of a scan in the shape of decon's: what its lines say, what they leave out, and where it is had."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.urls import reverse

from curation.models import Kind, Project, Source
from curation.tasks.importing import start_import
from decontam.models import Ruling
from decontam.questions import reviews
from decontam.questions.reports import decon_report
from decontam.tasks import ScanConfig, start_scan
from tests.populating import ITEMS, LEAKED, ended, lines, populate

REQUIRED = {"training_file": str, "training_line": int, "eval_dataset": str, "eval_line": int}
REFERENCE = {
    "eval_key": "legs",
    "config": "all",
    "split": "test",
    "is_correct": True,
    "fingerprint": "32957242b",
}


@pytest.fixture
def made(project, user, tmp_path, curator):
    return populate(project, user, tmp_path)


def told(scan, **said):
    return [json.loads(line) for line in decon_report(scan, **said)]


def test_a_line_has_what_decon_needs_and_names_file_and_line_from_zero(made):
    first, second = told(made.scan)
    assert {name: type(first[name]) for name in REQUIRED} == REQUIRED
    assert (first["training_file"], first["eval_dataset"], first["eval_key"]) == (
        "chats.jsonl",
        "quiz",
        "quiz",
    )
    assert {(one["training_line"], one["eval_line"]) for one in (first, second)} == {(0, 0), (2, 2)}
    assert first["contamination_score"] == 1.0 and "exact" in second["method"].split("+")


def test_what_the_items_own_file_says_is_told_under_the_same_names(project, user, tmp_path, version):
    items = [REFERENCE | {"question": text, "eval_instance_index": 7 + n} for n, text in enumerate(ITEMS)]
    location = lines(tmp_path / "legs.jsonl", items)
    imported = ended(
        start_import(
            project,
            "legs",
            location=location,
            split_role=Source.SplitRole.EVAL,
            benchmark_role="dev",
            user=user,
        )
    )
    scan = ended(start_scan(version("rows", LEAKED), [imported.output("records")], ScanConfig(), user=user))
    (line,) = told(scan)
    assert {name: line[name] for name in REFERENCE} == REFERENCE and line["eval_instance_index"] == 7
    assert (line["training_file"], line["training_line"]) == ("rows@1", 0)  # these rows come from no file
    assert line["training_spans"] == [[0, len(LEAKED)]]


def test_no_text_of_a_benchmark_or_a_row_is_in_it(made):
    every = b"".join(decon_report(made.scan, everything=True)).decode().lower()
    assert not {word for text in ITEMS for word in text.split() if len(word) > 4 and word in every}


def test_what_was_cleared_is_told_only_to_those_who_ask(made, user):
    Ruling.objects.rule(made.scan, [reviews.at(made.scan, 2)], "false alarm", by=user)
    assert [line["match"] for line in told(made.scan)] == [1]
    assert [line["match"] for line in told(made.scan, everything=True)] == [1, 2]


def test_a_suppressed_match_says_why(version, user):
    item = version("quiz", f"{LEAKED}, and how many has the oldest lobster in the bay", kind=Kind.BENCHMARK)
    config = ScanConfig(thresholds={"quiz": 0.99})
    found = ended(start_scan(version("rows", f"{LEAKED}, they asked"), [item], config, user=user))
    assert told(found) == []
    (line,) = told(found, everything=True)
    assert line["suppressed"] == "under the threshold set for this benchmark"


def test_a_scan_that_found_nothing_has_an_empty_report(scan):
    assert told(scan({"quiz": [LEAKED]}, "nothing of the kind")) == []


def test_page_api_and_command_hand_out_the_same(made, client):
    page = client.get(reverse("scan-report", args=["default", made.scan.pk]))
    assert page["Content-Disposition"] == f'attachment; filename="chats-scan-{made.scan.pk}.report.jsonl"'
    own = page.getvalue()
    api = client.get(f"/api/v1/projects/default/scans/{made.scan.pk}/report").getvalue()
    printed = StringIO()
    call_command("scan_report", str(made.scan.pk), "--format", "decon", stdout=printed)
    assert own.decode() == api.decode() == printed.getvalue() and own.count(b"\n") == 2
    assert "JSONL report" in client.get(reverse("scan", args=["default", made.scan.pk])).content.decode()


def test_a_scan_of_another_project_has_no_report_here(made, client):
    other = Project.objects.create(name="other")
    assert client.get(reverse("scan-report", args=[other.name, made.scan.pk])).status_code == 404
    assert client.get(f"/api/v1/projects/other/scans/{made.scan.pk}/report").status_code == 404
