from datetime import timedelta

import pytest
from django.utils import timezone

from curation import gates
from curation.engine.errors import BadInput, Refused
from curation.housekeeping import descendants, litter, sweep
from curation.models import Check, Kind, Project, Run, Source, Version, store
from curation.models.project import Membership


def old(run):
    Run.objects.filter(pk=run.pk).update(finished=timezone.now() - timedelta(days=2))


def test_sweep_removes_what_no_row_stands_for(version):
    made = version("kept", "a")
    store().put(f"{made.run.folder}/left-over/x", "litter")
    old(made.run)
    assert sweep(hours=24) == [f"{made.run.folder}/left-over"]
    assert store().folders(made.run.folder) == ["records"]


def test_sweep_leaves_what_may_still_be_needed(version):
    made = version("kept", "a")
    store().put(f"{made.run.folder}/left-over/x", "litter")
    assert list(litter(hours=24)) == []
    old(made.run)
    Run.objects.filter(pk=made.run_id).update(status="running")
    assert list(litter(hours=24)) == []


def test_the_folder_of_a_run_that_made_nothing_goes_whole(version):
    made = version("gone", "a", kind=Kind.REJECTS)
    old(made.run)
    made.delete()
    assert sweep(hours=24) == [made.run.folder]


def test_a_run_whose_files_were_swept_cannot_be_resumed(version, user):
    run = version("gone", "a", kind=Kind.REJECTS).run
    Version.objects.filter(run=run).delete()
    Run.objects.filter(pk=run.pk).update(status="failed")
    old(run)
    assert sweep(hours=24) == [run.folder]
    with pytest.raises(Refused, match="were swept since it stopped; start it anew"):
        run.resume(by=user)


def test_a_purged_version_keeps_its_row_and_manifest(version, user, django_capture_on_commit_callbacks):
    made = version("secret", "a")
    with django_capture_on_commit_callbacks(execute=True):
        made.purge("the licence was revoked", by=user, at=timezone.now())
    again = Version.objects.get(pk=made.pk)
    assert again.content_hash in again.tombstone["manifest"]
    assert store().folders(made.folder) == []
    with pytest.raises(BadInput, match="was purged: the licence was revoked"):
        again.manifest()


def test_descendants_are_followed_at_any_distance(version):
    first, second, third, other = (version(name, name) for name in ("one", "two", "three", "other"))
    second.run.run_inputs.create(version=first, role="training")
    third.run.run_inputs.create(version=second, role="training")
    assert descendants(first) == {second.pk, third.pk}
    assert descendants(other) == set()


def test_a_subset_inherits_the_check_of_the_whole(version, project):
    whole, part = version("whole", "a", "b"), version("part", "a")
    Version.objects.filter(pk=part.pk).update(subset_of=whole)
    part.refresh_from_db()
    quiz = version("quiz", "q", kind=Kind.BENCHMARK)
    assert gates.obstacles(part, project) == ["part@1 has no decontamination check"]
    check(whole, quiz, passed=True)
    assert gates.obstacles(part, project) == []
    check(part, quiz, passed=False)
    assert gates.obstacles(part, project) == ["the decontamination check of part@1 failed (1 row)"]


def check(version, *benchmarks, passed, kind="decontamination"):
    return Check.objects.record(
        version, kind, passed=passed, run=version.run, against=benchmarks, summary="1 row"
    )


def test_passing_one_benchmark_does_not_make_up_for_failing_another(version, project):
    made, quiz, tiny = (
        version("web", "a"),
        version("quiz", "q", kind=Kind.BENCHMARK),
        version("tiny", "t", kind=Kind.BENCHMARK),
    )
    check(made, quiz, passed=False)
    check(made, tiny, passed=True)
    assert gates.obstacles(made, project) == ["the decontamination check of web@1 failed (1 row)"]
    check(made, quiz, passed=True)
    assert gates.obstacles(made, project) == []


def test_a_check_against_a_benchmark_that_changed_meanwhile_is_born_stale(version, project):
    made, quiz = version("web", "a"), version("quiz", "q", kind=Kind.BENCHMARK)
    version("quiz", "r", kind=Kind.BENCHMARK)
    assert check(made, quiz, passed=True).status == "stale"
    assert "is stale: a benchmark changed since" in gates.obstacles(made, project)[0]


def test_a_check_of_the_mixture_itself_counts_beside_those_of_its_leaves(version, project):
    leaf, quiz = version("web", "a"), version("quiz", "q", kind=Kind.BENCHMARK)
    mixture = version("mix", "a", kind=Kind.MIXTURE)
    mixture.run.run_inputs.create(version=leaf, role="components")
    check(leaf, quiz, passed=True)
    assert gates.obstacles(mixture, project) == []
    check(mixture, quiz, passed=False)
    assert gates.obstacles(mixture, project) == ["the decontamination check of mix@1 failed (1 row)"]


def test_what_was_made_of_purged_rows_is_refused_whatever_the_reason(version, project, user):
    source, middle, mixture = (
        version("src", "a"),
        version("clean", "a"),
        version("mix", "a", kind=Kind.MIXTURE),
    )
    middle.run.run_inputs.create(version=source, role="training")
    mixture.run.run_inputs.create(version=middle, role="components")
    source.purge("revoked", by=user, at=timezone.now())
    with pytest.raises(Refused, match="it was made of src@1, which was purged"):
        gates.require_checks(mixture, project, override="I insist")


def test_a_project_without_required_checks_exports_freely(version, project):
    project.required_checks = []
    assert gates.obstacles(version("raw", "a"), project) == []


def test_names_are_looked_up_within_their_project(version, project):
    version("web", "a")
    version("web", "b")
    assert Version.objects.named(project, "web").number == 2
    assert Version.objects.named(project, "web@1").number == 1
    for wrong in ("web@3", "web@x", "nowhere"):
        with pytest.raises(
            BadInput, match=f"There is no version {wrong} in project default. Datasets here: web"
        ):
            Version.objects.named(project, wrong)
    with pytest.raises(BadInput):
        Version.objects.named(Project.objects.create(name="theirs"), "web")


def test_what_a_user_sees_goes_by_membership(version, django_user_model):
    made = version("web", "a")
    insider, outsider, root = (
        django_user_model.objects.create_user(name, is_superuser=name == "root")
        for name in ("in", "out", "root")
    )
    Membership.objects.create(project=made.dataset.project, user=insider, role="viewer")
    seen = {user.username: Version.objects.visible_to(user).count() for user in (insider, outsider, root)}
    assert seen == {"in": 1, "out": 0, "root": 1}


def test_a_source_keeps_its_split_role(project, user):
    fields = {"kind": "files", "location": "a"}
    Source.objects.register(project, "quiz", by=user, split_role="eval", **fields)
    with pytest.raises(Refused, match="quiz is registered as a benchmark"):
        Source.objects.register(project, "quiz", by=user, split_role="train", **fields)
