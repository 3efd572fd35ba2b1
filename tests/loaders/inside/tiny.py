"""A tokenizer that loses no byte and a random model of two layers, made here: nothing is downloaded."""

from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

WORDS = ["A mill turns when the river is high, and rests when the wind is low."] * 2
SPECIAL = ["<|pad|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = """\
{%- if tools %}{{ '<|im_start|>tools\n' + (tools | tojson) + '<|im_end|>\n' }}{% endif %}
{%- for message in messages %}
{{- '<|im_start|>' + message.role + '\n' }}
{%- if message.thinking %}{{ '<think>' + message.thinking + '</think>' }}{% endif %}
{{- message.content or '' }}
{%- for call in message.tool_calls or [] %}
{%- set given = call.function.arguments %}
{{- '<call>' + call.function.name + ' ' + (given if given is string else (given | tojson)) + '</call>' }}
{%- endfor %}
{{- '<|im_end|>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"""


def tokenizer(template: str = TEMPLATE) -> PreTrainedTokenizerFast:
    """Bytes and a few merges; what is decoded is what was encoded."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    bytes_ = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=SPECIAL, initial_alphabet=bytes_, show_progress=False
    )
    made.train_from_iterator(WORDS, trainer)
    found = PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<|pad|>", eos_token="<|im_end|>")
    found.chat_template = template
    return found


def model(vocabulary: int) -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        pad_token_id=0,
        eos_token_id=2,
    )
    return LlamaForCausalLM(config)


def saved(folder: Path) -> str:
    """Both in a folder, for loaders that want a path."""
    words = tokenizer()
    words.save_pretrained(folder)
    model(len(words)).save_pretrained(folder)
    return str(folder)


def read(words: PreTrainedTokenizerFast, tokens: list[int]) -> str:
    """Tokens as text, the marks of turns and all."""
    return words.decode([token for token in tokens if token != words.pad_token_id])
