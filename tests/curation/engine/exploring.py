"""Versions without a database: shards of records and of their attributes, as a profile run writes them."""

from curation.engine.exploring import attributes, chosen, schema_with, seen
from curation.engine.records import SCHEMA, Content, Message, Record, record_id, to_batch


def row(own, *said, source="src", **fields):
    """A record of alternating user and assistant turns, unless turns are given."""
    roles = ("user", "assistant")
    turns = [one if isinstance(one, Message) else Message(roles[i % 2], one) for i, one in enumerate(said)]
    return Record(record_id(source, str(own)), source, Content(tuple(turns), **fields))


def written(store, rows, per_shard=4):
    """Record shards of so many rows each."""
    shards = []
    for number, start in enumerate(range(0, len(rows), per_shard)):
        with store.writer(f"1/records/{number}.parquet", SCHEMA) as writer:
            writer.write(to_batch(rows[start : start + per_shard]))
        shards.append(writer.close())
    return shards


def profiled(store, shards):
    """The attribute shards beside them."""
    total = sum(shard.rows for shard in shards)
    notes, first, made = chosen([seen(store.batches([shard])) for shard in shards], total), 0, []
    for number, shard in enumerate(shards):
        with store.writer(f"2/profile/{number}.parquet", schema_with(notes)) as writer:
            for batch in store.batches([shard], rows=3):
                writer.write(attributes(batch, first, notes))
                first += batch.num_rows
        made.append(writer.close())
    return made
