"""A mixture of sources that share rows, with what a deduplication of them removed."""

import json

import pytest
from django.urls import reverse

from curation.engine.errors import DataError
from curation.engine.mixing import Recipe
from curation.questions.stories import story
from curation.tasks.mixing import start_mix
from decontam.engine.dedupe import DedupeConfig
from decontam.tasks import start_dedupe
from tests.populating import finished

SHARED = ["why is the sky so very blue", "why do cats always land on their feet"]


@pytest.fixture
def duplicates(project, user, version):
    """Two sources of four rows that share two; the shared rows of `web` go, those of `books` stay."""
    books = version("books", *SHARED, "what is a noun in a sentence", "who wrote the first dictionary of all")
    web = version(
        "web", *SHARED, "how tall is the tallest tower", "where do rivers begin and where do they end"
    )
    config = DedupeConfig(key="prompt", shingle=1, threshold=0.9, allow_loss=True)
    return finished(start_dedupe([books, web], config, name="both", user=user)).output("removed")


def recipe(*names, **more):
    parts = [{"dataset": name, "fraction": 1.0} for name in names]
    return Recipe.of({"name": "mix", "seed": 1, "components": parts, **more})


def test_duplicates_are_left_out_where_the_kept_row_is_in_the_pool(project, user, duplicates):
    made = finished(start_mix(project, recipe("books", "web", dedupe="both-duplicates"), user=user))
    version = made.output("mixture")
    assert (version.rows, version.facts["left_out"], version.facts["duplicates"]) == (6, 2, 0)
    assert made.config["dedupe"] == "both-duplicates@1"
    told = [row for batch in made.output("removed").batches() for row in batch.to_pylist()]
    assert all("which the mixture can draw" in row["reason"] for row in told) and len(told) == 2
    assert {json.loads(row["evidence"])["from"] for row in told} == {"web@1"}
    steps = [step.what for step in story(project, "mix", told[0]["record_id"])]
    assert any(said.startswith("removed: duplicate of") for said in steps)
    assert not any("not sampled" in said for said in steps)


def test_alone_they_are_kept(project, user, duplicates):
    made = finished(start_mix(project, recipe("web", dedupe="both-duplicates"), user=user))
    assert (made.output("mixture").rows, made.output("mixture").facts["left_out"]) == (4, 0)


def test_removed_rows_of_another_kind_are_refused(project, user, duplicates):
    with pytest.raises(DataError, match="dedupe takes the removed rows of a deduplication"):
        start_mix(project, recipe("books", dedupe="web"), user=user)


def test_the_editor_offers_them_and_counts_what_they_leave_out(client, curator, duplicates):
    page = client.get(reverse("mixture-new", args=["default"])).content.decode()
    assert '<option value="both-duplicates@1">' in page
    sent = {"seed": "1", "dataset": ["books", "web"], "mode": ["fraction"] * 2, "value": ["1.0"] * 2}
    sent["dedupe"] = "both-duplicates@1"
    page = client.post(reverse("mixture-totals", args=["default"]), sent).content.decode()
    assert "2 rows left out as duplicates of rows kept" in page and "6 rows" in page
