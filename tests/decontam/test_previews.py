"""What applying a scan would come to, before anybody does."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from decontam.engine.actions import Action
from decontam.engine.apply import CONTAMINATED, FALSE_ALARM, ApplyConfig, decide
from decontam.engine.preview import COLUMNS, LOOKED_AT, VERDICTS
from decontam.engine.preview import preview as foresee
from decontam.models import Ruling
from decontam.questions import reviews
from tests.decontam.conftest import match

LEAKED = "how many legs does a healthy adult spider normally have in all"


def test_the_preview_follows_the_rulings_and_says_when_the_guard_would_refuse(scan, user):
    run = scan({"quiz": [LEAKED]}, f"so {LEAKED}", LEAKED, "nothing")
    before = reviews.preview(run, ApplyConfig(max_removed=0.5))
    assert (before.removed, before.rows, before.refused, before.by_benchmark) == (2, 3, True, {"quiz": 2})
    assert [row["reason"][:21] for row in before.first] == ["ngram match with quiz"] * 2
    Ruling.objects.rule(run, [reviews.at(run, 1)], FALSE_ALARM, by=user)
    after = reviews.preview(run, ApplyConfig(max_removed=0.5))
    assert (after.removed, after.false_alarms, after.refused, round(after.share, 3)) == (1, 1, False, 0.333)
    assert reviews.preview(run, ApplyConfig(policy="ruled")).unruled_kept == 1


def test_the_same_preview_is_not_counted_twice(thousand, user, monkeypatch):
    monkeypatch.setattr(reviews, "inputs", lambda scan, role: list(scan.outputs.all()))
    first = reviews.preview(thousand, ApplyConfig())
    monkeypatch.setattr(reviews, "foresee", None)
    assert reviews.preview(thousand, ApplyConfig()) == first


cases = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.integers(0, 4),
        st.sampled_from([0.5, 0.75, 1.0]),
        st.sampled_from(["quiz", "exam"]),
        st.sampled_from([None, None, "", "boilerplate"]),
    ),
    max_size=60,
)
actions = st.sampled_from(list(Action))
rulings = st.dictionaries(
    st.tuples(st.integers(0, 30), st.integers(0, 4)), st.sampled_from([CONTAMINATED, FALSE_ALARM])
)


MEANT = {"method": "semantic", "found_by": ["semantic"]}


@given(cases, rulings, st.sampled_from(["drop", "ruled"]), actions, actions, st.booleans())
def test_the_preview_counts_what_decide_decides(cases, rulings, policy, dev, unseen, meaning):
    found = [
        match(f"r{row}", str(item), score=score, benchmark=name, suppressed=why)
        | {"seq": n + 1, "train_spans": [], **(MEANT if item == 4 and score < 1 else {})}
        for n, (row, item, score, name, why) in enumerate(cases)
    ]
    ruled = {(f"fr{row}", f"f{item}"): verdict for (row, item), verdict in rulings.items()}
    config = ApplyConfig(policy=policy, dev=dev, unseen=unseen, meaning=meaning)
    lines = [{"benchmark": "exam", "role": "unseen", "items": 5}, {"benchmark": "never", "items": 7}]
    decision = decide(found, ruled, config, lines)
    batch = pa.RecordBatch.from_pylist([{name: m[name] for name in COLUMNS} for m in found], LOOKED_AT)
    rows = [dict(zip(VERDICTS.names, (*pair, verdict), strict=True)) for pair, verdict in ruled.items()]
    told = foresee([batch], [pa.RecordBatch.from_pylist(rows, VERDICTS)], 40, config, lines)
    removed = decision.removed.to_pylist()
    assert told.removed == len(removed) and told.by_benchmark == decision.by_benchmark
    assert (told.quarantined, told.cut) == (decision.many("quarantine"), decision.many("cut"))
    assert told.struck == decision.struck
    assert (told.matches, told.suppressed) == (decision.matches, decision.suppressed)
    assert (told.false_alarms, told.unruled_kept) == (decision.false_alarms, decision.unruled_kept)
    assert told.meaning_kept == decision.meaning_kept
    assert told.first == [{name: row[name] for name in ("record_id", "reason")} for row in removed[:20]]
    assert told.refused == (len(removed) / 40 > config.max_removed)
