"""A certificate is found out again, of what was scanned and of what was cleaned, and a changed one is caught."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from curation.models import Check, Kind, Version
from decontam.engine.apply import ApplyConfig
from decontam.engine.rules import RuleConfig
from decontam.models import Rule, Ruling
from decontam.questions import reviews
from decontam.questions.certificates import in_full
from decontam.tasks import ScanConfig, start_apply, start_scan
from tests.populating import ended

ITEM = "how many litres of rain fall on a roof of forty square metres in one wet day"
OTHER = "which of the seven hills of the old town has no chapel and no well on it"


@pytest.fixture
def scan(version, user):
    quiz = version("quiz", ITEM, OTHER, kind=Kind.BENCHMARK)
    web = version("web", f"So, {ITEM}? Tell me.", "Tell me of tides.", f"First: {OTHER}", ITEM)
    run = ended(start_scan(web, [quiz], ScanConfig(profile="plain"), user=user))
    match = next(m for m in reviews.page(run).rows if m["score"] < 1 or m["method"] == "ngram")
    Ruling.objects.rule(run, [match], "false alarm", by=user)
    return run


@pytest.fixture
def applied(scan, user):
    return ended(start_apply(scan, ApplyConfig(max_removed=1.0, dev="cut"), user=user))


@pytest.fixture
def recheck(tmp_path):
    """Write a certificate, re-check it: the end of the command and what it printed as JSON."""

    def run(certificate, *options):
        path, out = tmp_path / "certificate.json", StringIO()
        path.write_text(certificate if isinstance(certificate, str) else json.dumps(certificate))
        try:
            call_command("recheck", str(path), "--json", *options, stdout=out)
        except SystemExit as end:
            return end.code, json.loads(out.getvalue())
        except CommandError as error:
            return error.returncode, str(error)
        return 0, json.loads(out.getvalue())

    return run


def certificate_of(run):
    return json.loads(json.dumps(in_full(run.checks.order_by("pk").first())))


def test_the_certificate_of_a_scanned_version_holds_and_leaves_no_verdict(scan, recheck):
    checks = Check.objects.count()
    code, told = recheck(certificate_of(scan))
    assert (code, told["equal"]) == (0, True) and len(told["lines"]) == 12
    assert Check.objects.count() == checks


def test_the_certificate_of_a_cleaned_version_holds_although_rulings_changed_since(
    scan, applied, recheck, user
):
    certificate = certificate_of(applied)
    assert (certificate["counts"]["false_alarms"], certificate["counts"]["rows_cut"]) == (1, 1)
    assert certificate["counts"]["rows_emptied"] == 1
    Ruling.objects.undo(scan, by=user)
    code, told = recheck(certificate)
    assert (code, [line for line in told["lines"] if not line["equal"]]) == (0, [])


@pytest.mark.parametrize("verdict", ["false alarm", "contaminated"])
def test_the_certificate_of_what_was_cleaned_under_a_rule_holds_although_it_ended(
    scan, recheck, user, verdict
):
    rule = Rule.objects.make(scan.project, RuleConfig("phrase", "seven hills", verdict), by=user)
    applied = ended(start_apply(scan, ApplyConfig("ruled", max_removed=1.0), user=user))
    certificate = certificate_of(applied)
    assert certificate["counts"]["suppressed"] == (verdict == "false alarm")
    assert certificate["counts"]["rows_removed"] == (verdict == "contaminated")
    rule.turn(active=False, by=user)
    code, told = recheck(certificate)
    assert (code, [line for line in told["lines"] if not line["equal"]]) == (0, [])


@pytest.mark.parametrize(
    ("place", "key", "value"),
    [
        ("counts", "rows_removed", 0),
        ("counts", "false_alarms", 0),
        ("counts", "rows_cut", 3),
        ("subject", "rows", 4),
    ],
)
def test_a_changed_count_of_a_cleaned_version_is_caught(applied, recheck, place, key, value):
    certificate = certificate_of(applied)
    certificate[place][key] = value
    code, told = recheck(certificate)
    assert code == 1
    assert next(line["said"] for line in told["lines"] if not line["equal"]) in (value, value + 1)


def test_a_changed_count_of_a_benchmark_is_caught_and_named(scan, recheck):
    certificate = certificate_of(scan)
    certificate["benchmarks"][0]["items_hit"] = 0
    code, told = recheck(certificate)
    (wrong,) = [line for line in told["lines"] if not line["equal"]]
    assert (code, wrong) == (1, {"what": "quiz@1: items hit", "said": 0, "found": 2, "equal": False})


def test_versions_are_known_by_their_content_whatever_their_number(scan, recheck):
    Version.objects.filter(dataset__name="quiz").update(number=7)
    assert recheck(certificate_of(scan))[0] == 0


def test_a_version_that_is_missing_or_differs_is_said_in_a_sentence_each(scan, recheck):
    certificate = certificate_of(scan)
    certificate["benchmarks"][0]["content_hash"] = "0" * 64
    certificate["scanned"]["version"] = "elsewhere@1"
    code, said = recheck(certificate)
    assert code == 2
    assert "No version of quiz has the content 000000000000…" in said
    assert "There is no dataset elsewhere in project default; import it first." in said


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[]", "no certificate of the format"),
        ("{", "not valid JSON"),
        (
            '{"format": "winnow-certificate/1", "counts": []}',
            "lacks subject, scanned, benchmarks, config, counts",
        ),
    ],
)
def test_what_is_no_certificate_cannot_be_rechecked(db, recheck, text, sentence):
    code, said = recheck(text)
    assert code == 2 and sentence in said


def test_the_table_is_for_people_and_ends_with_the_verdict(scan, tmp_path):
    path, out = tmp_path / "certificate.json", StringIO()
    path.write_text(json.dumps(certificate_of(scan)))
    call_command("recheck", str(path), stdout=out)
    assert "quiz@1: items hit" in out.getvalue()
    assert out.getvalue().splitlines()[-1] == "All 12 counts are equal: the certificate of web@1 holds."


def test_a_certificate_names_contents_methods_and_what_was_overridden(applied, scan, curator, client):
    certificate = certificate_of(applied)
    assert [one["role"] for one in certificate["inputs"]] == ["benchmarks", "matches", "training"]
    assert {one["role"] for one in certificate["outputs"]} == {"clean", "removed", "rulings"}
    assert all(len(one["content_hash"]) == 64 for one in certificate["inputs"] + certificate["outputs"])
    assert certificate["by_method"]["ngram"]["matches"] == 3
    assert certificate["overrides"] == [] and certificate["suppressed"] == {}
    page = client.get(reverse("certificate", args=["default", applied.checks.first().pk])).content.decode()
    assert "manage.py recheck web-clean-1-certificate.json --project default" in page
    assert "What was read and made" in page and "By method" in page
