"""Mixtures that are built by tokens, weights and strata."""

import pytest

from curation import jobs
from curation.engine.errors import BadInput, DataError
from curation.engine.mixing import Recipe
from curation.engine.records import Content, Message, Record, record_id
from curation.models import Part, Run
from curation.tasks.mixing import start_mix
from curation.tasks.profiling import start_profile


def about(source, topic, count, words=1):
    turns = (Message("user", "why " * words), Message("assistant", "so"))
    return [
        Record(record_id(source, f"{topic}{n}"), source, Content(turns, labels={"topic": topic}))
        for n in range(count)
    ]


@pytest.fixture
def books(version, ended):
    """20 rows about maths and 60 about history, profiled."""
    made = version("books", *about("books", "maths", 20), *about("books", "history", 60, words=5))
    ended(Run.objects.filter(kind="profile", inputs=made).first() or start_profile(made))
    return made


@pytest.fixture
def web(version, ended):
    made = version("web", *about("web", "maths", 30), *about("web", "law", 50))
    ended(Run.objects.filter(kind="profile", inputs=made).first() or start_profile(made))
    return made


@pytest.fixture
def mix(project, user, ended):
    def make(*components, **whole):
        recipe = Recipe.of({"name": "mix", "seed": 1, "components": list(components), **whole})
        return ended(start_mix(project, recipe, user=user)).output("mixture")

    return make


def rows_of(version):
    return [row for batch in version.batches() for row in batch.to_pylist()]


def topics(version):
    found = {}
    for row in rows_of(version):
        key = f"{row['source']} {dict(row['labels'])['topic']}"
        found[key] = found.get(key, 0) + 1
    return found


def test_strata_give_what_they_were_asked_for(mix, books):
    strata = [{"by": "label.topic", "value": "maths", "share": 0.5}]
    made = mix({"dataset": "books", "rows": 40, "strata": strata})
    assert topics(made) == {"books maths": 20, "books history": 20}
    (share,) = made.facts["shares"]
    assert [(part["name"], part["rows"]) for part in share["strata"]] == [("label.topic maths", 20), ("", 20)]


def test_a_stratum_may_be_repeated_more_often_than_the_rest(mix, books):
    strata = [{"by": "label.topic", "value": "maths", "rows": 50}]
    made = mix({"dataset": "books", "rows": 60, "max_repeats": 3, "strata": strata})
    assert topics(made) == {"books maths": 50, "books history": 10}


def test_a_token_budget_is_shared_by_weight_and_met_to_within_a_row(mix, books, web):
    made = mix({"dataset": "books", "weight": 3}, {"dataset": "web", "weight": 1}, tokens=200)
    books_, web_ = made.facts["shares"]
    assert 150 - 6 < books_["tokens"] <= 150 and 50 - 2 < web_["tokens"] <= 50
    counted = {"books": 0, "web": 0}
    for row in rows_of(made):
        said = sum(len(turn["content"].encode()) for turn in row["messages"])
        counted[row["source"]] += -(-said // 4)
    assert counted == {"books": books_["tokens"], "web": web_["tokens"]}
    assert made.facts["tokenizer"] == "bytes/4"
    assert sum(share["rows"] for share in made.facts["shares"]) == made.rows


def test_fewer_tokens_than_a_row_has_make_no_empty_mixture(project, user, version):
    made = version("long", *about("long", "law", 10, words=50))
    jobs.work(Run.objects.get(kind="profile", inputs=made).pk)
    recipe = Recipe.of({"name": "mix", "seed": 1, "components": [{"dataset": "long", "tokens": 30}]})
    run = start_mix(project, recipe, user=user)
    jobs.work(run.pk)
    run.refresh_from_db()
    assert run.status == "failed" and "asks for fewer tokens than any row" in run.error
    assert not project.datasets.filter(name="mix").exists()


def test_the_same_recipe_over_the_same_versions_gives_the_same_bytes(mix, books, web):
    strata = [
        {"by": "label.topic", "value": "maths", "share": 0.3},
        {"by": "turns", "low": 0, "high": 9, "share": 0.7},
    ]
    parts = [
        {"dataset": "books", "weight": 2, "cap": 100},
        {"dataset": "web", "weight": 1, "strata": strata},
    ]
    assert mix(*parts, tokens=150).content_hash == mix(*parts, tokens=150).content_hash


def test_a_plain_recipe_gives_the_bytes_that_it_always_gave(mix, version):
    version("plain", *(f"row {n}" for n in range(30)))
    made = mix({"dataset": "plain", "fraction": 1.5, "max_repeats": 2})
    assert made.rows == 45 and made.run.run_inputs.count() == 1


def test_what_has_no_profile_yet_is_not_measured(project, version):
    version("bare", "a", "b")
    recipe = Recipe.of({"name": "mix", "seed": 1, "components": [{"dataset": "bare", "tokens": 1}]})
    with pytest.raises(BadInput, match="bare@1 has no profile yet"):
        start_mix(project, recipe)


def test_a_label_that_is_in_no_profile_is_refused(project, books):
    strata = [{"by": "label.level", "value": "hard", "share": 0.5}]
    part = {"dataset": "books", "rows": 10, "strata": strata}
    with pytest.raises(DataError, match=r"books@1: there is no label.level in the profile.* label.topic"):
        start_mix(project, Recipe.of({"name": "mix", "seed": 1, "components": [part]}))


@pytest.mark.parametrize("stage", [0, 1])
def test_a_mixture_that_is_cancelled_stops_between_batches(project, version, user, monkeypatch, stage):
    version("plain", *(f"row {n}" for n in range(30)))
    component = {"dataset": "plain", "fraction": 1.5, "max_repeats": 2}
    run = start_mix(project, Recipe.of({"name": "mix", "seed": 1, "components": [component]}), user=user)
    told, tell = [], Part.progress

    def progress(part, done, total):
        if part.stage == stage:
            told.append((done, total))
            run.cancel(by=user)
        tell(part, done, total)

    monkeypatch.setattr(Part, "progress", progress)
    jobs.work(run.pk)
    run.refresh_from_db()
    assert (run.status, told) == ("cancelled", [(30, 60)])
