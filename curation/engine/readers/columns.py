"""
What published files call their columns: the one table of names, by what the column holds.

Names are compared in lower case with `_` for spaces and hyphens. Earlier names win. Header detection and the
recognition of shapes both read it.
"""

NAMES: dict[str, tuple[str, ...]] = {
    "messages": ("messages", "conversations", "conversation", "dialogue", "dialog", "chat"),
    "prompt": ("prompt", "question", "instruction", "query", "problem", "user_prompt", "input_text"),
    "question": ("question", "query", "problem", "doc.query", "doc.question"),
    "input": ("input", "inputs", "input_text"),
    "context": ("context", "passage", "body", "background", "article", "story"),
    "completion": (
        "completion",
        "response",
        "output",
        "answer",
        "std_answer",
        "solution",
        "canonical_solution",
        "generation",
        "reply",
        "targets",
        "answers",
        "target",
    ),
    "code": ("code",),
    "chosen": ("chosen", "chosen_response", "chosen_conversations", "preferred", "preferred_output"),
    "rejected": (
        "rejected",
        "rejected_response",
        "rejected_conversations",
        "dispreferred",
        "non_preferred_output",
    ),
    "chosen_score": ("score_chosen", "chosen_score", "chosen_rating", "chosen_reward"),
    "rejected_score": ("score_rejected", "rejected_score", "rejected_rating", "rejected_reward"),
    "chosen_model": ("chosen_model", "model_chosen", "chosen_model_name"),
    "rejected_model": ("rejected_model", "model_rejected", "rejected_model_name"),
    "completions": ("completions", "responses", "candidates"),
    "instances": ("instances",),
    "history": ("history",),
    "turns": ("turns",),
    "label": ("label", "kto_tag", "desirable"),
    "ground_truth": ("ground_truth", "reward_model.ground_truth", "final_answer", "gold", "target"),
    "verifier": ("verifier", "dataset", "data_source"),
    "constraints": ("constraints", "constraint"),
    "text": ("text", "content", "document"),
    "system": ("system", "system_prompt"),
    "tools": ("tools", "functions"),
    "images": ("images", "image"),
    "licence": ("licence", "license"),
}
IDS = (
    "id",
    "uid",
    "uuid",
    "answer_id",
    "review_id",
    "prompt_id",
    "task_id",
    "qid",
    "question_id",
    "example_id",
    "sample_id",
    "instance_id",
    "problem_id",
    "conversation_id",
    "record_id",
    "row_id",
    "user_message_id",
    "native_id",
    "doc_id",
    "eval_instance_index",
    "key",
)
KNOWN = frozenset(name for names in NAMES.values() for name in names) | frozenset(IDS)


def plain(name: str) -> str:
    """A column's name as the table writes it."""
    return name.strip().lower().replace(" ", "_").replace("-", "_")
