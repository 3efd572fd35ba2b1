"""Which rows of a source a published recipe takes once the source was cleaned, in whatever way and how often."""

import pytest

from curation.catalogue import recipe
from curation.models import Kind, Source
from curation.questions.recipes import drafted
from decontam.engine.apply import ApplyConfig
from decontam.engine.dedupe import DedupeConfig
from decontam.tasks import ScanConfig, start_apply, start_dedupe, start_scan
from tests.populating import ended

ITEM = "how many litres of rain fall on a roof of forty square metres in one wet day"
OTHER = "which of the seven hills of the old town has no chapel and no well on it"
CLEAN = "Tell me about the tides."


@pytest.fixture
def sourced(project, version):
    """A version of a dataset that is registered as a source."""

    def make(name, *texts, kind=Kind.RECORDS, **said):
        made = version(name, *texts, kind=kind)
        made.dataset.source, _ = Source.objects.get_or_create(
            project=project, name=name, defaults={"kind": "path", "split_role": "train", **said}
        )
        made.dataset.save()
        return made

    return make


@pytest.fixture
def lima(sourced):
    """Four rows: two match a benchmark of development, one a held-out one."""
    return sourced("lima", f"So, {ITEM}? Tell me.", f"First: {OTHER}", CLEAN, ITEM)


@pytest.fixture
def scan(sourced, lima, user):
    benchmarks = [
        sourced(name, item, kind=Kind.BENCHMARK, split_role="eval", benchmark_role=role)
        for name, item, role in (("quiz", ITEM, "dev"), ("exam", OTHER, "unseen"))
    ]
    return ended(start_scan(lima, benchmarks, ScanConfig(), user=user))


@pytest.fixture
def applied(scan, user):
    def apply(**said):
        return ended(start_apply(scan, ApplyConfig(max_removed=1.0, **said), user=user))

    return apply


@pytest.fixture
def deduplicated(user):
    def find(*versions, name):
        config = DedupeConfig(key="prompt", shingle=1, threshold=0.9, allow_loss=True)
        return ended(start_dedupe(list(versions), config, name=name, user=user)).output("deduplicated")

    return find


def taken(project):
    return [str(one.version) for one in drafted(project, recipe("tulu-2-sft")).found]


def test_the_newest_of_two_cleaned_versions_is_taken(project, applied):
    applied()
    applied()
    assert taken(project) == ["lima-clean@2"]


def test_rows_that_were_cut_are_taken_and_those_in_quarantine_are_not(project, applied):
    made = applied(dev="cut", unseen="quarantine")
    assert made.output("clean").subset_of is None and made.output("quarantine").subset_of is not None
    assert taken(project) == ["lima-clean@1"]


def test_what_was_deduplicated_of_the_cleaned_rows_is_taken_until_they_are_cleaned_anew(
    project, applied, deduplicated
):
    deduplicated(applied().output("clean"), name="once")
    assert taken(project) == ["once-deduplicated@1"]
    applied()
    assert taken(project) == ["lima-clean@2"]


def test_what_was_cleaned_of_older_rows_is_not_taken(project, applied, sourced):
    applied()
    sourced("lima", CLEAN)
    assert taken(project) == ["lima@2"]


def test_what_several_versions_were_deduplicated_to_stands_for_none_of_them(
    project, lima, version, deduplicated
):
    deduplicated(lima, version("more", CLEAN, "Where do rivers begin?"), name="both")
    assert taken(project) == ["lima@1"]
