"""CSV and its relatives: headers, delimiters and quotes, and the rows that break their rules."""

import csv
import gzip
import io
import random

import pytest

from curation.engine.readers import Options, read, settled
from tests.curation.engine.making import reasons, rejects, rows


class TestDelimited:
    def test_quoted_newlines_commas_and_doubled_quotes(self, put):
        file = put("x.csv", 'question,answer\n"a,\nb","say ""hi"""\r\nplain,x\n')
        assert rows(file) == [
            {"question": "a,\nb", "answer": 'say "hi"'},
            {"question": "plain", "answer": "x"},
        ]

    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    def test_delimiters_are_told_from_the_rows(self, put, delimiter):
        file = put(
            "x.csv", f"question{delimiter}answer\nHow much, please?{delimiter}1\nAnd then?{delimiter}2\n"
        )
        if delimiter == ",":
            file = put("x.csv", 'question,answer\n"How much, please?",1\nAnd then?,2\n')
        assert rows(file)[0] == {"question": "How much, please?", "answer": "1"}

    def test_one_column_is_no_reason_to_look_for_delimiters(self, put):
        assert rows(put("x.csv", "prompt\nWhy?\nHow; and when?\n")) == [
            {"prompt": "Why?"},
            {"prompt": "How; and when?"},
        ]

    def test_a_mark_at_the_beginning_is_not_part_of_the_first_name(self, put):
        assert rows(put("x.csv", "\ufeffquestion,answer\na,b\n")) == [{"question": "a", "answer": "b"}]

    def test_blank_and_double_names_become_distinct(self, put):
        file = put("x.csv", ",text,text\n0,a,b\n")
        assert rows(file) == [{"column_1": "0", "text": "a", "text_3": "b"}]

    @pytest.mark.parametrize(
        ("content", "names"),
        [
            ("question,answer\nsky,blue\n", ["question", "answer"]),
            ("user 1 personas,Best Generated Conversation\nI am.,Hi!\n", None),
            ("Mass-society theory suggests that:,media,A\nThe other question is:,class,B\n", ["column_1"]),
            ("What is 2+2?,4\nWhat is 2+3?,5\n", ["column_1"]),
            ("Find x.,0,1,B\nFind y.,1,2,C\n", ["column_1"]),
        ],
    )
    def test_a_header_is_told_from_text(self, put, content, names):
        expected = names or ["user 1 personas", "Best Generated Conversation"]
        assert list(rows(put("x.csv", content))[0])[: len(expected)] == expected

    def test_options_overrule_what_is_seen(self, put):
        file = put("x.csv", "sky,blue\ngrass,green\n")
        assert rows(file, header=True) == [{"sky": "grass", "blue": "green"}]
        assert len(rows(file, header=False)) == 2
        assert settled(file, Options()) == Options(header=False, delimiter=",", quoted=True)

    def test_rows_of_another_width_are_rejected(self, put):
        file = put("x.csv", "question,answer\na,b\na,b,c\n\na\nd,e\n")
        assert len(rows(file)) == 2
        assert reasons(file) == [
            (2, "3 cells where the file has 2 columns"),
            (3, "1 cells where the file has 2 columns"),
        ]

    def test_a_line_in_another_encoding_costs_itself_only(self, put):
        file = put("x.csv", "question,answer\ncaf\xe9,a\nb,c\n".encode("latin-1"))
        assert rows(file) == [{"question": "b", "answer": "c"}]
        assert reasons(file) == [(1, "not valid UTF-8")]
        assert rejects(file)[0].excerpt == "caf\ufffd,a"

    def test_a_quote_that_is_never_closed_does_not_swallow_the_rest_in_silence(self, put):
        file = put("x.csv", 'question,answer\na,b\n"c,d\ne,f\n')
        assert rows(file) == [{"question": "a", "answer": "b"}]
        assert reasons(file) == [(2, "not valid CSV: unexpected end of data")]

    def test_quotes_in_another_convention_are_rejected_rather_than_mangled(self, put):
        file = put("x.csv", 'question,answer\n"say \\"hi\\"",b\n"x" y,b\n5" pipe,b\n')
        assert rows(file) == [{"question": '5" pipe', "answer": "b"}]
        assert [line for line, _ in reasons(file)] == [1, 2]

    def test_a_record_beyond_the_cap_is_passed_over(self, put):
        file = put("x.csv", "question,answer\na," + "x" * 5000 + "\nb,c\n")
        assert rows(file, max_line_bytes=4000) == [{"question": "b", "answer": "c"}]
        assert reasons(file, max_line_bytes=4000)[0][1].startswith("longer than 4,000 bytes")

    def test_a_cell_of_a_megabyte_is_read(self, put):
        assert (
            len(rows(put("x.csv", "question,answer\n" + "x" * (1 << 20) + ",a\n"))[0]["question"]) == 1 << 20
        )

    def test_bare_quotes_in_tab_separated_text_are_text(self, put):
        file = put("x.tsv", '"Bob" said?\tyes\n"\\n"How" many?\tno\nWhy?\t"no"\n')
        assert [list(row.values()) for row in rows(file)] == [
            ['"Bob" said?', "yes"],
            ['"\\n"How" many?', "no"],
            ["Why?", '"no"'],
        ]

    def test_quoted_cells_in_tab_separated_text_are_unquoted(self, put):
        out = io.StringIO()
        told = [["question", "answer"], ['He said "hi"', "line\none"], ["plain", "x\ty"], ["a", "b"]]
        csv.writer(out, delimiter="\t").writerows(told)
        assert [list(row.values()) for row in rows(put("x.tsv", out.getvalue()))] == told[1:]

    def test_a_damaged_stream_is_said_at_its_end(self, put):
        text = "question,answer\n" + "".join(f"q{n},{random.Random(n).random()}\n" for n in range(20_000))
        *kept, last = read(put("x.csv.gz", gzip.compress(text.encode())[:-100]))
        assert len(kept) > 10_000 and last.reason.startswith("the gz stream ends too early")
