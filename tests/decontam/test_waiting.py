import pytest

from curation import jobs
from curation.models import Event, Kind
from curation.questions.telling import told
from curation.questions.waiting import waiting
from decontam.engine.apply import ApplyConfig
from decontam.engine.scan import ScanConfig
from decontam.models import Ruling
from decontam.tasks.applying import start_apply
from decontam.tasks.scanning import start_scan

ITEM = "how many litres of rain fall on a roof of forty square metres in one wet day"


@pytest.fixture
def scan(version, curator):
    web = version("web", f"So, {ITEM}? Tell me.", "Something else altogether, please.")
    run = start_scan(web, [version("quiz", ITEM, kind=Kind.BENCHMARK)], ScanConfig(), user=curator)
    jobs.work(run.pk)
    run.refresh_from_db()
    return run


def found(scan):
    return [match for batch in scan.output("matches").batches() for match in batch.to_pylist()]


def what(project, user):
    return [(one.count, one.what) for one in waiting(project, user)]


def test_matches_that_nobody_ruled_wait_until_they_are_applied(project, curator, scan):
    over = (1, "pair of dataset and benchmark is over the 2 % line")
    assert what(project, curator) == [over, (1, "row matches 1 benchmark and waits for a ruling")]
    assert waiting(project, curator)[1].url == f"/p/default/decontamination/scans/{scan.pk}/review/"
    Ruling.objects.rule(scan, found(scan), "contaminated", by=curator)
    assert "1 pair ruled so far" in waiting(project, curator)[1].note
    jobs.work(start_apply(scan, ApplyConfig(max_removed=1.0), user=curator).pk)
    assert what(project, curator) == []


def test_a_scan_of_an_older_version_waits_no_more(project, curator, scan, version):
    version("web", "Quite new.")
    assert [one for one in what(project, curator) if "waits for a ruling" in one[1]] == []


def test_rulings_are_told_with_a_link_to_the_review(project, curator, scan):
    Ruling.objects.rule(scan, found(scan), "contaminated", by=curator)
    (said,) = told(Event.objects.filter(verb="ruled").select_related("who", "project"))
    assert str(said) == f"curator-1 ruled 1 match of scan run {scan.pk}: contaminated"
    assert said.url == f"/p/default/decontamination/scans/{scan.pk}/review/"
