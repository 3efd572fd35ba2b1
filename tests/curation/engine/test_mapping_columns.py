"""Columns beside the conversation, ids of a row's own, and cells with escapes."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.engine.mapping import Mapping, Shape, compiled, own_id, recognise, to_content
from curation.engine.mapping.escapes import are_escapes, unescaped
from curation.engine.records import Message, Record, from_batch, to_batch
from tests.curation.engine.making import MESSAGES, A, B, Q, content, reason, turns, user


class TestNotes:
    def test_columns_without_a_role_are_kept_in_meta(self):
        row = {
            "prompt": Q,
            "source": "web",
            "model": "m",
            "n": 3,
            "list": ["ü", 1],
            "none": None,
            "empty": "",
            "day": date(2024, 5, 1),
            "raw": b"\xff\x00",
            "price": Decimal("1.10"),
            "licence": "MIT",
        }
        got = content(row)
        assert got.licence == "MIT"
        assert got.meta == {
            "source": "web",
            "model": "m",
            "n": "3",
            "list": '["ü",1]',
            "empty": "",
            "day": '"2024-05-01"',
            "raw": '"/wA="',
            "price": '"1.10"',
        }

    def test_what_json_cannot_hold_is_said(self):
        deep = []
        for _ in range(400):
            deep = [deep]
        assert "deep cannot be kept as JSON" in reason(MESSAGES, {"messages": turns(Q), "deep": deep})
        assert "n cannot be kept as JSON" in reason(MESSAGES, {"messages": turns(Q), "n": 1 << 80})

    def test_constants_fill_roles_without_a_column(self):
        mapping = Mapping(
            Shape.RLVR,
            {"prompt": "q", "ground_truth": "a.final"},
            constants={"verifier": "gsm8k", "licence": "MIT", "system": "Think."},
        )
        got = to_content(mapping, {"q": Q, "a": {"final": 7}})
        assert (got.verifier, got.licence, got.ground_truth) == ("gsm8k", "MIT", "7")
        assert got.messages == (Message("system", "Think."), user(Q))

    def test_paths_reach_into_objects_and_lists_unless_a_column_is_called_so(self):
        mapping = Mapping(Shape.PROMPT, {"prompt": "a.b.0"})
        assert to_content(mapping, {"a": {"b": [Q]}}).messages == (user(Q),)
        assert to_content(mapping, {"a.b.0": A, "a": {"b": [Q]}}).messages == (user(A),)
        assert reason(mapping, {"a": {"b": []}}) == "a.b.0 is missing"

    def test_a_content_survives_the_store(self):
        row = {"prompt": Q, "chosen": A, "rejected": B, "score_chosen": 1, "n": 1}
        record = Record("1" * 32, "s", content(row))
        assert from_batch(to_batch([record])) == [record]


class TestOwnIds:
    @pytest.mark.parametrize(
        ("rows", "expected"),
        [
            ([{"id": "a"}, {"id": "b"}], "id"),
            ([{"id": "a"}, {"id": "a"}], None),
            ([{"id": "a"}, {"id": ""}], None),
            ([{"id": "a"}, {"id": None}], None),
            ([{"id": "a"}, {}], None),
            ([{"id": 1}, {"id": "1"}], None),
            ([{"id": True}, {"id": False}], None),
            ([{"id": [1]}, {"id": [2]}], None),
            ([{"uuid": 1, "id": 5}, {"uuid": 2, "id": 5}], "uuid"),
            ([{"question_id": 1, "answer_id": "x"}, {"question_id": 2, "answer_id": "y"}], "answer_id"),
            ([{"idx": 1}, {"idx": 2}], None),
        ],
    )
    def test_a_column_identifies_rows_if_every_value_is_a_scalar_of_its_own(self, rows, expected):
        assert recognise([{"prompt": Q, **row} for row in rows]).id == expected

    def test_ids_as_text(self):
        mapping = Mapping(Shape.PROMPT, {"prompt": "prompt"}, id="id")
        told = [own_id(mapping, {"id": value}) for value in (7, "x", None, "", True, [1], float("nan"))]
        assert told == ["7", "x", None, None, None, None, None]
        assert own_id(Mapping(Shape.PROMPT, {"prompt": "prompt"}), {"id": 7}) is None


class TestEscapes:
    @pytest.mark.parametrize(
        ("cell", "meaning"),
        [
            (r"Why?\nOptions:\n- a\n", "Why?\nOptions:\n- a\n"),
            (r"a\tb\\c", "a\tb\\c"),
            (r"\theta \nabla \neq \to \text{x}", r"\theta \nabla \neq \to \text{x}"),
            (r"\\theta", r"\theta"),
            (r"x\nthen \theta", "x\nthen \\theta"),
            (r"\frac{1}{2}", r"\frac{1}{2}"),
            ("no backslash", "no backslash"),
        ],
    )
    def test_escapes_are_turned_and_latex_survives(self, cell, meaning):
        assert unescaped(cell) == meaning

    @pytest.mark.parametrize(
        ("cells", "found"),
        [
            ([r"a\nb", "c"], True),
            ([r"a\nb", r"\theta"], False),
            ([r"\theta", r"\nabla", r"\to"], False),
            ([r"\frac{a}{b}\n"], False),
            (["nothing"], False),
            ([r"a\nb"] * 200 + [r"14th equals 3\14"], True),
        ],
    )
    def test_a_sample_decides(self, cells, found):
        assert are_escapes(cells) is found

    @given(st.text("ab\n\t\\", max_size=20))
    def test_what_was_escaped_comes_back(self, text):
        escaped = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
        assert unescaped(escaped) == text

    def test_a_mapping_says_whether_cells_are_unescaped(self):
        plain = Mapping(Shape.TEXT, {"text": "t"})
        row = {"t": r"a\nb"}
        assert to_content(plain, row).messages == (user(r"a\nb"),)
        assert compiled(replace(plain, unescape=True))(row).messages == (user("a\nb"),)
