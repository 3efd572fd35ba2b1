"""
The semantic method in a scan: calibrated once, on rows of the very source, then applied shard by shard.

An encoder that is missing or does not answer costs the scan this method and nothing else: the report says so.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from curation.endpoints import client_of
from curation.engine.errors import BadConfig, DataError
from curation.engine.llm import EndpointKind
from curation.engine.store import Shard
from curation.models import Endpoint, Line, Part, Project
from decontam.engine.index import MATCHES
from decontam.engine.semantic import Calibration, EndpointEncoder, SemanticConfig, SemanticIndex, load_encoder
from decontam.engine.semantic.encoders import LOCAL, Encoder

AT_ENDPOINT = "endpoint:"
CALIBRATION = "calibration"


class Meaning:
    """A calibrated index as a method of a detector. `failed` is the sentence of its encoder, which ends it."""

    name = "semantic"

    def __init__(self, index: SemanticIndex, calibration: Calibration) -> None:
        self.failed = ""
        self._index, self._calibration = index, calibration

    def scan(self, texts: Any, /) -> Any:
        if not self.failed:
            try:
                return self._index.scan(texts, self._calibration)
            except DataError as error:
                self.failed = str(error)
        return MATCHES.empty_table()


_kept: dict[str, Any] = {}


def encoder_for(project: Project, name: str) -> Encoder:
    """One of this machine, or `endpoint:` and the name of an endpoint of the project that may see benchmark text."""
    if not name.startswith(AT_ENDPOINT):
        return load_encoder(name)
    endpoint = Endpoint.objects.named(project, name.removeprefix(AT_ENDPOINT))
    return EndpointEncoder(client_of(endpoint, benchmark_text=True).post, endpoint.model)


def require_encoder(project: Project, name: str) -> None:
    """What can be known before a scan starts: that there is such an encoder, and that it may see the items."""
    if not name.startswith(AT_ENDPOINT):
        if name not in ("", *LOCAL):
            raise BadConfig(
                f"There is no encoder {name!r}; choose {', '.join(LOCAL)} or {AT_ENDPOINT} and the name of an endpoint."
            )
        return
    endpoint = Endpoint.objects.named(project, name.removeprefix(AT_ENDPOINT))
    if endpoint.kind != EndpointKind.EMBEDDINGS:
        raise BadConfig(f"The endpoint {endpoint} is for {endpoint.kind}; meaning needs one for embeddings.")
    endpoint.require_benchmark_text_allowed()


def calibrate(part: Part, config: SemanticConfig, items: Mapping[str, Any], rows: Any) -> dict[str, Any]:
    """Where the calibration is, or why there is none."""
    try:
        found = _index(part, config, items).calibrate(rows)
    except DataError as error:
        Line.objects.say(part.run, f"The semantic method is left out: {error}", level="warning")
        return {"failed": str(error)}
    table = found.to_table()
    rates = {
        name: {"stated": config.false_alarms, "held_out": of.held_out_rate, "rows": of.rows_held_out}
        for name, of in found.backgrounds.items()
    }
    return {
        "shard": asdict(part.write(f"tmp/{CALIBRATION}", table.schema, table.to_batches())),
        "rates": rates,
    }


def meaning(
    part: Part, config: SemanticConfig, items: Mapping[str, Any], said: Mapping[str, Any]
) -> Meaning | None:
    """The method as an earlier part has calibrated it; None where that failed."""
    if "shard" not in said:
        return None
    batches = list(part.store.batches([Shard(**said["shard"])]))
    return Meaning(_index(part, config, items), Calibration.from_table(pa.Table.from_batches(batches)))


def _index(part: Part, config: SemanticConfig, items: Mapping[str, Any]) -> SemanticIndex:
    """Kept per process, for the items at hand: to encode them takes the longest."""
    key = config, [(name, len(texts), texts.nbytes) for name, texts in items.items()], part.run_id
    if _kept.get("for") != key:
        encoder = encoder_for(part.run.project, config.encoder)
        _kept.clear()
        _kept.update({"for": key, "index": SemanticIndex.build(items, encoder, config)})
    return _kept["index"]  # type: ignore[no-any-return]
