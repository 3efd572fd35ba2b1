"""Replies that were compared, judged or scored: pairs, thumbs and candidates."""

import json

import pytest

from curation.engine.mapping import Mapping, Shape, own_id, recognise, to_content
from curation.engine.records import Completion
from tests.curation.engine.making import A, B, Q, assistant, content, reason, shape, turns, user


class TestPreferences:
    @pytest.mark.parametrize("side", [lambda t: t, lambda t: {"role": "assistant", "content": t}])
    def test_prompt_and_two_replies(self, side):
        row = {"prompt": Q, "chosen": side(A), "rejected": side(B)}
        got = content(row)
        assert shape(row) is Shape.PREFERENCE
        assert got.messages == (user(Q),)
        assert got.completions == (
            Completion("chosen", (assistant(A),)),
            Completion("rejected", (assistant(B),)),
        )
        assert (got.chosen, got.rejected) == (0, 1)

    def test_llama_factory_pairs(self):
        row = {
            "conversations": [{"from": "human", "value": Q}],
            "chosen": {"from": "gpt", "value": A},
            "rejected": {"from": "gpt", "value": B},
        }
        assert content(row).messages == (user(Q),)
        assert content(row).completions[1].messages == (assistant(B),)

    def test_openai_pairs(self):
        row = {
            "input": {"messages": turns(Q)},
            "preferred_output": [{"role": "assistant", "content": A}],
            "non_preferred_output": [{"role": "assistant", "content": B}],
        }
        assert content(row).completions[0].messages == (assistant(A),)

    def test_full_lists_are_parted_where_they_differ(self):
        row = {"chosen": turns(Q, A, "Sure?", "Yes."), "rejected": turns(Q, A, "Sure?", "No.")}
        got = content(row)
        assert shape(row) is Shape.PREFERENCE_FULL
        assert got.messages == (user(Q), assistant(A), user("Sure?"))
        assert [c.messages for c in got.completions] == [(assistant("Yes."),), (assistant("No."),)]

    def test_ultrafeedback_prefers_full_lists_and_keeps_scores(self):
        row = {
            "prompt": Q,
            "prompt_id": "u1",
            "chosen": turns(Q, A),
            "rejected": turns(Q, B),
            "score_chosen": 8.5,
            "score_rejected": 7,
            "messages": turns(Q, A),
        }
        got = content(row)
        assert [c.scores for c in got.completions] == [{"score": 8.5}, {"score": 7.0}]
        assert own_id(recognise([row]), row) == "u1"
        assert "prompt" not in got.meta

    def test_a_prompt_that_the_conversation_does_not_hold_is_kept(self):
        row = {"prompt": "Another one?", "chosen": turns(Q, A), "rejected": turns(Q, B)}
        assert content(row).meta == {"prompt": "Another one?"}

    def test_replies_with_tool_calls_may_have_several_turns(self):
        call = {"role": "assistant", "tool_calls": [{"function": {"name": "look", "arguments": "{}"}}]}
        long = [*turns(Q), call, {"role": "tool", "content": "blue"}, {"role": "assistant", "content": A}]
        got = content({"chosen": long, "rejected": turns(Q, B)})
        assert [len(c.messages) for c in got.completions] == [3, 1]

    FULL = Mapping(Shape.PREFERENCE_FULL, {"chosen": "chosen", "rejected": "rejected"})

    @pytest.mark.parametrize(
        ("chosen", "rejected", "why"),
        [
            (turns(Q, A), turns(Q, A), "chosen equals rejected"),
            (
                turns(Q, A),
                turns(Q + "?", B),
                "chosen and rejected answer different conversations: they part at turn 1",
            ),
            (
                turns(Q, A, "x", A),
                turns(Q, B, "y", B),
                "chosen and rejected answer different conversations: they part at turn 2",
            ),
            (
                turns(Q, A, Q),
                turns(Q, A),
                "rejected ends where the other side goes on: it has no reply of its own",
            ),
            (None, turns(Q, A), "chosen is missing"),
        ],
    )
    def test_reasons_of_full_lists(self, chosen, rejected, why):
        assert reason(self.FULL, {"chosen": chosen, "rejected": rejected}) == why

    def test_reasons_of_pairs(self):
        fields = {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected", "chosen_score": "score"}
        pair = Mapping(Shape.PREFERENCE, fields)
        assert reason(pair, {"prompt": Q, "chosen": A, "rejected": A}) == "chosen equals rejected"
        assert reason(pair, {"prompt": Q, "chosen": A, "rejected": ""}) == "rejected is empty"
        assert "turns of another conversation" in reason(
            pair, {"prompt": Q, "chosen": turns("Other?", A), "rejected": B}
        )
        assert (
            reason(pair, {"prompt": Q, "chosen": A, "rejected": B, "score": "good"})
            == "score is not a number"
        )
        repeated = to_content(
            pair, {"prompt": Q, "chosen": turns(Q, A), "rejected": turns(Q, B), "score": "3"}
        )
        assert repeated.completions[0] == Completion("chosen", (assistant(A),), scores={"score": 3.0})

    def test_hh_texts(self):
        head = f"\n\nHuman: {Q}\n\nAssistant: It depends.\n\nHuman: On what?\n\nAssistant:"
        row = {"chosen": f"{head} The hour.\n\nAnd the weather.", "rejected": f"{head} Nothing. "}
        got = content(row)
        assert shape(row) is Shape.HH
        assert got.messages == (user(Q), assistant("It depends."), user("On what?"))
        assert got.completions[0].messages == (assistant("The hour.\n\nAnd the weather."),)
        assert got.completions[1].messages == (assistant("Nothing."),)

    def test_hh_texts_whose_reply_goes_on_by_itself_are_rejected(self):
        hh = Mapping(Shape.HH, {"chosen": "chosen", "rejected": "rejected"})
        chosen = f"\n\nHuman: {Q}\n\nAssistant: Hm.\n\nAssistant: {A}"
        rejected = f"\n\nHuman: {Q}\n\nAssistant: {B}"
        assert "answer different conversations" in reason(hh, {"chosen": chosen, "rejected": rejected})
        assert "turn 2 (assistant) is empty" in reason(
            hh, {"chosen": f"\n\nHuman: {Q}\n\nAssistant:", "rejected": rejected}
        )
        assert 'does not begin with "Human:"' in reason(hh, {"chosen": "Hi", "rejected": rejected})

    def test_a_single_transcript(self):
        row = {"text": f"Human: {Q}\n\nAssistant: {A}"}
        assert shape(row) is Shape.TRANSCRIPT
        assert content(row).messages == (user(Q), assistant(A))

    @pytest.mark.parametrize("rows", [{"messages": turns(Q, A)}, {"prompt": Q, "completion": A}])
    @pytest.mark.parametrize(("label", "said"), [(True, "true"), (False, "false"), ("True", "true")])
    def test_thumbs(self, rows, label, said):
        got = content({**rows, "label": label})
        assert shape({**rows, "label": label}) is Shape.UNPAIRED
        assert got.messages == (user(Q),)
        assert got.completions == (Completion("completion", (assistant(A),)),)
        assert got.labels == {"desirable": said} and got.chosen is None

    def test_reasons_of_thumbs(self):
        thumbs = Mapping(Shape.UNPAIRED, {"prompt": "messages", "label": "label"})
        assert "no reply that was judged" in reason(thumbs, {"messages": turns(Q), "label": True})
        assert reason(thumbs, {"messages": turns(Q, A), "label": 2}) == "label is neither true nor false"
        assert to_content(thumbs, {"messages": turns(Q, A), "label": 0}).labels == {"desirable": "false"}

    def test_candidates_in_columns(self):
        row = {"instruction": "Answer.", "input": Q, "response1": A, "response2": B, "annotator1": 2}
        got = content(row)
        assert shape(row) is Shape.CANDIDATES
        assert got.messages == (user(f"Answer.\n{Q}"),)
        assert [(c.key, c.messages) for c in got.completions] == [
            ("response1", (assistant(A),)),
            ("response2", (assistant(B),)),
        ]
        assert got.meta == {"annotator1": "2"} and got.chosen is None

    def test_candidates_in_a_list(self):
        row = {
            "prompt": Q,
            "completions": [
                {"model": "m1", "response": A, "overall_score": 9, "critique": "good"},
                {"model": "m2", "response": B},
            ],
        }
        got = content(row)
        assert got.completions == (
            Completion("m1", (assistant(A),), "m1", {"overall_score": 9.0}),
            Completion("m2", (assistant(B),), "m2"),
        )
        assert json.loads(got.meta["completions"]) == [{"critique": "good"}, {}]
        plain = content({"prompt": Q, "completions": [A, B]})
        assert [c.key for c in plain.completions] == ["1", "2"]
        mapping = recognise([row])
        assert reason(mapping, {"prompt": Q, "completions": []}) == "completions is empty"
        assert reason(mapping, {"prompt": Q, "completions": [""]}) == "completions: entry 1 is empty"
