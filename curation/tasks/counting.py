"""
Count the tokens of a version by a tokenizer, once: its profile again, with other numbers under `tokens`.

So whatever strata and budgets go by is one version of attributes, aligned with the rows shard by shard.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from curation import jobs
from curation.engine.errors import BadConfig, BadInput, Refused
from curation.engine.exploring import ATTRIBUTES
from curation.engine.mixing import BYTES
from curation.engine.names import check_name
from curation.engine.store import Shard
from curation.engine.tokenizing import COLUMNS, Tokenizer
from curation.models import Dataset, Event, Kind, Part, Run, Version, store
from curation.questions.pools import MIXABLE, measures_of, not_mixable
from curation.questions.tokenizers import tokenizer_file, tokenizer_sha256

PREVIEW = "preview"  # a copy of text, which nobody asks of token counts


@dataclass(frozen=True, slots=True)
class TokensConfig:
    """The name of the tokenizer, and the sha256 of its file as it was when the count was asked for."""

    tokenizer: str
    sha256: str

    def __post_init__(self) -> None:
        if self.tokenizer == BYTES:
            raise BadConfig(f"{BYTES} needs no counting: every profile has it")
        check_name(self.tokenizer, "tokenizer")


def start_count(version: Version, tokenizer: str, *, user: Any = None) -> Run:
    """Refused where there are no rows to count, or no profile yet to count beside."""
    config = TokensConfig(tokenizer, Tokenizer(tokenizer_file(tokenizer)).sha256)
    if version.kind not in MIXABLE:
        raise Refused(not_mixable(version))
    project, name = version.dataset.project, output_name(version, tokenizer)
    profile = version.profile()
    if profile is None:
        raise Refused(
            f"{version} has no profile yet, and tokens are counted beside it; wait for its profile run."
        )
    if len(name) > (Dataset._meta.get_field("name").max_length or 0):
        raise Refused(
            f"A dataset cannot be called {name}: that is too long. Give the tokenizer a shorter name."
        )
    Dataset.objects.require_free(project, name, Kind.PROFILE)
    inputs = {"records": version, "profile": profile}
    return jobs.start(
        TOKENS, project=project, config=config, inputs=inputs, subject=version.dataset.name, user=user
    )


def output_name(version: Version, tokenizer: str) -> str:
    return f"{version.dataset.name}-tokens-{tokenizer}"


def uncounted(versions: list[Version], tokenizer: str) -> list[Version]:
    """Those whose tokens nobody has counted by this tokenizer as its file is now, nor is about to."""
    counted = measures_of(versions, tokenizer)
    config = {"config__tokenizer": tokenizer, "config__sha256": tokenizer_sha256(tokenizer)}
    counting = Run.objects.active().filter(kind="tokens", inputs__in=versions, **config)
    active = set(counting.values_list("inputs", flat=True))
    return [one for one in dict.fromkeys(versions) if one.pk not in counted and one.pk not in active]


def shard_pairs(run: Run) -> Iterator[dict[str, Any]]:
    """A shard of records and the shard of the profile that tells of the same rows."""
    for shard, beside in zip(run.input("records").shards(), run.input("profile").shards(), strict=True):
        yield {"shard": asdict(shard), "profile": asdict(beside)}


def count_shard(part: Part) -> dict[str, Any]:
    """The profile of one shard, with the tokens as this tokenizer counts them."""
    shard, beside, counts = Shard(**part.spec["shard"]), Shard(**part.spec["profile"]), []
    tokenizer, done = _tokenizer(part), 0
    for batch in part.store.batches([shard], COLUMNS):
        counts.append(tokenizer.of_rows(batch))
        part.progress(done := done + batch.num_rows, shard.rows)
    tokens = np.concatenate([np.zeros(0, np.int64), *counts])
    written = part.write("tokens", _schema(part.run), _counted(part, beside, tokens))
    return {"shard": asdict(written), "tokens": int(tokens.sum())}


def _tokenizer(part: Part) -> Tokenizer:
    config = part.config(TokensConfig)
    tokenizer = Tokenizer(tokenizer_file(config.tokenizer))
    if tokenizer.sha256 != config.sha256:
        raise BadInput(
            f"The file of the tokenizer {config.tokenizer} changed since this count began; start it anew"
        )
    return tokenizer


def _counted(part: Part, beside: Shard, tokens: np.ndarray) -> Iterator[pa.RecordBatch]:
    done, schema = 0, _schema(part.run)
    for batch in part.store.batches([beside], schema.names):
        here = pa.array(tokens[done : done + batch.num_rows])
        columns = [here if name == "tokens" else batch.column(name) for name in schema.names]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
        done += batch.num_rows


def _schema(run: Run) -> pa.Schema:
    shards = run.input("profile").shards()
    schema = store().schema(shards[0]) if shards else ATTRIBUTES
    return schema.remove(schema.get_field_index(PREVIEW))


def publish_counts(part: Part) -> dict[str, Any]:
    run, results = part.run, part.run.results(part.stage - 1)
    version, config = run.input("records"), part.config(TokensConfig)
    facts = {"of": str(version), "rows": version.rows, "tokens": sum(result["tokens"] for result in results)}
    facts |= asdict(config)
    shards = [Shard(**result["shard"]) for result in results]
    name = output_name(version, config.tokenizer)
    part.publish("tokens", name, Kind.PROFILE, _schema(run), shards, facts=facts)
    return facts


def tell(run: Run) -> None:
    made = run.output("tokens")
    run.summary = {"version": str(made), **made.facts}
    counts = {name: made.facts[name] for name in ("tokenizer", "tokens")}
    Event.objects.record("counted tokens", made, project=run.project, by=run.user, **counts)


def count_again(run: Run, renewed: jobs.Renewed, user: Any) -> Run:
    return start_count(renewed(run.input("records")), run.config["tokenizer"], user=user)


TOKENS = jobs.register(
    jobs.Job(
        "tokens",
        (jobs.Stage("count", count_shard, shard_pairs), jobs.Stage("publish", publish_counts)),
        finish=tell,
        again=jobs.Again(("records",), count_again),
    )
)
