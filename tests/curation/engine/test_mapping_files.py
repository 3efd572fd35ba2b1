"""Mappings of whole files: recognised from their rows, saved, and applied row by row."""

import json

import pytest

from curation.engine.errors import BadConfig, BadInput
from curation.engine.mapping import Mapping, Shape, contents, propose, recognise, to_content
from curation.engine.readers import Options, Reject, Row, find, read
from tests.curation.engine.making import A, Q, shape, user


class TestRecognition:
    def test_what_fits_nothing_is_refused_with_its_columns_and_a_way_out(self):
        with pytest.raises(BadInput) as caught:
            recognise([{"user 1 personas": "a", "Best Generated Conversation": "b"}])
        said = str(caught.value)
        assert '"user 1 personas", "Best Generated Conversation"' in said
        example = said[said.index("{") : said.index("; the shapes")]
        assert Mapping.from_dict(json.loads(example)).shape is Shape.PROMPT_COMPLETION

    def test_rows_inside_one_object_are_pointed_at(self):
        with pytest.raises(BadInput, match='inside "data" of one object'):
            recognise([{"version": 2, "data": [{"title": "x"}]}])

    def test_a_few_rows_without_a_column_do_not_hide_it(self):
        rows = [{"question": Q, "answer": A}] * 3 + [{"question": Q}]
        assert shape(*rows) is Shape.QUESTION_ANSWER

    def test_a_proposal_needs_a_row(self, tmp_path):
        path = tmp_path / "x.jsonl"
        path.write_text("[1]\n")
        with pytest.raises(
            BadInput, match=r"no row to look at in 1 files; the first: x.jsonl, row 1, not an object"
        ):
            propose(find(str(path)).files)

    def test_a_proposal_holds_how_the_files_are_read(self, tmp_path):
        (tmp_path / "a.tsv").write_text('Why?\\n- "a"\tbecause\nHow?\tso\n')
        files = find(str(tmp_path)).files
        mapping = propose(files)
        assert mapping == Mapping(
            Shape.QUESTION_ANSWER,
            {"prompt": "column_1", "completion": "column_2"},
            unescape=True,
            options=Options(header=False, delimiter="\t", quoted=False),
        )
        first = next(item for item in read(files[0], options=mapping.options) if isinstance(item, Row))
        assert to_content(mapping, first.data).messages[0].content == 'Why?\n- "a"'

    def test_files_that_differ_are_looked_at_one_by_one(self, tmp_path):
        (tmp_path / "a.csv").write_text("question,answer\nWhy?,so\n")
        (tmp_path / "b.csv").write_text("question;answer\nHow?;so\n")
        files = find(str(tmp_path)).files
        mapping = propose(files)
        assert mapping.options.delimiter is None and mapping.options.header is True
        told = [item.data["question"] for file in files for item in read(file, options=mapping.options)]
        assert told == ["Why?", "How?"]


class TestSaving:
    MAPPING = Mapping(
        Shape.CANDIDATES,
        {"prompt": "q", "completions": ("a", "b")},
        id="id",
        roles={"wizard": "assistant"},
        constants={"licence": "MIT"},
        unescape=True,
        options=Options(header=False, delimiter="\t", quoted=False),
    )

    def test_a_mapping_survives_json(self):
        saved = json.loads(json.dumps(self.MAPPING.as_dict()))
        assert Mapping.from_dict(saved) == self.MAPPING
        assert Mapping.from_dict({"shape": "text", "fields": {"text": "t"}}) == Mapping(
            Shape.TEXT, {"text": "t"}
        )

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            ({"shape": "poem"}, 'There is no shape "poem"; there are messages'),
            ({"fields": {"prompt": "q"}}, "The shape candidates needs a column for completions"),
            ({"fields": {"prompt": "q", "completions": "c", "chosen": "x"}}, "has no chosen; it has prompt"),
            ({"fields": {"prompt": ["q"], "completions": "c"}}, "prompt needs the name of a column"),
            ({"fields": {"prompt": 5, "completions": "c"}}, "prompt needs the name of a column"),
            ({"fields": ["q"]}, "fields must be an object"),
            ({"roles": {"x": "wizard"}}, '"x" cannot be renamed to wizard: speakers are system'),
            ({"constants": {"prompt": "x"}}, "prompt cannot be a constant"),
            ({"options": {"sheet": 2}}, "Options has no sheet"),
            ({"options": {"delimiter": "ab"}}, "delimiter must be one character"),
            ({"options": {"header": "yes"}}, "header must be true, false or null"),
            ({"options": {"max_bytes": "9"}}, "max_bytes must be at least 1"),
            ({"constants": {"licence": 5}}, "licence cannot be a constant here"),
            ({"id": 5}, "id needs the name of a column"),
            ({"unescape": "no"}, "unescape must be true or false"),
            ({"colour": "blue"}, "A mapping has no colour"),
        ],
    )
    def test_a_wrong_mapping_explains_itself(self, change, sentence):
        with pytest.raises(BadConfig, match=sentence):
            Mapping.from_dict({**self.MAPPING.as_dict(), **change})


class TestContents:
    def test_a_file_comes_in_row_by_row_with_names_and_reasons(self, tmp_path):
        path = tmp_path / "x.jsonl"
        rows = [{"id": "a", "prompt": Q}, {"id": "", "prompt": Q}, {"id": "c", "prompt": " "}]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{\n")
        (file,) = find(str(path)).files
        mapping = Mapping(Shape.PROMPT, {"prompt": "prompt"}, id="id")
        first, second, *bad = contents(file, mapping)
        assert [(row.own, row.line) for row in (first, second)] == [("a", 1), ("x.jsonl#2", 2)]
        assert first.content.messages == (user(Q),)
        assert bad == [
            Reject("x.jsonl", 3, "prompt is empty", '{"id":"c","prompt":" "}'),
            Reject("x.jsonl", 4, "not valid JSON: unexpected end of data at character 2", "{"),
        ]
        assert list(contents(file, mapping, skip=1)) == [second, *bad]

    def test_the_excerpt_of_a_row_that_json_cannot_hold_names_its_columns(self, tmp_path):
        path = tmp_path / "x.jsonl"
        path.write_text('{"prompt": "", "deep": ' + "[" * 400 + "]" * 400 + "}\n")
        (reject,) = contents(find(str(path)).files[0], Mapping(Shape.PROMPT, {"prompt": "prompt"}))
        assert reject.excerpt == "['prompt', 'deep']"
