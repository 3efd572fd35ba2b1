"""
How to load an export, by program: text to copy, with the reader's own paths and addresses in it.

Only what loads the files as they are is offered. What a program reads follows its source: TRL `trl/scripts`, Axolotl
`utils/data/shared.py` (a folder with a card) and `prompt_strategies`, LLaMA-Factory `data/loader.py` and
`data/converter.py`, OpenRLHF `cli/train_*.py`, torchtune `datasets/_chat.py` and `_preference.py`, verl
`trainer/sft_trainer.py` and `main_ppo.py`. For open-instruct, Unsloth, NeMo-RL and OpenAI it follows their sources or
guides, and was not run. docs/loaders.md says what was.
"""

from curation.engine.snippets.loading import Loading, Snippet, plainly
from curation.engine.snippets.trainers import TRAINERS

__all__ = ["Loading", "Snippet", "snippets"]


def snippets(loading: Loading) -> list[Snippet]:
    """What loads this profile, the plain ways first, then the trainers that take it unchanged."""
    if not loading.files:
        return []
    told = (way(loading) for way in TRAINERS.get(loading.profile, ()))
    return [*plainly(loading), *(snippet for snippet in told if snippet)]
