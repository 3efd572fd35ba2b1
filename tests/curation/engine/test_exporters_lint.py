"""What readers of a profile stumble over: one row that does, beside one that does not."""

import pytest

from curation.engine.exporters import PROFILES, survey
from curation.engine.exporters.lint import SCORERS, VERIFIERS
from curation.engine.records import Completion, Content, Message, record_id
from tests.curation.engine.making import ANSWER, ASK, CALLING, answer, batch_of

SYSTEM = Message("system", "Be brief.")
FINE = Content((SYSTEM, ASK, ANSWER), (), ground_truth="72", verifier="gsm8k")
NULLS = '[{"function": {"name": "f", "arguments": "{\\"a\\": 1, \\"b\\": null}"}}]'


def warned(profile, *contents, first=False):
    return dict(survey(PROFILES[profile], batch_of(*contents), first=first).warnings.counts)


def asked(truth, verifier, text="Is it?"):
    return Content((Message("user", text),), ground_truth=truth, verifier=verifier)


@pytest.mark.parametrize(
    ("profile", "content", "warning"),
    [
        ("sft_messages", Content((SYSTEM, ASK, ASK, ANSWER)), "does not alternate"),
        ("sft_messages", Content((SYSTEM, ASK, ANSWER, ANSWER)), "does not alternate"),
        ("sft_messages", Content((SYSTEM, ANSWER, ASK, ANSWER)), "does not alternate"),
        (
            "pref_implicit",
            Content((ASK, SYSTEM, ASK), (answer("a"), answer("b", "No.")), 0, 1),
            "not the first",
        ),
        ("sft_messages", Content((ASK, ANSWER)), "does not begin with a system turn"),
        ("sft_messages", Content((SYSTEM, ASK, CALLING, Message("tool", " "), ANSWER)), "empty text"),
        ("sft_messages", Content((SYSTEM, ASK, Message("assistant", None, tool_calls=NULLS))), "are null"),
        (
            "sft_prompt_completion",
            Content((SYSTEM, ASK, CALLING, Message("tool", "3"), ANSWER)),
            "is learned like an answer",
        ),
        (
            "pref_explicit",
            Content(
                (ASK,),
                (
                    Completion("a", (ANSWER,), scores={"score": 1}),
                    answer("b", "No.", thinking="x"),
                    Completion("c", (Message("assistant", "No."),), scores={"score": 2}),
                ),
                0,
                2,
            ),
            "scored worse",
        ),
        ("rlvr_open_instruct", asked("72", "mine"), "names a verifier"),
        ("rlvr_open_instruct", asked("seventy", "gsm8k"), "ground truth that its verifier"),
        ("rlvr_open_instruct", asked("say it loud", "ifeval"), "ground truth that its verifier"),
        ("rlvr_open_instruct", asked('{"keywords": []}', "ifeval_old"), "ground truth that its verifier"),
        ("rlvr_open_instruct", asked("assert f(1) == 2", "code"), "ground truth that its verifier"),
        ("rlvr_verl", asked("72", "mine"), "has a data_source that verl has no scorer for"),
        ("rlvr_verl", asked("72", "gsm8k", "x" * 2049), "has a prompt over 512 tokens"),
        ("alpaca", Content((ASK, ANSWER, ASK, ANSWER)), "only LLaMA-Factory reads"),
    ],
)
def test_a_row_that_misleads_its_reader_is_warned_of(profile, content, warning):
    found = warned(profile, content)
    assert len(found) == sum(warning in told for told in found) == 1


def test_what_its_readers_take_as_it_is_meant_gives_no_warning():
    both = (answer("a", "No."), answer("b", "Yes."))
    pair = Content((ASK,), both, 1, 0, ground_truth="72", verifier="gsm8k")
    assert [name for name in PROFILES if warned(name, pair)] == ["sft_messages"]
    briefly = Content((SYSTEM, ASK), both, 1, 0, ground_truth="72", verifier="gsm8k")
    assert [name for name in PROFILES if warned(name, briefly)] == ["alpaca"]
    constraints = '[{"instruction_id": ["a:b"], "kwargs": [null]}]'
    shapes = [("12,000", "gsm8k"), (constraints, "IFEval"), ('{"func_name": "f"}', "ifeval_old")]
    shapes += [('["assert f(1) == 2"]', "code"), ("x", "general-quality_ref"), ("x", "MATH")]
    assert warned("rlvr_open_instruct", *(asked(*shape) for shape in shapes)) == {}
    sources = [asked("72", name) for name in ("gsm8k", "MATH", "aime2025", "codeforces")]
    assert warned("rlvr_verl", *sources, asked("1", None, "x" * 2048)) == {
        "has a data_source that verl has no scorer for: it needs a reward function of yours": 1
    }
    assert len(VERIFIERS) == 16 and len(SCORERS) == 25


def test_an_ifeval_constraint_may_be_what_python_prints_or_text_in_a_list():
    inner = '{"instruction_id": ["a:b"], "kwargs": [{}]}'
    for truth in ("[{'instruction_id': ['a:b'], 'kwargs': [None]}]", f"['{inner}']", inner):
        assert warned("rlvr_open_instruct", asked(truth, "ifeval")) == {}


def test_large_rows_are_warned_of_where_the_viewer_shows_them():
    long = Content((SYSTEM, Message("user", "x" * 30_000), ANSWER))
    assert warned("sft_messages", *[long] * 12) == {}
    (count,) = warned("sft_messages", *[long] * 12, first=True).values()
    assert count == 10
    assert warned("sft_messages", *[long] * 6, *[FINE] * 4, first=True) == {}


def test_warnings_carry_a_few_ids_and_only_of_rows_that_are_written():
    found = survey(PROFILES["sft_messages"], batch_of(FINE, Content((ASK, ANSWER)), Content((ASK,)))).warnings
    (examples,) = found.examples.values()
    assert examples == (record_id("src", "1"),)
