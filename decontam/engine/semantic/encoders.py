"""
Encoders turn texts into vectors. Which one is used is the caller's choice; none is part of the core.

    encoder = load_encoder("minilm")                        # on the CPU, requirements-semantic.txt
    encoder = EndpointEncoder(client.post, "some-model")    # an OpenAI-compatible server
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from curation.engine.errors import BadConfig, BadInput
from curation.engine.text.jit import Array

LOCAL = {"minilm": ("decontam.engine.semantic.minilm", "MiniLM")}


class Encoder(Protocol):
    """`encode` gives float32[texts, dimensions], each row of length 1."""

    @property
    def name(self) -> str: ...

    def encode(self, texts: Sequence[str]) -> Array: ...


def load_encoder(name: str) -> Encoder:
    """An encoder of this machine by name. BadConfig where there is none, or its packages are missing."""
    if name not in LOCAL:
        raise BadConfig(f"There is no encoder {name!r} on this machine; choose one of {', '.join(LOCAL)}.")
    module, member = LOCAL[name]
    encoder: Encoder = getattr(importlib.import_module(module), member)()
    return encoder


def encoded(encoder: Encoder, texts: Sequence[str], dimensions: int | None = None) -> Array:
    """
    What the encoder says, checked: one finite vector for each text, all of `dimensions` numbers, made length 1.

    Raises BadInput, naming the encoder, for anything else.
    """
    if not texts:
        return np.zeros((0, dimensions or 0), np.float32)
    vectors = np.asarray(encoder.encode(texts), np.float32)
    if vectors.ndim != 2 or len(vectors) != len(texts):
        raise BadInput(
            f"The encoder {encoder.name} gave an array of shape {vectors.shape} for {len(texts):,} texts; one vector "
            "for each is needed."
        )
    if dimensions is not None and vectors.shape[1] != dimensions:
        raise BadInput(
            f"The encoder {encoder.name} gave vectors of {vectors.shape[1]} numbers, but {dimensions} for the items: "
            "index and scan with the same model."
        )
    if broken := int(
        np.count_nonzero(~np.isfinite(vectors).all(axis=1))
    ):  # certificates say this: quote no text
        raise BadInput(
            f"The encoder {encoder.name} gave numbers that are not finite for {broken:,} of {len(texts):,} texts. Try "
            "full precision, or another encoder."
        )
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if dimensions is None and not lengths.any():
        raise BadInput(f"The encoder {encoder.name} gave only zeros for all {len(texts):,} items.")
    unit: Array = vectors / np.maximum(lengths, np.float32(1e-12))
    return unit


class EndpointEncoder:
    """
    A model behind `/v1/embeddings` (OpenAI's protocol, which vLLM serves). `post(path, body)` sends and returns JSON.

    Raises BadInput, naming the encoder, when the server does not answer in time or answers something else.
    """

    PATH = "/v1/embeddings"

    def __init__(
        self, post: Callable[[str, dict[str, Any]], Mapping[str, Any]], model: str, batch: int = 64
    ) -> None:
        if not model:
            raise BadConfig("An embedding endpoint needs the name of a model.")
        self._post, self._model, self._batch = post, model, batch

    @property
    def name(self) -> str:
        return self._model

    def encode(self, texts: Sequence[str]) -> Array:
        """Texts of about equal length travel together, so that the server pads little."""
        order = sorted(range(len(texts)), key=lambda k: len(texts[k]))
        parts = [order[k : k + self._batch] for k in range(0, len(order), self._batch)]
        given = [self._ask([texts[k] for k in part]) for part in parts]
        sizes = {part.shape[1] for part in given}
        if len(sizes) > 1:
            raise BadInput(f"The encoder {self.name} gave vectors of different sizes: {sorted(sizes)}.")
        vectors = np.empty((len(texts), sizes.pop() if sizes else 0), np.float32)
        for part, rows in zip(parts, given, strict=True):
            vectors[part] = rows
        return vectors

    def _ask(self, texts: list[str]) -> Array:
        body = {"model": self._model, "input": texts, "encoding_format": "float"}
        try:
            answer = self._post(self.PATH, body)
        except TimeoutError:
            raise BadInput(
                f"The encoder {self.name} did not answer in time; try again, or check the endpoint."
            ) from None
        except OSError as error:
            raise BadInput(f"The encoder {self.name} could not be reached: {error}") from error
        return self._vectors(answer, len(texts))

    def _vectors(self, answer: Mapping[str, Any], count: int) -> Array:
        try:
            rows = sorted(answer["data"], key=lambda row: row["index"])
            found = [row["index"] for row in rows]
            vectors = np.array([row["embedding"] for row in rows], np.float32)
        except (KeyError, TypeError, ValueError) as error:
            said = f"one list of numbers for each text is needed ({type(error).__name__})"
            raise BadInput(f"The encoder {self.name} answered in another form: {said}.") from error
        if len(rows) != count or vectors.ndim != 2:
            raise BadInput(f"The encoder {self.name} gave {len(rows):,} vectors for {count:,} texts.")
        if found != list(range(count)):
            raise BadInput(f"The encoder {self.name} did not number its vectors from 0 to {count - 1:,}.")
        return vectors
