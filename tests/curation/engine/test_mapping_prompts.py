"""Prompts with one reply, with a truth or alone, and plain texts."""

import json
from decimal import Decimal

import pytest

from curation.engine.errors import BadInput
from curation.engine.mapping import Mapping, Shape, recognise, to_content
from curation.engine.records import Content
from tests.curation.engine.making import A, Q, assistant, content, reason, shape, turns, user


class TestPromptAndReply:
    def test_alpaca(self):
        row = {"instruction": "Answer.", "input": Q, "output": A, "system": "", "history": [["Hi", "Hello"]]}
        got = content(row)
        assert shape(row) is Shape.ALPACA
        assert got.messages == (user("Hi"), assistant("Hello"), user(f"Answer.\n{Q}"), assistant(A))

    @pytest.mark.parametrize("blank", ["", "  ", None])
    def test_alpaca_without_input(self, blank):
        row = {"instruction": Q, "input": blank, "response": A}
        assert to_content(recognise([row, {**row, "input": "x"}]), row).messages == (user(Q), assistant(A))

    def test_an_alpaca_row_without_output_is_rejected_and_a_set_without_outputs_is_not(self):
        mapping = Mapping(Shape.ALPACA, {"prompt": "instruction", "completion": "output"})
        assert reason(mapping, {"instruction": Q, "output": " "}) == "output is empty"
        assert content({"instruction": "Answer.", "input": Q}).messages == (user(f"Answer.\n{Q}"),)

    def test_history_that_is_no_list_of_pairs_is_said(self):
        mapping = Mapping(Shape.ALPACA, {"prompt": "instruction", "history": "history"})
        assert "not a list of [question, answer] pairs" in reason(
            mapping, {"instruction": Q, "history": ["x"]}
        )

    @pytest.mark.parametrize("reply", ["completion", "response", "output", "canonical_solution", "code"])
    def test_prompt_and_completion_under_their_names(self, reply):
        row = {"task_id": "t/0", "prompt": Q, reply: A}
        assert shape(row) is Shape.PROMPT_COMPLETION
        assert content(row).messages == (user(Q), assistant(A))

    def test_prompt_and_completion_as_message_lists(self):
        row = {"prompt": turns(Q), "completion": [{"role": "assistant", "content": A}]}
        assert content(row).messages == (user(Q), assistant(A))

    def test_question_and_answer_with_context_and_numbers(self):
        row = {"ID": "c-7", "Question": "How many?", "Body": "There are two.", "Answer": 2.0}
        assert shape(row) is Shape.QUESTION_ANSWER
        assert content(row).messages == (user("There are two.\nHow many?"), assistant("2.0"))

    @pytest.mark.parametrize(
        ("answer", "said"),
        [(True, "true"), (0, "0"), (Decimal("1.50"), "1.50"), ("x ", "x ")],
    )
    def test_answers_that_are_scalars(self, answer, said):
        mapping = Mapping(Shape.QUESTION_ANSWER, {"prompt": "question", "completion": "answer"})
        assert to_content(mapping, {"question": Q, "answer": answer}).messages[1].content == said

    def test_a_benchmark_question_may_have_no_answer_or_several(self):
        mapping = Mapping(Shape.QUESTION_ANSWER, {"prompt": "question", "completion": "answer"})
        assert to_content(mapping, {"question": Q, "answer": ""}).messages == (user(Q),)
        got = to_content(mapping, {"question": Q, "answer": ["blue", "azure"]})
        assert got.messages == (user(Q), assistant("blue")) and got.meta == {"answer": '["blue","azure"]'}

    def test_numbers_are_no_prompts(self):
        mapping = Mapping(Shape.PROMPT_COMPLETION, {"prompt": "prompt", "completion": "completion"})
        assert reason(mapping, {"prompt": 5, "completion": A}) == "prompt is a number, not text"
        assert reason(mapping, {"prompt": Q, "completion": 5}) == "completion is a number, not text"
        assert reason(mapping, {"completion": A}) == "prompt is missing"
        assert reason(mapping, {"prompt": "\t", "completion": A}) == "prompt is empty"

    def test_a_worked_solution_is_the_reply_and_the_final_answer_the_truth(self):
        got = content({"problem": "1+1?", "solution": "Add: 2.", "answer": "2"})
        assert got.messages == (user("1+1?"), assistant("Add: 2.")) and got.ground_truth == "2"

    def test_self_instruct_takes_the_first_instance_and_keeps_the_others(self):
        more = {"input": "2", "output": "b"}
        row = {"id": "s0", "instruction": "Do.", "instances": [{"input": "1", "output": "a"}, more]}
        got = content(row)
        assert got.messages == (user("Do.\n1"), assistant("a"))
        assert json.loads(got.meta["instances"]) == [more]

    def test_a_function_with_input_and_output_is_asked_about(self):
        with pytest.raises(BadInput, match='"code", "input", "output"'):
            shape({"code": "def f(): ...", "input": "1", "output": "2"})

    def test_a_program_as_solution_with_a_number_as_truth(self):
        got = content({"input": "1+1?", "code": "print(2)", "target": 2})
        assert got.messages == (user("1+1?"), assistant("print(2)")) and got.ground_truth == "2"

    def test_a_text_as_target_is_the_reply(self):
        assert content({"inputs": "1+1?", "input": "1+1?", "target": "two"}).messages[1] == assistant("two")


class TestPromptsAndTexts:
    def test_rlvr(self):
        row = {
            "messages": turns(Q),
            "ground_truth": "blue",
            "dataset": "string_matcher",
            "constraint": "one word",
        }
        got = content(row)
        assert shape(row) is Shape.RLVR
        assert (got.ground_truth, got.verifier, got.constraints) == ("blue", "string_matcher", "one word")
        assert not got.meta

    def test_verl(self):
        row = {
            "data_source": "openai/gsm8k",
            "prompt": turns("1+1?"),
            "ability": "math",
            "reward_model": {"style": "rule", "ground_truth": 2},
        }
        got = content(row)
        assert (got.messages, got.ground_truth, got.verifier) == ((user("1+1?"),), "2", "openai/gsm8k")
        assert json.loads(got.meta["reward_model"]) == row["reward_model"]

    @pytest.mark.parametrize(
        ("truth", "kept"),
        [(7, "7"), (["a", "b"], '["a","b"]'), ({"func": "f"}, '{"func":"f"}'), ("x", "x")],
    )
    def test_ground_truth_of_every_kind(self, truth, kept):
        mapping = Mapping(Shape.RLVR, {"prompt": "prompt", "ground_truth": "gt", "verifier": "v"})
        got = to_content(mapping, {"prompt": Q, "gt": truth, "v": ["math"]})
        assert (got.ground_truth, got.verifier) == (kept, "math")

    @pytest.mark.parametrize("truth", [None, "", " ", [], float("nan")])
    def test_rlvr_needs_a_truth(self, truth):
        mapping = Mapping(Shape.RLVR, {"prompt": "prompt", "ground_truth": "gt"})
        assert reason(mapping, {"prompt": Q, "gt": truth}) == "gt is empty"

    @pytest.mark.parametrize(
        "row",
        [{"id": "a", "prompt": Q}, {"question": Q}, {"instruction": Q}, {"doc": {"query": Q}, "idx": 0}],
    )
    def test_prompts_alone(self, row):
        assert shape(row) is Shape.PROMPT
        assert content(row).messages == (user(Q),)

    def test_turns_of_a_user(self):
        got = content({"question_id": 81, "category": "writing", "turns": ["Write.", "Again."]})
        assert got.messages == (user("Write."), user("Again.")) and got.meta["category"] == "writing"
        assert "turns: turn 2 is empty" in reason(
            Mapping(Shape.TURNS, {"turns": "turns"}), {"turns": ["a", ""]}
        )

    def test_a_document_is_one_user_turn_marked_as_text(self):
        got = content({"text": "Once upon a time.\n", "url": "https://example.org"})
        assert got == Content(
            (user("Once upon a time.\n"),), labels={"kind": "text"}, meta={"url": "https://example.org"}
        )

    def test_decon_references(self):
        row = {
            "eval_key": "sat",
            "eval_instance_index": 3,
            "split": "test",
            "question": Q,
            "answer": "blue",
            "passage": "Look up.",
            "config": None,
        }
        got = content(row)
        assert got.messages == (user(f"Look up.\n{Q}"), assistant("blue"))
        assert got.meta == {
            "eval_key": "sat",
            "eval_instance_index": "3",
            "split": "test",
            "passage_chars": "8",
        }

    def test_mbpp_and_human_eval(self):
        mbpp = {"text": "Add.", "code": "x = 1", "task_id": 1, "test_list": ["assert x"]}
        assert content(mbpp).messages == (user("Add."), assistant("x = 1"))
        assert content(mbpp).meta == {"task_id": "1", "test_list": '["assert x"]'}
        human = {
            "task_id": "H/0",
            "prompt": "def f():",
            "canonical_solution": " return 1",
            "test": "assert f()",
        }
        assert content(human).messages == (user("def f():"), assistant(" return 1"))

    def test_rows_of_a_message_tree_are_not_taken_for_documents(self):
        with pytest.raises(BadInput, match='"role"'):
            shape({"message_id": "1", "parent_id": None, "role": "prompter", "text": Q})

    def test_files_without_header(self):
        assert shape({"column_1": Q, "column_2": "blue", "column_3": "I looked."}) is Shape.QUESTION_ANSWER
        got = content({"column_1": Q, "column_2": "blue", "column_3": "I looked."})
        assert got.messages == (user(Q), assistant("blue")) and got.meta == {"column_3": "I looked."}
        mmlu = {f"column_{i}": v for i, v in enumerate((Q, "red", "blue", "green", "grey", "B"), 1)}
        assert content(mmlu).messages == (user(Q), assistant("B"))
        assert list(content(mmlu).meta.values()) == ["red", "blue", "green", "grey"]
