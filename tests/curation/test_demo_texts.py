"""The demo's data holds what its ledger says, by the plainest form of the rule, and nothing else."""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass

import pytest

from curation.engine.mapping import contents, propose
from curation.engine.mixing import parse
from curation.engine.readers import Reject, find
from curation.engine.records import Content
from curation.management.demo import Kind, build
from curation.management.demo.texts import entries, table

N = 8


@dataclass
class Imported:
    """What an import makes of a file: contents by own id, and the reasons for what it rejects."""

    shape: str
    rows: dict[str, Content]
    reasons: list[str]


def imported(thing):
    (file,) = find(str(thing.path)).files
    mapping = propose([file])
    rows, reasons = {}, []
    for item in contents(file, mapping):
        if isinstance(item, Reject):
            reasons.append(item.reason)
        elif item.own in rows:
            reasons.append("its id occurs in an earlier row")
        else:
            rows[item.own] = item.content
    return Imported(mapping.shape, rows, reasons)


def user_turns(content):
    return [message.content for message in content.messages if message.role == "user"]


def words(text):
    return re.findall(r"\w+", text.lower())


def masked(text):
    return ["0" if word.isdigit() else word for word in words(text)]


def grams(tokens):
    return [tuple(tokens[i : i + N]) for i in range(len(tokens) - N + 1)]


def scores(sources, benchmarks, split=words):
    """The plain rule: {(source, row, benchmark, item): best share of the item's words found in one user turn}."""
    items = {
        (name, own): split("\n".join(user_turns(content)))
        for name, found in benchmarks.items()
        for own, content in found.rows.items()
    }
    at = defaultdict(list)
    for key, tokens in items.items():
        for place, gram in enumerate(grams(tokens)):
            at[gram].append((key, place))
    best = {}
    for name, row, turn in turns_of(sources):
        for key, score in compared(split(turn), items, at).items():
            pair = (name, row, *key)
            best[pair] = max(score, best.get(pair, 0))
    return best


def turns_of(sources):
    for name, found in sources.items():
        for row, content in found.rows.items():
            for turn in user_turns(content):
                yield name, row, turn


def compared(tokens, items, at):
    """{item: score} of one turn; an item of fewer than eight words scores when the turn is just these words."""
    covered = defaultdict(set)
    for gram in grams(tokens):
        for key, place in at.get(gram, ()):
            covered[key].update(range(place, place + N))
    found = {key: len(places) / len(items[key]) for key, places in covered.items()}
    return found | {key: 1.0 for key, item in items.items() if len(tokens) < N and item == tokens}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return build(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def sources(demo):
    return {source.name: imported(source) for source in demo.sources}


@pytest.fixture(scope="module")
def benchmarks(demo):
    return {bench.name: imported(bench) for bench in demo.benchmarks}


@pytest.fixture(scope="module")
def ledger(demo):
    return {(entry.source, entry.row, entry.benchmark, entry.item): entry.kind for entry in demo.planted}


def test_building_twice_writes_the_same_bytes(demo, tmp_path):
    again = build(tmp_path)
    for one, other in zip(
        (*demo.sources, *demo.benchmarks), (*again.sources, *again.benchmarks), strict=True
    ):
        assert one.path.read_bytes() == other.path.read_bytes()
    assert again.planted == demo.planted


def test_building_over_an_older_build_changes_nothing(tmp_path):
    first = [source.path.read_bytes() for source in build(tmp_path).sources]
    assert [source.path.read_bytes() for source in build(tmp_path).sources] == first


def test_every_file_is_recognised_without_a_mapping(sources, benchmarks):
    assert {name: found.shape for name, found in (sources | benchmarks).items()} == {
        "kitchen-and-garden": "messages",
        "lessons": "alpaca",
        "workshop": "preference",
        "pantry-math": "question_answer",
        "town-facts": "question_answer",
        "plain-requests": "prompt",
        "tiny-functions": "prompt_completion",
    }


def test_sources_and_benchmarks_have_the_sizes_that_they_say(demo, sources, benchmarks):
    for source in demo.sources:
        found = sources[source.name]
        assert (len(found.rows), len(found.reasons)) == (source.rows, source.rejected)
    for bench in demo.benchmarks:
        found = benchmarks[bench.name]
        assert (len(found.rows), found.reasons) == (bench.items, [])
        assert 60 <= bench.items <= 120
    assert 1_500 <= sum(source.rows for source in demo.sources) <= 3_000


def test_messy_rows_are_rejected_with_their_reasons(sources):
    told = {
        name: [reason.partition(" at character")[0] for reason in found.reasons]
        for name, found in sources.items()
    }
    assert told == {
        "kitchen-and-garden": [
            "messages: turn 2 (assistant) has no content",
            "not valid JSON: unexpected end of data",
            "messages is missing",
            "its id occurs in an earlier row",
        ],
        "lessons": ["instruction is empty", "output is missing"],
        "workshop": ["chosen equals rejected", "prompt is missing"],
    }


def test_two_benchmarks_are_for_development_and_two_are_unseen(demo):
    assert Counter(bench.role for bench in demo.benchmarks) == {"dev": 2, "unseen": 2}


def test_short_items_are_counted(demo, benchmarks):
    for bench in demo.benchmarks:
        lengths = [
            len(words("\n".join(user_turns(content)))) for content in benchmarks[bench.name].rows.values()
        ]
        assert bench.short == sum(length < N for length in lengths)
    assert {bench.name: bench.short for bench in demo.benchmarks}["town-facts"] >= 12


def test_no_two_rows_and_no_two_items_ask_the_same(sources, benchmarks):
    asked = [tuple(user_turns(content)) for found in sources.values() for content in found.rows.values()]
    assert len(asked) == len(set(asked))
    items = [tuple(user_turns(content)) for found in benchmarks.values() for content in found.rows.values()]
    assert len(items) == len(set(items))


def test_the_plain_rule_finds_every_visible_plant_and_nothing_else(sources, benchmarks, ledger):
    found = {pair for pair, score in scores(sources, benchmarks).items() if score > 0.5}
    assert found == {pair for pair, kind in ledger.items() if kind.visible}


def test_thirty_seven_rows_match_four_benchmarks_and_twenty_go_unseen(ledger):
    visible = [pair for pair, kind in ledger.items() if kind.visible]
    assert len({pair[:2] for pair in visible}) == 37
    assert len({pair[2] for pair in visible}) == 4
    assert len({pair[:2] for pair, kind in ledger.items() if not kind.visible}) == 20
    assert set(ledger.values()) == set(Kind)


def test_some_matches_are_doubtful(sources, benchmarks):
    assert min(scores(sources, benchmarks).values()) < 0.7


def test_innocent_rows_share_no_eight_words_with_an_item_even_with_numbers_masked(
    sources, benchmarks, ledger
):
    assert set(scores(sources, benchmarks, masked)) <= set(ledger)


def test_items_with_other_numbers_are_whole_once_numbers_are_masked(sources, benchmarks, ledger):
    found = scores(sources, benchmarks, masked)
    changed = [pair for pair, kind in ledger.items() if kind is Kind.NUMBERS]
    assert changed and all(found[pair] == 1 for pair in changed)


def test_short_items_lie_only_in_rows_that_the_ledger_names(sources, benchmarks, ledger):
    short = {
        f" {' '.join(tokens)} ": (name, own)
        for name, found in benchmarks.items()
        for own, content in found.rows.items()
        if len(tokens := words("\n".join(user_turns(content)))) < N
    }
    held = {
        (name, row, *item)
        for name, row, turn in turns_of(sources)
        for text, item in short.items()
        if text in f" {' '.join(words(turn))} "
    }
    assert held == {pair for pair, kind in ledger.items() if kind in (Kind.SHORT, Kind.EXACT)}


def test_what_only_the_assistant_says_is_in_no_user_turn(sources, benchmarks, ledger):
    for (source, row, benchmark, item), kind in ledger.items():
        if kind is Kind.ANSWER:
            content = sources[source].rows[row]
            told = [*content.messages, *(m for c in content.completions for m in c.messages)]
            (asked,) = user_turns(benchmarks[benchmark].rows[item])
            assert [message.role for message in told if asked in (message.content or "")] == ["assistant"]


def test_an_item_quoted_twice_stands_there_twice(sources, benchmarks, ledger):
    for (source, row, benchmark, item), kind in ledger.items():
        if kind is Kind.TWICE:
            (asked,) = user_turns(benchmarks[benchmark].rows[item])
            assert max(turn.count(asked) for turn in user_turns(sources[source].rows[row])) == 2


def test_the_answers_of_the_word_problems_are_right():
    for item in table("pantry-math"):
        assert eval(item["working"]) == pytest.approx(float(item["answer"])), item["id"]


def test_the_solutions_of_the_functions_pass_their_checks():
    for item in entries("tiny-functions"):
        exec(f"{item['solution']}\n{item['check']}", {})


def test_every_slot_is_filled(sources):
    talks = (sources["kitchen-and-garden"], sources["lessons"])
    said = [m.content for found in talks for content in found.rows.values() for m in content.messages]
    assert not [text for text in said if re.search(r"\{\w+\}", text)]


def test_the_recipe_mixes_the_cleaned_sources(demo):
    recipe = parse(demo.recipe)
    assert recipe.name == "first-mix"
    assert {part.dataset for part in recipe.components} == {f"{source.name}-clean" for source in demo.sources}
    assert any(part.cap for part in recipe.components)
