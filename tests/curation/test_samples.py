"""Which rows a card may show."""

import pytest

from curation.engine.exporters import PROFILES, Exporter
from curation.models import DECONTAMINATION, Check, Kind
from curation.questions.samples import sample_rows
from tests.conftest import record

ITEM = "name three\nred things"
EXPORTERS = {"sft_messages": Exporter(PROFILES["sft_messages"])}


@pytest.fixture
def compared(version):
    """A mixture of these texts with a verdict against a benchmark of one short item."""
    quiz = version("quiz", ITEM, kind=Kind.BENCHMARK)

    def make(*texts, against=True):
        mixed = version("mix", *texts, kind=Kind.MIXTURE)
        if against:
            Check.objects.record(
                mixed, DECONTAMINATION, passed=True, run=quiz.run, against=[quiz], summary=""
            )
        return mixed

    return make


def shown(mixed):
    rows = sample_rows(mixed, EXPORTERS).get("sft_messages", ())
    return [row["messages"][0]["content"] for row in rows]


def test_a_few_short_rows_are_shown(compared):
    assert shown(compared("What is rye?", "x" * 3000, "And oats?", "And barley?")) == [
        "What is rye?",
        "And oats?",
    ]


def test_a_row_that_quotes_a_whole_item_is_not_shown(compared):
    quoting = "Please, NAME three red\n\nthings for me"
    assert shown(compared(quoting, "Name three things that are red")) == ["Name three things that are red"]


def test_nothing_is_shown_of_what_nobody_compared(compared):
    assert shown(compared("What is rye?", against=False)) == []


def test_nothing_is_shown_once_the_benchmark_has_changed(compared, version):
    mixed = compared("What is rye?")
    version("quiz", ITEM, "another", kind=Kind.BENCHMARK)
    Check.objects.update(status="stale")
    assert shown(mixed) == []


def test_rows_with_an_address_of_a_person_are_not_shown(compared):
    mixed = compared(record("mix", "a", "Write to jo@example.org", "Yes."), "What is rye?")
    assert shown(mixed) == ["What is rye?"]
