"""Which trainers take a profile unchanged, and how they are told to."""

from collections.abc import Callable
from functools import partial

from curation.engine.snippets.loading import Loading, Snippet, quoted, where

Way = Callable[[Loading], Snippet | None]  # None where the files are not as it needs them
MODEL = "your/model"
ALPACA = {
    "prompt": "instruction",
    "query": "input",
    "response": "output",
    "system": "system",
    "history": "history",
}


def trl(loading: Loading, *, command: str) -> Snippet:
    code = (
        f"trl {command} --model_name_or_path {MODEL} --output_dir out \\\n"
        f"  --dataset_name {loading.root} --dataset_config {loading.profile}"
    )
    return Snippet(
        "TRL", command, code, where(loading, OBJECTS if loading.tools and command == "sft" else "")
    )


def trl_rewards(loading: Loading) -> Snippet:
    code = f"""\
from datasets import load_dataset
from trl import GRPOTrainer

prompts = load_dataset({quoted(loading.root)}, "{loading.profile}", split="train")
trainer = GRPOTrainer(model="{MODEL}", reward_funcs=your_reward, train_dataset=prompts)"""
    note = "Every column beside the prompt is passed to the reward function by name."
    return Snippet("TRL", "GRPO", code, where(loading, note))


def trl_steps(loading: Loading) -> Snippet:
    code = f"""\
from datasets import load_dataset
from trl import PRMTrainer

steps = load_dataset({quoted(loading.root)}, "{loading.profile}", split="train")
trainer = PRMTrainer(model=your_model, processing_class=your_tokenizer, train_dataset=steps)"""
    return Snippet("TRL", "PRM", code, where(loading, "For TRL up to 0.24; 1.x has no such trainer."))


def open_instruct(loading: Loading, *, script: str) -> Snippet:
    listed = " \\\n  ".join(f"{path} 1.0" for path in loading.paths)
    note = "1.0 takes every row; 1 would take a single one."
    return Snippet("open-instruct", script, f"--dataset_mixer_list {listed}", where(loading, note))


def axolotl(loading: Loading, *, kind: str, head: str = "", more: str = "", note: str = "") -> Snippet:
    code = (
        f"{head}datasets:\n  - path: {loading.root}\n    name: {loading.profile}\n    split: train\n"
        f"    type: {kind}{more}"
    )
    return Snippet("Axolotl", "config.yaml", code, where(loading, note))


def axolotl_pairs(loading: Loading) -> Snippet | None:
    """Its strategy keeps the role and the content of a message, and drops calls."""
    if loading.tools:
        return None
    more = "\n    field_messages: prompt"
    return axolotl(loading, kind="chat_template.default", head="rl: dpo\n", more=more, note=LAST_TURN)


def llama_factory(loading: Loading, *, kind: str, stage: str) -> Snippet:
    """The export has its own `dataset_info.json`."""
    mixture = loading.name.rpartition("-")[0] or loading.name
    code = (
        f"llamafactory-cli train --stage {stage} --do_train --model_name_or_path {MODEL} --output_dir out \\\n"
        f"  --template your_template --dataset_dir {loading.root}/{loading.profile} \\\n"
        f"  --dataset {mixture.replace('-', '_')}_{kind}"
    )
    return Snippet("LLaMA-Factory", f"stage {stage}", code, where(loading))


def llama_factory_alpaca(loading: Loading) -> Snippet | None:
    if not loading.place:
        return None
    columns = ", ".join(f'"{name}": "{column}"' for name, column in ALPACA.items())
    name = loading.name.replace("-", "_")
    code = f'{{"{name}": {{"file_name": {quoted(loading.place)}, "columns": {{{columns}}}}}}}'
    return Snippet("LLaMA-Factory", "dataset_info.json", code, where(loading, "Goes into dataset_info.json."))


def verl_sft(loading: Loading) -> Snippet | None:
    if loading.kind != "parquet" or loading.tools:
        return None
    code = (
        "torchrun --standalone --nproc_per_node=8 -m verl.trainer.sft_trainer \\\n"
        f"  data.train_files='[{','.join(loading.paths)}]' \\\n"
        "  data.messages_key=messages data.max_length=4096"
    )
    note = (
        "It reads Parquet. A row longer than max_length stops it unless data.truncation says left or right."
    )
    return Snippet("verl", "sft_trainer", code, where(loading, note))


def verl_ppo(loading: Loading) -> Snippet:
    code = (
        "python -m verl.trainer.main_ppo algorithm.adv_estimator=grpo \\\n"
        f"  data.train_files='[{','.join(loading.paths)}]' data.val_files=your_validation.parquet \\\n"
        f"  data.prompt_key=prompt data.max_prompt_length=1024 actor_rollout_ref.model.path={MODEL}"
    )
    note = (
        "data_source selects the reward function; for one that verl does not have, name yours in "
        "custom_reward_function.path. A prompt over max_prompt_length loses its start, or stops older versions; with "
        "data.filter_overlong_prompts it is left out."
    )
    return Snippet("verl", "main_ppo", code, where(loading, note))


def openrlhf(loading: Loading, *, command: str, keys: str) -> Snippet | None:
    if not loading.place:
        return None
    dataset = "prompt_dataset" if command == "train_ppo_ray" else "dataset"
    code = f"python -m openrlhf.cli.{command} --data.{dataset} {loading.place} \\\n  --data.apply_chat_template {keys}"
    note = TOOLS_UNSEEN if loading.tools and command == "train_sft" else ""
    return Snippet("OpenRLHF", command, code, where(loading, note))


def unsloth(loading: Loading, *, trainer: str) -> Snippet:
    code = f"""\
from unsloth import FastLanguageModel
from datasets import load_dataset
from trl import {trainer}

model, tokenizer = FastLanguageModel.from_pretrained("{MODEL}")
rows = load_dataset({quoted(loading.root)}, "{loading.profile}", split="train")
trainer = {trainer}(model=FastLanguageModel.get_peft_model(model), processing_class=tokenizer, train_dataset=rows)"""
    note = OBJECTS if loading.tools and trainer == "SFTTrainer" else ""
    return Snippet("Unsloth", trainer, code, where(loading, note))


def torchtune(loading: Loading, *, component: str, columns: str) -> Snippet | None:
    if loading.tools:
        return None
    files = ", ".join(quoted(path) for path in loading.paths)
    code = (
        f"dataset:\n  _component_: torchtune.datasets.{component}\n  source: {loading.kind}\n"
        f"  data_files: [{files}]\n  split: train\n{columns}"
    )
    return Snippet("torchtune", "config.yaml", code, where(loading))


def nemo_rl(loading: Loading, *, script: str, dataset: str) -> Snippet | None:
    """Its datasets are read as JSON, whatever they are called."""
    if not loading.line_paths:
        return None
    kept = "\n    use_preserving_dataset: true" if loading.tools and dataset == "openai_format" else ""
    code = f"data:\n  train:\n    dataset_name: {dataset}\n    data_path: {loading.line_paths[0]}{kept}"
    note = f"For examples/{script}."
    if len(loading.line_paths) > 1:
        note += f" It takes one file; join the {len(loading.line_paths)} with cat first."
    return Snippet("NeMo-RL", "config.yaml", code, where(loading, note + (AS_IT_STANDS if kept else "")))


def openai(loading: Loading, *, method: str) -> Snippet:
    code = f"""\
from openai import OpenAI

client = OpenAI()
with open({quoted(loading.paths[0])}, "rb") as file:
    uploaded = client.files.create(file=file, purpose="fine-tune")
client.fine_tuning.jobs.create(training_file=uploaded.id, model="your-model", method={{"type": "{method}"}})"""
    note = "The rows leave your machines: see that their licences and your policy allow it."
    if len(loading.files) > 1:
        note += f" A job takes one file; join the {len(loading.files)} with cat first."
    return Snippet("OpenAI", "fine-tuning", code, where(loading, note))


CHAT = "\n    field_messages: messages"
KEYS = "--data.prompt_key prompt --data.chosen_key chosen --data.rejected_key rejected"
OBJECTS = (
    "A chat template that writes arguments with tojson (Qwen 2.5, Llama 3.1) needs an export as JSON lines alone, with "
    "tool_arguments=object, and datasets 4.7 or later."
)
AS_IT_STANDS = " It hands tools to the chat template as they stand: export with tool_arguments=object."
TOOLS_UNSEEN = "The chat template is given the calls, but never the column tools."
LAST_TURN = "Of an answer of several turns it takes the last."
NO_HISTORY = "It reads neither history nor system; rows with these lose them."

TRAINERS: dict[str, tuple[Way, ...]] = {
    "sft_messages": (
        partial(trl, command="sft"),
        partial(open_instruct, script="finetune.py"),
        partial(axolotl, kind="chat_template", more=CHAT),
        partial(openrlhf, command="train_sft", keys="--data.input_key messages"),
        verl_sft,
        partial(unsloth, trainer="SFTTrainer"),
        partial(
            torchtune,
            component="chat_dataset",
            columns="  conversation_column: messages\n  conversation_style: openai",
        ),
        partial(nemo_rl, script="run_sft.py", dataset="openai_format"),
    ),
    "sft_prompt_completion": (
        partial(trl, command="sft"),
        partial(openrlhf, command="train_sft", keys="--data.input_key prompt --data.output_key completion"),
    ),
    "pref_explicit": (
        partial(trl, command="dpo"),
        axolotl_pairs,
        partial(openrlhf, command="train_dpo", keys=KEYS),
        partial(unsloth, trainer="DPOTrainer"),
    ),
    "pref_implicit": (
        partial(open_instruct, script="dpo.py"),
        partial(trl, command="reward"),
        partial(axolotl, kind="chat_template.argilla_chat", head="rl: dpo\n"),
        partial(openrlhf, command="train_rm", keys="--data.chosen_key chosen --data.rejected_key rejected"),
        partial(
            torchtune,
            component="preference_dataset",
            columns="  column_map: {chosen: chosen, rejected: rejected}",
        ),
    ),
    "unpaired": (partial(trl, command="kto"),),
    "rlvr_open_instruct": (partial(open_instruct, script="grpo_fast.py"),),
    "rlvr_verl": (verl_ppo,),
    "rlvr_prompt": (
        trl_rewards,
        partial(openrlhf, command="train_ppo_ray", keys="--data.input_key prompt --data.label_key answer"),
    ),
    "prompts": (
        trl_rewards,
        partial(openrlhf, command="train_ppo_ray", keys="--data.input_key prompt"),
    ),
    "openai_sft": (partial(openai, method="supervised"),),
    "openai_dpo": (partial(openai, method="dpo"),),
    "llamafactory_sft": (partial(llama_factory, kind="sft", stage="sft"),),
    "llamafactory_preference": (
        partial(llama_factory, kind="preference", stage="rm"),
        partial(llama_factory, kind="preference", stage="dpo"),
    ),
    "llamafactory_kto": (partial(llama_factory, kind="kto", stage="kto"),),
    "alpaca": (llama_factory_alpaca, partial(axolotl, kind="alpaca", note=NO_HISTORY)),
    "stepwise": (
        trl_steps,
        partial(axolotl, kind="stepwise_supervised", head="process_reward_model: true\n"),
    ),
    "nemo_rl": (partial(nemo_rl, script="run_dpo.py", dataset="PreferenceDataset"),),
}
