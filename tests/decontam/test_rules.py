"""Rules that rulings became: what they clear on the desk, in the preview and in what is applied, and how they end."""

import pytest
from django.urls import reverse

from curation.models import Event, Kind, Project
from decontam.engine.apply import CONTAMINATED, FALSE_ALARM, ApplyConfig
from decontam.engine.rules import RuleConfig
from decontam.models import Rule, Ruling
from decontam.questions import reviews
from decontam.questions.proposals import propose
from decontam.questions.reviews import DESK, Filter
from decontam.questions.rules import reaches
from decontam.tasks import ScanConfig, start_apply, start_scan
from tests.decontam.conftest import match
from tests.populating import ended, populate

LEAKED = "how many legs does a healthy adult spider normally have in all"
OTHER = "what colour is an unripe tomato on the vine in early spring"
LEGS = RuleConfig("phrase", "healthy adult spider", reason="everybody asks that")


@pytest.fixture
def scanned(scan):
    return scan({"quiz": [LEAKED, OTHER]}, f"so {LEAKED}", f"or {LEAKED}", f"and {OTHER}", "nothing", "else")


def make(scan, config, user):
    vars(scan).pop("standing", None)  # as the next request sees it
    return Rule.objects.make(scan.project, config, by=user)


def turn(rule, scan, active, user):
    vars(scan).pop("standing", None)
    return rule.turn(active=active, by=user)


def removed(scan, policy="drop"):
    config = ApplyConfig(policy, max_removed=1)
    foreseen = reviews.preview(scan, config)
    run = ended(start_apply(scan, config))
    assert (foreseen.removed, foreseen.suppressed, foreseen.unruled_kept) == (
        run.summary["removed"],
        run.summary["suppressed"],
        run.summary["unruled_kept"],
    )
    return run.summary["removed"]


def test_a_rule_clears_on_the_desk_in_the_preview_and_in_what_is_applied(scanned, user):
    assert reviews.counts(scanned).open == 3 and removed(scanned) == 3
    rule = make(scanned, LEGS, user)
    assert reviews.counts(scanned) == reviews.Tally(3, 3, 1, 0, 0, suppressed=2)
    assert reviews.suppressions(scanned) == {f"rule {rule.pk}: everybody asks that": 2}
    assert len(reviews.page(scanned, DESK).rows) == 1
    (one, _) = reviews.page(scanned, Filter(why=f"rule {rule.pk}: everybody asks that")).rows
    assert one["suppressed"] == reviews.at(scanned, one["seq"])["suppressed"]
    assert removed(scanned) == 1


def test_out_of_force_everything_is_as_before(scanned, user):
    rule = make(scanned, LEGS, user)
    reviews.counts(scanned)
    assert turn(rule, scanned, False, user) and not turn(rule, scanned, False, user)
    assert reviews.counts(scanned).open == 3 and removed(scanned) == 3
    assert turn(rule, scanned, True, user) and removed(scanned) == 1
    told = Event.objects.filter(kind="rule").order_by("pk").values_list("verb", flat=True)
    assert list(told) == ["rule made", "rule turned", "rule turned"]


def test_what_a_person_ruled_is_worth_more_than_a_rule(scanned, user):
    make(scanned, LEGS, user)
    mine = reviews.page(scanned, Filter(suppressed="yes")).rows[0]
    Ruling.objects.rule(scanned, [mine], CONTAMINATED, by=user)
    assert reviews.counts(scanned).suppressed == 1 and removed(scanned) == 2
    make(scanned, RuleConfig("item", mine["item_fingerprint"], CONTAMINATED), user)
    Ruling.objects.rule(scanned, [mine], FALSE_ALARM, by=user)
    assert removed(scanned, "ruled") == 1  # the other one, by the rule


def test_what_was_applied_says_for_ever_which_rules_held(scanned, user):
    rule = make(scanned, LEGS, user)
    run = ended(start_apply(scanned, ApplyConfig()))
    (frozen,) = (row for batch in run.output("rulings").batches() for row in batch.to_pylist())
    assert (frozen["rule"], frozen["condition"], frozen["value"], frozen["verdict"], frozen["by"]) == (
        rule.pk,
        "phrase",
        "healthy adult spider",
        FALSE_ALARM,
        "shell",
    )
    assert run.summary["rules"] == 1


def test_a_rule_holds_for_its_dataset_and_its_benchmark_only(scanned, user):
    for scope in ({"dataset": "elsewhere"}, {"benchmark": "exam"}):
        make(scanned, RuleConfig("phrase", "healthy adult spider", **scope), user)
    assert reviews.counts(scanned).open == 3
    make(scanned, RuleConfig("phrase", "healthy adult spider", dataset="chats", benchmark="quiz"), user)
    assert reviews.counts(scanned).open == 1


def test_a_proposal_tells_what_would_change_and_what_stays(scanned, user):
    legs = [m for m in reviews.page(scanned).rows if "spider" in m["phrase"]]
    Ruling.objects.rule(scanned, legs[:1], CONTAMINATED, by=user)
    found = propose(scanned, LEGS)
    assert found.said == (
        "This rule would clear 1 match in this scan; a person ruled 1 match more contaminated, which stays."
    )
    assert [m["seq"] for m in found.first] == [m["seq"] for m in legs]
    assert propose(scanned, RuleConfig("cause", "nothing")).matches == 0
    assert propose(scanned, RuleConfig("cause", legs[0]["cause"], dataset="elsewhere")).matches == 0


def test_rules_tell_of_how_many_matches_they_speak_in_the_newest_scans(scanned, user):
    rule = make(scanned, LEGS, user)
    (reach,) = reaches(scanned.project, [rule])
    assert reach.scans == [(scanned, 2)]


def test_evidence_is_never_rewritten(found, user):
    scan = found([match("a", "1")])
    make(scan, RuleConfig("cause", "c"), user)
    (row,) = (row for batch in scan.output("matches").batches() for row in batch.to_pylist())
    assert row["suppressed"] is None and reviews.at(scan, 1)["suppressed"].startswith("rule")


# ---- pages and the API


@pytest.fixture
def made(project, user, tmp_path, curator):
    return populate(project, user, tmp_path)


def test_a_rule_is_previewed_and_made_from_a_pair(client, made, curator):
    url = reverse("rule-new", args=["default", made.scan.pk])
    desk = client.get(reverse("review", args=["default", made.scan.pk]), {"seq": 2}).content.decode()
    assert f"{url}?seq=2" in desk
    text = client.get(url, {"seq": 2}).content.decode()
    assert "This rule would clear 1 match in this scan." in text
    assert "a person ruled 1 match more contaminated" in client.get(url, {"seq": 1}).content.decode()
    said = {
        "seq": 2,
        "condition": "item",
        "benchmark": "",
        "verdict": "false alarm",
        "reason": "<b>too short</b>",
    }
    assert client.post(url, said).url == reverse("rules", args=["default"])
    rule = Rule.objects.latest("pk")
    assert (rule.by, rule.condition, rule.benchmark, rule.dataset) == (curator, "item", "", "chats")
    text = client.get(reverse("rules", args=["default"])).content.decode()
    assert "&lt;b&gt;too short&lt;/b&gt;" in text and "<b>too short" not in text and "in chats" in text
    report = client.get(reverse("scan", args=["default", made.scan.pk])).content.decode()
    assert "Suppressed" in report and "too short" in report


def test_a_rule_without_a_phrase_is_refused_and_what_was_typed_stays(client, made):
    url = reverse("rule-new", args=["default", made.scan.pk])
    said = {"seq": 2, "condition": "phrase", "phrase": "?!", "reason": "kept as typed"}
    response = client.post(url, said)
    assert response.status_code == 422 and "Say which cause, item or phrase" in response.content.decode()
    assert "kept as typed" in response.content.decode() and Rule.objects.count() == 1


def test_a_rule_is_taken_out_of_force_on_its_page(client, made):
    url = reverse("rule-turn", args=["default", made.rule.pk])
    client.post(url, {"active": "0"})
    made.rule.refresh_from_db()
    assert not made.rule.active
    assert "out of force" in client.get(reverse("rules", args=["default"])).content.decode()
    audit = client.get(reverse("audit", args=["default"])).content.decode()
    assert "took" in audit and f"rule {made.rule.pk}" in audit


def test_a_rule_of_another_project_is_not_there(client, made, curator):
    theirs = Project.objects.create(name="theirs")
    curator.memberships.create(project=theirs, role="curator")
    assert (
        client.post(reverse("rule-turn", args=["theirs", made.rule.pk]), {"active": "0"}).status_code == 404
    )


def test_rules_by_a_program(client, made):
    base, scan = "/api/v1/projects/default", made.scan.pk
    asked = {"condition": "phrase", "value": "name a planet"}
    told = client.get(f"{base}/scans/{scan}/rule-preview", asked).json()
    assert (told["matches"], told["changes"], told["seqs"]) == (1, 1, [2])
    rule = client.post(f"{base}/rules", asked, content_type="application/json")
    assert rule.status_code == 201 and rule.json()["by"] == "curator-1"
    pk = rule.json()["id"]
    turned = client.put(f"{base}/rules/{pk}", {"active": False}, content_type="application/json").json()
    assert turned["active"] is False
    assert [one["id"] for one in client.get(f"{base}/rules").json()["items"]] == [pk, made.rule.pk]
    wrong = client.post(f"{base}/rules", asked | {"condition": "colour"}, content_type="application/json")
    assert wrong.status_code == 422 and "A rule has no 'colour'" in wrong.json()["detail"]


def test_the_verdict_of_a_scan_heeds_the_rules_that_hold(version, user):
    quiz = version("quiz", LEAKED, kind=Kind.BENCHMARK)
    chats = version("chats", f"so {LEAKED}", "nothing")

    def verdict():
        return ended(start_scan(chats, [quiz], ScanConfig(profile="plain"))).checks.get()

    assert verdict().status == "failed"
    rule = Rule.objects.make(chats.dataset.project, LEGS, by=user)
    cleared = verdict()
    assert cleared.status == "passed" and "1 of them cleared" in cleared.summary
    assert cleared.detail["counts"]["rows_that_count"] == 0
    rule.turn(active=False, by=user)
    Rule.objects.make(chats.dataset.project, RuleConfig("phrase", "healthy adult", CONTAMINATED), by=user)
    assert verdict().detail["counts"]["rows_that_count"] == 1
