"""Benchmarks that have several rows for a question, as the reference files of decon have one for each choice."""

import pytest

from curation.models import Kind, Source
from curation.tasks.importing import start_import
from decontam.questions import reviews
from decontam.tasks import ScanConfig, start_rescan, start_scan
from tests.conftest import record
from tests.populating import ended, lines

QUESTIONS = [
    "which of the seven hills of the old town has no chapel and no well on it",
    "how often does the lamp of the northern lighthouse turn in a night of ten hours",
]
ANSWERS = [
    "the one behind the brewery, since its owner never believed in anything but beer",
    "the one that the river cuts in half each spring before the orchards flower",
]


def choices(question, *answers, right):
    place = QUESTIONS.index(question)
    return [
        {"eval_key": "quiz", "eval_instance_index": place, "question": question, "answer": answer}
        | {"is_correct": answer == right}
        for answer in answers
    ]


@pytest.fixture
def benchmark(project, user, tmp_path):
    def make(*rows):
        options = {"split_role": Source.SplitRole.EVAL, "benchmark_role": "dev", "user": user}
        return ended(
            start_import(project, "quiz", location=lines(tmp_path / "quiz.jsonl", rows), **options)
        ).output("records")

    return make


def line(scan):
    (found,) = scan.summary["lines"]
    return {name: found[name] for name in ("items", "items_hit", "rows_hit", "matches", "share_of_items")}


@pytest.mark.parametrize("profile", ["default", "plain"])
def test_a_row_for_each_choice_is_one_item_of_the_report_and_of_the_review(benchmark, version, user, profile):
    quiz = benchmark(
        *choices(QUESTIONS[0], *ANSWERS, "none", "all of them", right=ANSWERS[1]),
        *choices(QUESTIONS[1], "once", "twice", "never", right="twice"),
    )
    web = version("web", f"So, {QUESTIONS[0]}? Tell me.", "Nothing of the kind.")
    scan = ended(start_scan(web, [quiz], ScanConfig(profile=profile), user=user))
    assert quiz.rows == 7
    assert line(scan) == {"items": 2, "items_hit": 1, "rows_hit": 1, "matches": 1, "share_of_items": 0.5}
    assert reviews.pair(scan, reviews.at(scan, 1)).item.turns[-1]["content"] == ANSWERS[1]


def test_the_right_answer_alone_is_looked_for_beside_the_question(version, user):
    rows = [
        record("quiz", n, QUESTIONS[0], ground_truth=answer, meta={"is_correct": right})
        for n, (answer, right) in enumerate(zip(ANSWERS, ("false", "true"), strict=True))
    ]
    web = version("web", *(f"I heard it is {answer}." for answer in ANSWERS))
    scan = ended(start_scan(web, [version("quiz", *rows, kind=Kind.BENCHMARK)], ScanConfig(), user=user))
    (match,) = reviews.page(scan).rows
    assert (match["part"], match["record_id"]) == ("answer", _ids(web)[1])


def test_the_same_question_about_another_passage_is_another_item(benchmark, version, user):
    rows = [
        {"passage": f"A story of {name} that everybody in the village knew.", "question": QUESTIONS[0]}
        for name in ("the miller", "the tailor", "the miller")
    ]
    scan = ended(start_scan(version("web", QUESTIONS[0]), [benchmark(*rows)], ScanConfig(), user=user))
    assert (line(scan)["items"], line(scan)["items_hit"]) == (2, 2)


def test_a_new_version_with_its_choices_in_another_order_is_scanned_as_a_whole_would_be(
    benchmark, version, user
):
    web, plain = version("web", f"So, {QUESTIONS[0]}? Tell me."), ScanConfig(profile="plain")
    asked = choices(QUESTIONS[0], "once", "twice", right=None)
    scan = ended(start_scan(web, [benchmark(*asked)], plain, user=user))
    now = benchmark(*asked[::-1], *choices(QUESTIONS[1], "never", right=None))
    again, whole = (
        ended(run) for run in (start_rescan(scan, [now], user=user), start_scan(web, [now], plain, user=user))
    )
    assert line(again) == line(whole) == {**line(scan), "items": 2, "share_of_items": 0.5}
    assert [m["item_id"] for m in reviews.page(again).rows] == [
        m["item_id"] for m in reviews.page(whole).rows
    ]


def _ids(version):
    return [row["id"] for batch in version.batches(["id"]) for row in batch.to_pylist()]
