"""The published files are scanned as they are, and withheld when a benchmark item is in them."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.urls import reverse

from curation import jobs
from curation.engine.errors import BadInput, Refused
from curation.engine.exporting import ExportConfig
from curation.engine.mixing import parse
from curation.gates import EXPORTED, verdict_on_files, withheld
from curation.models import Export, Kind, Part
from curation.tasks.exporting import start_export
from curation.tasks.mixing import start_mix
from decontam.engine.rules import RuleConfig
from decontam.models import Rule, Ruling
from decontam.questions import reviews
from decontam.tasks import ScanConfig, start_export_scan, start_scan
from tests.populating import ended

ITEM = "how many litres of rain fall on a roof of forty square metres in one wet day"
RECIPE = "name: mixed\nseed: 3\ncomponents:\n- dataset: web\n  fraction: 1.0\n"


@pytest.fixture
def exported(project, version, user):
    """An export of both formats and two profiles, without a check that it needs."""
    project.require([], by=user)

    def make(*texts, **config):
        version("web", *texts)
        ended(start_mix(project, parse(RECIPE), user=user))
        said = {"profiles": ["sft_messages", "prompts"], "formats": ["parquet", "jsonl"]} | config
        ended(start_export(project, "mixed", ExportConfig(**said), user=user))
        return Export.objects.latest("pk")

    return make


def scanned(export, user):
    return ended(start_export_scan(export, user=user))


def test_clean_files_pass_and_are_served(exported, version, user, curator, client):
    export = exported("Tell me of tides.", "Tell me of winds.")
    version("quiz", ITEM, kind=Kind.BENCHMARK)
    run = scanned(export, user)
    assert (run.summary["files"], run.summary["rows"], run.summary["check"]) == (4, 8, "passed")
    assert verdict_on_files(export).status == "passed" and withheld(export) == ""
    page = client.get(export.get_absolute_url()).content.decode()
    assert "8 rows in 4 files have no benchmark item" in page


def test_an_item_in_the_files_withholds_them_from_pages_and_api(exported, version, user, curator, client):
    export = exported(f"So, {ITEM}?", "Tell me of winds.")
    quiz = version("quiz", "another item that is long enough for n-grams to see", ITEM, kind=Kind.BENCHMARK)
    run = scanned(export, user)
    (line,) = run.summary["lines"]
    assert (line["items_hit"], line["items"], line["matches"], len(run.summary["files_hit"])) == (1, 2, 4, 4)
    check = verdict_on_files(export)
    assert (check.kind, check.status, list(check.against.all())) == (EXPORTED, "failed", [quiz])
    assert "1 items of quiz@1" in check.summary
    address = reverse("export-file", args=["default", "mixed", 1, "README.md"])
    refused = client.get(address)
    assert refused.status_code == 403 and "are withheld" in refused.content.decode()
    api = client.get("/api/v1/projects/default/exports/mixed/1/files/README.md")
    assert api.status_code == 403 and "are withheld" in api.json()["detail"]
    assert "Withheld." in client.get(export.get_absolute_url()).content.decode()


def test_what_was_ruled_a_false_alarm_is_none_in_the_files_either(exported, version, user):
    export = exported(f"So, {ITEM}?", "Tell me of winds.")
    quiz = version("quiz", ITEM, kind=Kind.BENCHMARK)
    scanned(export, user)
    assert withheld(export)
    scan = ended(start_scan(export.version, [quiz], ScanConfig(), user=user))
    Ruling.objects.rule(scan, reviews.page(scan).rows, "false alarm", by=user)
    assert scanned(export, user).summary["check"] == "passed"
    assert withheld(export) == ""


def test_what_a_rule_clears_is_no_hit_in_the_files_either_until_a_person_says_so(exported, version, user):
    export = exported(f"So, {ITEM}?", "Tell me of winds.")
    quiz = version("quiz", ITEM, kind=Kind.BENCHMARK)
    web = export.mixture.project.datasets.get(name="web").newest()
    scan = ended(start_scan(web, [quiz], ScanConfig(), user=user))
    rule = Rule.objects.make(scan.project, RuleConfig("phrase", "litres of rain"), by=user)
    assert scanned(export, user).summary["check"] == "passed"
    Ruling.objects.rule(scan, reviews.page(scan).rows, "contaminated", by=user)
    assert scanned(export, user).summary["check"] == "failed"
    Ruling.objects.undo(scan, by=user)
    rule.turn(active=False, by=user)
    assert scanned(export, user).summary["check"] == "failed"


def test_what_is_ruled_while_files_are_scanned_judges_none_of_them(exported, version, user):
    export = exported(f"So, {ITEM}?", "Tell me of winds.")
    quiz = version("quiz", ITEM, kind=Kind.BENCHMARK)
    scan = ended(start_scan(export.version, [quiz], ScanConfig(), user=user))
    run = start_export_scan(export, user=user)
    part = Part.objects.claim("a worker", run=run.pk)
    with jobs.pulse.holding(part):
        jobs._execute(part)
    assert list(run.parts.values_list("stage", "status")) == [(0, "done"), *[(1, "open")] * 4]
    Ruling.objects.rule(scan, reviews.page(scan).rows, "false alarm", by=user)
    assert ended(run).summary["check"] == "failed"
    assert scanned(export, user).summary["check"] == "passed"


def test_only_scans_of_what_was_exported_are_asked_what_rules_clear(exported, version, user):
    export = exported(f"So, {ITEM}?", "Tell me of winds.")
    quiz = version("quiz", ITEM, kind=Kind.BENCHMARK)
    other = version("elsewhere", f"So, {ITEM}?", f"Now {ITEM} then?")
    scan = ended(start_scan(other, [quiz], ScanConfig(), user=user))
    Rule.objects.make(scan.project, RuleConfig("phrase", "litres of rain"), by=user)
    assert scanned(export, user).summary["check"] == "failed"
    web = export.mixture.project.datasets.get(name="web").newest()
    ended(start_scan(web, [quiz], ScanConfig(), user=user))
    assert scanned(export, user).summary["check"] == "passed"


def test_what_was_condemned_is_a_hit_in_the_files_although_the_judgement_suppressed_it(
    exported, version, user
):
    export = exported(
        f"So, {ITEM.rpartition(' ')[0]} night?", *(f"Row {k}: {ITEM} of rain" for k in range(9))
    )
    quiz = version("quiz", f"{ITEM} and how much of it is lost", kind=Kind.BENCHMARK)
    scan = ended(start_scan(export.version, [quiz], ScanConfig(), user=user))
    assert scan.summary["training_rows_hit"] == 0
    assert scanned(export, user).summary["check"] == "passed"
    Ruling.objects.rule(scan, reviews.page(scan).rows, "contaminated", by=user)
    assert scanned(export, user).summary["check"] == "failed"


def test_a_verdict_is_about_one_export(exported, version, user):
    first = exported(f"So, {ITEM}?")
    version("quiz", ITEM, kind=Kind.BENCHMARK)
    scanned(first, user)
    second = exported("Tell me of winds.")
    assert withheld(first) and not withheld(second) and verdict_on_files(second) is None


def test_without_benchmarks_or_files_there_is_nothing_to_scan(exported, version, user):
    export = exported("Tell me of winds.")
    with pytest.raises(BadInput, match="has no benchmark to compare"):
        start_export_scan(export)
    version("quiz", ITEM, kind=Kind.BENCHMARK)
    (withdrawn,) = Export.objects.all().withdraw("a mistake", by=user)
    with pytest.raises(Refused, match="was withdrawn"):
        start_export_scan(withdrawn)


def test_it_is_started_from_page_api_and_terminal(exported, version, curator, client):
    export = exported(f"So, {ITEM}?", profiles=["prompts"], formats=["jsonl"])
    version("quiz", ITEM, kind=Kind.BENCHMARK)
    assert (
        reverse("export-scan", args=["default", "mixed", 1])
        in client.get(export.get_absolute_url()).content.decode()
    )
    assert client.post(reverse("export-scan", args=["default", "mixed", 1])).status_code == 302
    assert client.post("/api/v1/projects/default/exports/mixed/1/scan").status_code == 202
    out = StringIO()
    call_command("scan_export", "mixed", "1", stdout=out)
    assert "1 rows in 1 files; check failed" in out.getvalue() and "1 of 1 items" in out.getvalue()
