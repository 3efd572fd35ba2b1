"""Deduplicating versions, from records to records."""

import json
import random
from dataclasses import fields, replace
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from curation import jobs
from curation.engine.errors import BadConfig, BadInput, Cancelled, Refused
from curation.engine.records import Completion, Content, Message, Record
from curation.models import Event, Kind, Part, Version
from decontam.api.duplicates import DedupeIn
from decontam.engine.dedupe import DedupeConfig
from decontam.tasks import deduplicating, start_dedupe
from tests.conftest import record

FOX = "The quick brown fox jumps over the lazy dog near the river bank while the sun goes down behind the old mill"
OWL = "An old grey owl sits alone upon the crooked branch and waits for the night in which it will hunt for mice"
LOOSE = DedupeConfig(key="prompt", threshold=0.6, max_source_loss=1.0)


def prose(seed, count=60):
    chance = random.Random(seed)
    return " ".join(f"w{chance.randrange(5000)}" for _ in range(count))


def changed(text, place):
    found = text.split()
    found[place] = "changed"
    return " ".join(found)


@pytest.fixture
def dedupe(user):
    """`dedupe(version, …)` is the finished run."""

    def make(*versions, config=LOOSE, **options):
        run = start_dedupe(versions, config, user=user, **options)
        jobs.work(run.pk)
        run.refresh_from_db()
        return run

    return make


def prompts(version):
    return [
        row["messages"][0]["content"] for batch in version.batches(["messages"]) for row in batch.to_pylist()
    ]


def rows(version):
    return [row for batch in version.batches() for row in batch.to_pylist()]


def test_duplicates_are_removed_with_the_reason_and_the_row_that_stays(version, dedupe):
    chats = version("chats", FOX, OWL, f" {FOX.upper()}", changed(FOX, 3), "", "")
    run = dedupe(chats)
    assert run.status == "done", run.error + run.traceback
    made, removed, clusters = (run.output(role) for role in ("deduplicated", "removed", "clusters"))
    ids = [row["id"] for row in rows(chats)]
    assert prompts(made) == [FOX, OWL, "", ""] and made.subset_of == chats
    assert (made.kind, removed.kind, clusters.kind) == (Kind.RECORDS, Kind.REMOVED, Kind.CLUSTERS)
    assert (str(made), str(removed), str(clusters)) == (
        "chats-deduplicated@1",
        "chats-duplicates@1",
        "chats-clusters@1",
    )
    exact, near = rows(removed)
    assert exact["record_id"] == ids[2] and exact["reason"] == f"duplicate of {ids[0]}: the same text"
    assert json.loads(near["evidence"]) == {
        "kept_id": ids[0],
        "similarity": 14 / 22,
        "method": "near",
        "cluster": 1,
    }
    told = [(row["cluster"], row["record_id"], row["kept_id"], row["method"]) for row in rows(clusters)]
    assert told == [
        (1, ids[0], ids[0], "kept"),
        (1, ids[2], ids[0], "exact"),
        (1, ids[3], ids[0], "near"),
    ]
    assert run.summary["removed"] == 2 and run.summary["empty"] == 2
    assert run.summary["sources"] == {"chats": {"rows": 6, "lost": 2, "share": 0.333333}}
    assert Event.objects.get(verb="deduplicated").detail["near"] == 1


def test_a_version_that_another_is_held_against_loses_nothing(version, dedupe):
    first = version("first", FOX, FOX, prose(1))
    second = version("second", OWL, FOX, changed(prose(1), 30), OWL)
    run = dedupe(second, against=[first])
    assert prompts(run.output("deduplicated")) == [OWL]
    assert run.output("deduplicated").subset_of == second
    assert {row["reference"] for row in rows(run.output("clusters")) if row["method"] == "kept"} == {
        True,
        False,
    }
    only = dedupe(
        second, against=[first], config=DedupeConfig(key="prompt", each_other=False, max_source_loss=1.0)
    )
    assert prompts(only.output("deduplicated")) == [OWL, OWL]


def test_what_loses_nothing_is_not_counted_among_what_could_go(version, dedupe):
    first = version("first", *(record("chats", f"a{k}", FOX) for k in range(9)))
    second = version("second", *(record("chats", f"b{k}", text) for k, text in enumerate([FOX, OWL])))
    for config in (LOOSE, replace(LOOSE, reference_itself=True)):
        run = dedupe(second, against=[first], config=config)
        assert run.summary["sources"] == {"chats": {"rows": 2, "lost": 1, "share": 0.5}}
        assert (run.summary["removed"], run.summary["exact"], run.output("removed").rows) == (1, 1, 1)
    strict = dedupe(second, against=[first], config=replace(LOOSE, max_source_loss=0.4))
    assert "Source chats would lose 1 of its 2 rows" in strict.error


def test_several_versions_become_one_by_priority(version, dedupe):
    first, second = version("first", FOX, OWL), version("second", OWL, prose(2))
    config = DedupeConfig(key="prompt", sources=["second", "third"])
    run = dedupe(first, second, config=config, name="all")
    made = run.output("deduplicated")
    assert str(made) == "all-deduplicated@1" and made.subset_of is None
    assert prompts(made) == [FOX, OWL, prose(2)]
    assert run.summary["sources"]["first"]["lost"] == 1 and run.summary["unmet_sources"] == ["third"]


def test_responses_are_compared_where_asked(version, dedupe):
    answers = [Record(str(k), "s", Content((Message("user", f"q{k}"),), (
        Completion("a", (Message("assistant", FOX if k % 2 else OWL),)),))) for k in range(4)]  # fmt: skip
    run = dedupe(version("chats", *answers), config=DedupeConfig(key="response"))
    assert [row["id"] for row in rows(run.output("deduplicated"))] == ["0", "1"]


def test_a_source_that_would_lose_too_much_stops_the_run_with_its_clusters_there(version, dedupe):
    chats = version("chats", FOX, FOX, FOX, OWL)
    run = dedupe(chats, config=DedupeConfig(key="prompt", max_source_loss=0.4))
    assert run.status == "failed"
    assert "Source chats would lose 2 of its 4 rows (50.0%)" in run.error
    assert run.output("clusters").facts["over"] == ["chats"]
    assert not Version.objects.filter(dataset__name="chats-deduplicated").exists()
    allowed = dedupe(chats, config=DedupeConfig(key="prompt", max_source_loss=0.4, allow_loss=True))
    assert prompts(allowed.output("deduplicated")) == [FOX, OWL]


def test_results_do_not_depend_on_shards_or_on_the_order_of_parts(version, dedupe, monkeypatch):
    texts = [prose(seed % 40) if seed % 3 else changed(prose(seed % 40), 30) for seed in range(120)]
    plain = dedupe(version("plain", *texts), name="out")
    parts = [version(f"part{k}", *texts[k * 30 : k * 30 + 30]) for k in range(4)]
    monkeypatch.setattr(deduplicating, "PAIRS_A_PART", 5)
    claim = Part.objects._queryset_class.open
    monkeypatch.setattr(
        Part.objects._queryset_class,
        "claim",
        lambda self, *given, **options: _last(self, claim, *given, **options),
    )
    cut = dedupe(*parts, name="out")
    assert cut.status == "done", cut.error + cut.traceback
    assert prompts(cut.output("deduplicated")) == prompts(plain.output("deduplicated"))
    told = ["cluster", "similarity", "method", "position", "kept_position"]
    assert [[row[name] for name in told] for row in rows(cut.output("clusters"))] == [
        [row[name] for name in told] for row in rows(plain.output("clusters"))
    ]


def _last(self, claim, worker, *, run=None, queues=()):
    """Take the last open part instead of the first."""
    found = claim(self).filter(run=run).order_by("-stage", "-index").first()
    return self._take(found.pk, worker) if found else None


def test_exact_duplicates_alone_need_no_pairs(version, dedupe):
    run = dedupe(
        version("chats", FOX, FOX.upper(), changed(FOX, 3)), config=DedupeConfig(key="prompt", near=False)
    )
    assert prompts(run.output("deduplicated")) == [FOX, changed(FOX, 3)]
    stages = {deduplicating.STAGES[part.stage] for part in run.parts.all()}
    assert stages == {"sign", "order", "resolve", "guard", "filter", "publish"}


def test_texts_without_anything_to_compare_are_told(version, dedupe):
    run = dedupe(version("chats", "", answer="Yes."), config=LOOSE)
    assert run.status == "failed" and "None of the 1 rows has any text as prompt" in run.error


def test_a_run_that_is_cancelled_while_it_reads_is_cancelled_and_not_failed(version, dedupe, monkeypatch):
    def stopped(self, done, total):
        if deduplicating.STAGES[self.stage] == "order":
            raise Cancelled("stopped")

    monkeypatch.setattr(Part, "progress", stopped)
    monkeypatch.setattr(Part, "let_go", lambda self, **_: self.mine().update(status="done"))
    run = dedupe(version("chats", FOX, FOX))
    assert run.status == "running" and not run.error


def test_what_cannot_be_deduplicated_is_refused(version, user):
    chats, quiz = version("chats", FOX), version("quiz", OWL, kind=Kind.BENCHMARK)
    with pytest.raises(BadInput, match="quiz@1 holds benchmark items"):
        start_dedupe([quiz], LOOSE, user=user)
    with pytest.raises(BadInput, match="given twice"):
        start_dedupe([chats], LOOSE, against=[chats], user=user)
    with pytest.raises(BadInput, match="no version to deduplicate"):
        start_dedupe([], LOOSE, user=user)
    version("taken-clusters", FOX)
    with pytest.raises(Refused, match="The name taken-clusters stands for records"):
        start_dedupe([chats], LOOSE, name="taken", user=user)
    with pytest.raises(BadConfig):
        DedupeConfig(key="everything")


def test_the_command_tells_what_went_and_why(version):
    version("chats", *(record("chats", k, text) for k, text in enumerate([FOX, FOX.upper(), OWL])))
    out = StringIO()
    call_command("dedupe", "chats", "--key", "prompt", stdout=out)
    assert "1 of 3 rows removed, 1 the same and 0 similar, in 1 clusters" in out.getvalue()
    assert "chats: 1 of 3 rows (33.3%)" in out.getvalue()
    with pytest.raises(CommandError, match="would lose 1 of its 3 rows"):
        call_command("dedupe", "chats", "--max-source-loss", "0.1", stdout=out)
    with pytest.raises(CommandError, match="Name the field"):
        call_command("dedupe", "chats", "--keep", "quality", stdout=out)


# ---- pages and API


def test_the_form_starts_a_run_and_gives_back_what_cannot_be_meant(version, client, curator, project):
    version("chats", FOX, FOX)
    said = {"versions": ["chats@1"], "key": "prompt", "near": "on", "threshold": "0.8", "keep": "first"}
    said |= {"shingle": "3", "closure": "on"}
    url = f"/p/{project.name}/decontamination/duplicates/new/"
    assert b"chats@1, 2 rows" in client.get(url).content
    wrong = client.post(url, said | {"keep": "quality", "max_source_loss": "0.5"})
    assert wrong.status_code == 422 and b"Name the field to keep by" in wrong.content
    started = client.post(url, said | {"sources": " a, b ,", "max_source_loss": "1"})
    assert started.status_code == 302
    run = project.runs.get(kind="dedupe")
    assert run.config["sources"] == ["a", "b"] and run.config["key"] == "prompt"
    assert (run.config["shingle"], run.config["closure"]) == (3, True)
    short = client.post(url, said | {"shingle": "0", "max_source_loss": "1"})
    assert short.status_code == 422 and b"shingle must be a whole number from 1 to 100" in short.content


def test_the_api_takes_every_setting_of_the_command_and_the_config(version, client, curator, project):
    taken = set(DedupeIn.model_fields) - {"versions", "against", "name"}
    assert taken == {field.name for field in fields(DedupeConfig)} - {"seed"}
    version("chats", FOX, FOX)
    url, body = f"/api/v1/projects/{project.name}/deduplications", {"versions": ["chats"]}
    said = body | {"name": "all", "reference_itself": True, "closure": True, "shingle": 3}
    assert client.post(url, said, content_type="application/json").status_code == 202
    run = project.runs.get(kind="dedupe")
    assert (run.subject, run.config["reference_itself"], run.config["shingle"]) == ("all", True, 3)
    wrong = client.post(url, body | {"name": "a b"}, content_type="application/json")
    assert wrong.status_code == 422 and "must be letters, digits" in wrong.json()["detail"]
    call_command("dedupe", "chats", "--reference-itself", "--name", "again", stdout=StringIO())
    assert project.runs.get(subject="again").config["reference_itself"] is True


def test_the_page_of_clusters_shows_what_was_kept_removed_and_why(
    version, dedupe, client, curator, project, monkeypatch
):
    hostile = "<script>alert(1)</script> " + FOX
    run = dedupe(version("chats", hostile, OWL, hostile.upper(), f"{hostile} and"))
    page = client.get(f"/p/{project.name}/decontamination/duplicates/{run.pk}/").content.decode()
    assert "2 of 4 rows say what another one says" in page
    assert "the same text" in page and "similar text (0." in page and "&lt;script&gt;" in page
    assert "<script>alert" not in page
    monkeypatch.setattr("decontam.views.duplicates.ROWS", 2)
    first = client.get(f"/p/{project.name}/decontamination/duplicates/{run.pk}/").content.decode()
    assert "?after=2" in first and first.count("<strong>kept</strong>") == 1
    last = client.get(f"/p/{project.name}/decontamination/duplicates/{run.pk}/?after=2").content.decode()
    assert "?after=0" in last and "<strong>kept</strong>" not in last
    beyond = client.get(f"/p/{project.name}/decontamination/duplicates/{run.pk}/?after=99").content.decode()
    assert "no rows behind this number" in beyond


def test_a_refused_run_shows_its_clusters_and_an_open_one_its_progress(
    version, dedupe, client, curator, project
):
    chats = version("chats", FOX, FOX, OWL)
    refused = dedupe(chats, config=DedupeConfig(key="prompt", max_source_loss=0.1))
    page = client.get(f"/p/{project.name}/decontamination/duplicates/{refused.pk}/").content.decode()
    assert "over the limit" in page and "would lose 1 of its 3 rows" in page
    begun = start_dedupe([chats], LOOSE)
    assert client.get(f"/p/{project.name}/decontamination/duplicates/{begun.pk}/").status_code == 302
    assert client.get(f"/p/{project.name}/decontamination/duplicates/{begun.pk + 1}/").status_code == 404


def test_the_api_starts_tells_and_lists(version, client, curator, project):
    chats = version("chats", FOX, OWL, FOX.upper())
    url = f"/api/v1/projects/{project.name}/deduplications"
    body = {"versions": ["chats"], "key": "prompt"}
    wrong = client.post(url, body | {"threshold": 7}, content_type="application/json")
    assert wrong.status_code == 422 and "threshold must be a number from 0.3 to 1" in wrong.json()["detail"]
    assert client.post(url, {"versions": []}, content_type="application/json").status_code == 422
    started = client.post(url, body, content_type="application/json")
    assert started.status_code == 202
    pk = started.json()["run"]
    assert client.get(f"{url}/{pk}/clusters").json() == {"items": [], "next": None}
    jobs.work(pk)
    assert client.get(f"{url}/{pk}").json()["summary"]["removed"] == 1
    first = client.get(f"{url}/{pk}/clusters?limit=1").json()
    assert first["next"] == 1 and first["items"][0]["method"] == "kept"
    (gone,) = client.get(f"{url}/{pk}/clusters?after=1").json()["items"]
    ids = [row["id"] for row in rows(chats)]
    assert (gone["record_id"], gone["kept_id"], gone["version"]) == (ids[2], ids[0], "chats@1")
