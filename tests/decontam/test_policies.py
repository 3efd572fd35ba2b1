"""What becomes of rows by the role of a benchmark, of a source over the line, and the policy of a project."""

import pytest
from django.urls import reverse

from curation.engine.errors import BadConfig, Refused
from curation.gates import obstacles
from curation.models import Event, Kind, Source
from curation.questions.telling import told
from decontam.engine.apply import ApplyConfig
from decontam.models import Policy, Ruling
from decontam.questions import reviews
from decontam.tasks import ScanConfig, start_apply, start_scan
from tests.populating import ended

ITEM = "how many litres of rain fall on a roof of forty square metres in one wet day"
OTHER = "which of the seven hills of the old town has no chapel and no well on it"
CLEAN = "Tell me about the tides."


@pytest.fixture
def scan(project, version, user):
    """A scan of rows that match a benchmark of development, a held-out one, or none."""
    quiz, exam = version("quiz", ITEM, kind=Kind.BENCHMARK), version("exam", OTHER, kind=Kind.BENCHMARK)
    for one, role in ((quiz, "dev"), (exam, "unseen")):
        one.dataset.source = Source.objects.create(
            project=project, name=one.dataset.name, kind="path", split_role="eval", benchmark_role=role
        )
        one.dataset.save()
    web = version("web", f"So, {ITEM}? Tell me.", f"First: {OTHER}", CLEAN, ITEM)
    return ended(start_scan(web, [quiz, exam], ScanConfig(), user=user))


def applied(scan, user, **said):
    return ended(start_apply(scan, ApplyConfig(max_removed=1.0, **said), user=user))


def first_turns(version):
    return [
        turns[0]["content"] for batch in version.batches() for turns in batch.column("messages").to_pylist()
    ]


def test_the_source_should_go_whole_when_a_held_out_benchmark_is_hit_too_often(scan, user, project):
    run = applied(scan, user)
    check = run.checks.get()
    assert check.status == "failed"
    assert "the source should go whole: it has 1 of 1 items of exam (100.0%)" in check.summary
    assert "should go whole" in obstacles(run.output("clean"), project)[0]


def test_who_keeps_it_says_why_on_the_certificate_and_in_the_audit_log(scan, user):
    run = applied(scan, user, allow_source="the exam quotes a nursery rhyme")
    check = run.checks.get()
    assert check.status == "passed" and "kept with a reason" in check.summary
    assert check.detail["config"]["allow_source"] == "the exam quotes a nursery rhyme"
    (said,) = told(Event.objects.filter(verb="kept source").select_related("who", "project"))
    assert "over the line for exam: the exam quotes a nursery rhyme" in str(said)


def test_a_scan_is_not_applied_twice_at_once(scan, user):
    first = start_apply(scan, ApplyConfig(max_removed=1.0), user=user)
    with pytest.raises(Refused, match=f"is being applied by run {first.pk}"):
        start_apply(scan, ApplyConfig(max_removed=1.0), user=user)
    ended(first)
    assert applied(scan, user).output("clean").number == 2


def test_a_higher_line_of_the_policy_lets_the_source_pass(scan, user):
    assert applied(scan, user, source_above=1.0).checks.get().status == "passed"


def test_what_is_quarantined_is_a_dataset_whose_check_fails_until_it_is_scanned_again(scan, user, project):
    run = applied(scan, user, unseen="quarantine", source_above=1.0)
    apart = run.output("quarantine")
    assert (str(apart), first_turns(apart)) == ("web-quarantine@1", [f"First: {OTHER}"])
    assert first_turns(run.output("clean")) == [CLEAN]
    reasons = [row["reason"] for b in run.output("removed").batches() for row in b.to_pylist()]
    assert sum(reason.startswith("quarantined: ") for reason in reasons) == 1 and len(reasons) == 3
    assert "1 rows are quarantined" in obstacles(apart, project)[0]
    assert run.checks.get(version=run.output("clean")).status == "passed"
    match = next(m for m in reviews.page(scan).rows if m["benchmark"] == "exam")
    Ruling.objects.rule(scan, [match], "false alarm", by=user)
    ended(start_scan(apart, scan.inputs_of("benchmarks"), ScanConfig(), user=user))
    assert obstacles(apart, project) == []


def test_a_row_is_cut_and_stays_and_what_is_left_wants_a_scan(scan, user, project):
    run = applied(scan, user, dev="cut", source_above=1.0)
    clean = run.output("clean")
    assert first_turns(clean) == ["So, ? Tell me.", CLEAN]
    assert (run.summary["rows_cut"], run.summary["rows_emptied"], run.summary["removed"]) == (1, 1, 2)
    assert clean.subset_of is None
    assert "1 rows were cut: scan what is left of them" in obstacles(clean, project)[0]
    ended(start_scan(clean, scan.inputs_of("benchmarks"), ScanConfig(), user=user))
    assert obstacles(clean, project) == []


def test_only_single_turns_are_cut(scan, user):
    scan.config["unit"] = "joined"
    with pytest.raises(BadConfig, match="only what was found in single turns can be cut"):
        start_apply(scan, ApplyConfig(dev="cut"), user=user)


# ---- the policy of a project

SAID = {"policy": "ruled", "dev": "cut", "unseen": "quarantine", "source_above": 0.5, "max_removed": 0.9}


def test_a_policy_is_saved_once_and_proposed_from_then_on(project, curator, client, scan):
    assert Policy.objects.config(project) == ApplyConfig()
    response = client.post(reverse("policy-change", args=["default"]), SAID)
    assert response.status_code == 302
    assert Policy.objects.config(project) == ApplyConfig(**SAID)
    assert Policy.objects.config(project, dev="drop", unseen=None).dev == "drop"
    client.post(reverse("policy-change", args=["default"]), SAID | {"dev": "drop"})
    assert Policy.objects.get().dev == "drop"
    (_, said) = told(Event.objects.filter(verb="set policy").select_related("who", "project"))
    assert (
        str(said)
        == "curator-1 set the policy of default: cut for development, quarantine for held-out benchmarks"
    )
    assert said.url == reverse("policy", args=["default"])
    page = client.get(reverse("apply-preview", args=["default", scan.pk])).content.decode()
    assert '<option value="quarantine" selected>' in page


def test_a_policy_that_cannot_be_is_refused_beside_what_was_typed(project, curator, client):
    response = client.post(reverse("policy-change", args=["default"]), SAID | {"source_above": 7})
    assert response.status_code == 422 and "from 0 to 1" in response.content.decode()
    assert not Policy.objects.exists()


def test_a_viewer_reads_the_policy_and_changes_nothing(project, client, member):
    client.force_login(member("viewer"), backend="django.contrib.auth.backends.ModelBackend")
    assert "these are the usual settings" in client.get(reverse("policy", args=["default"])).content.decode()
    assert client.post(reverse("policy-change", args=["default"]), SAID).status_code == 403


def test_a_program_reads_and_sets_the_policy(project, curator, client):
    address = "/api/v1/projects/default/policy"
    changed = client.put(address, {"dev": "quarantine"}, content_type="application/json")
    assert changed.json() == client.get(address).json()
    assert changed.json()["dev"] == "quarantine" and changed.json()["policy"] == "drop"
    wrong = client.put(address, {"dev": "burn"}, content_type="application/json")
    assert wrong.status_code == 422 and "Rows cannot be 'burn'" in wrong.json()["detail"]


def test_the_preview_shows_every_benchmark_with_its_role_and_what_is_over(scan, curator, client):
    page = client.get(reverse("apply-preview", args=["default", scan.pk])).content.decode()
    assert "The source should go whole" in page and "1 of 1 items of exam (100.0%)" in page
    told = client.get(
        f"/api/v1/projects/default/scans/{scan.pk}/preview", {"dev": "cut", "unseen": "quarantine"}
    ).json()
    assert (told["removed"], told["quarantined"], told["cut"]) == (1, 1, 2)
    assert told["condemned"] == ["exam"]
