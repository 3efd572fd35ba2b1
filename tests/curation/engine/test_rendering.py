"""Stored text as a page shows it."""

from html.parser import HTMLParser

import pytest

from curation.engine.rendering import (
    CUT,
    WHOLE,
    Shown,
    invisibles,
    marked,
    plain,
    rendered,
    revealed,
    show,
    show_json,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("**a** *b* ~~c~~ `d`", "<p><strong>a</strong> <em>b</em> <s>c</s> <code>d</code></p>"),
        ("# Title", "<h1>Title</h1>"),
        ("one\ntwo\n\nthree", "<p>one<br>\ntwo</p>\n<p>three</p>"),
        ("3. c\n4. d", '<ol start="3">\n<li>c</li>\n<li>d</li>\n</ol>'),
        ("> a", "<blockquote>\n<p>a</p>\n</blockquote>"),
        ("<b>1 < 2</b> &amp; &lt;", "<p>&lt;b&gt;1 &lt; 2&lt;/b&gt; &amp; &lt;</p>"),
        ("", ""),
    ],
)
def test_markdown_becomes_html_and_html_stays_text(text: str, expected: str) -> None:
    assert rendered(text).strip() == expected


def test_a_table_keeps_the_alignment_of_its_columns() -> None:
    html = rendered("|a|b|c|\n|-|:-:|-:|\n|1|2|3|")
    assert "<td>1</td>" in html
    assert '<td align="center">2</td>' in html
    assert '<td align="right">3</td>' in html


def test_a_link_says_that_we_do_not_vouch_for_it() -> None:
    rel = 'rel="nofollow noopener noreferrer"'
    assert rendered('[a](https://x.org/?a&b "t")') == f'<p><a href="https://x.org/?a&amp;b" {rel}>a</a></p>\n'
    assert rendered("<m@x.org>") == f'<p><a href="mailto:m@x.org" {rel}>m@x.org</a></p>\n'


@pytest.mark.parametrize(
    "address", ["/admin/", "//x.org", "x", "#top", "ftp://x.org", "javascript:x", "data:text/html,x"]
)
def test_a_link_to_anywhere_else_stays_what_was_written(address: str) -> None:
    assert rendered(f"[a]({address})") == f"<p>[a]({address})</p>\n"


def test_an_image_is_its_alternative_text_and_its_address() -> None:
    assert (
        rendered("![a *b* <c>](https://x.org/p.png)")
        == "<p>a *b* &lt;c&gt; <code>https://x.org/p.png</code></p>\n"
    )


def test_code_gets_classes_when_its_language_is_known() -> None:
    assert '<span class="k">return</span>' in rendered("```python\nreturn 1\n```")
    assert '<span class="mi">1</span>' in rendered("~~~PY title=x\n1\n~~~")
    unknown = '<pre class="highlight"><code>return &lt;1&gt;\n</code></pre>\n'
    assert rendered("```whatever\nreturn <1>\n```") == rendered("```\nreturn <1>\n```") == unknown


def test_code_that_is_too_long_or_takes_too_long_has_no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "<span" not in rendered("```python\n" + "1\n" * 10_001 + "```")
    monkeypatch.setattr("curation.engine.rendering.highlighting.SECONDS", -1)
    assert rendered("```python\nreturn 1\n```") == '<pre class="highlight"><code>return 1\n</code></pre>\n'


def test_code_that_confuses_a_lexer_is_shown_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    class Skipping:
        def get_tokens_unprocessed(self, code: str):
            yield 1, (), code[1:]

    monkeypatch.setattr("curation.engine.rendering.highlighting.get_lexer_by_name", lambda name: Skipping())
    assert "<code>a &lt; b\n</code>" in rendered("```python\na < b\n```")


X = "<mi>x</mi>"


@pytest.mark.parametrize(
    ("text", "display"),
    [("$x$", "inline"), (r"\(x\)", "inline"), ("$$x$$", "block"), (r"\[x\]", "block"), (r"\[ x \]", "block")],
)
def test_four_pairs_of_delimiters_make_a_formula(text: str, display: str) -> None:
    formula = f'<math display="{display}"><mrow>{X}</mrow></math>'
    assert formula in rendered(text)
    assert f"so {formula} is" in rendered(f"so {text} is")
    assert f"<em>so {formula}</em>" in rendered(f"*so {text}*")


@pytest.mark.parametrize(
    "text",
    [
        "from $5 to $10",
        "$5-$10",
        "$ x $",
        "$x $",
        "a $ b",
        "$",
        "$$",
        "$$$$",
        r"\(\)",
        r"\[ a",
        "`$x$`",
        r"\$x\$",
    ],
)
def test_dollars_and_brackets_that_are_no_formula_stay_text(text: str) -> None:
    assert "<math" not in rendered(text)


def test_a_formula_over_several_lines_is_not_taken_for_a_list_or_a_heading() -> None:
    for text in (
        "$$\na\n- b\n= c\n$$",
        "\\[\na\n- b\n\n= c\n\\].",
        "> $$\n> a\n> - b\n> = c\n> $$",
        "so\n$$\na\n- b\n= c\n$$",
    ):
        html = rendered(text)
        assert "<mi>a</mi><mo>−</mo><mi>b</mi><mo>=</mo><mi>c</mi>" in html
        assert "<li" not in html and "<h1" not in html
    assert rendered("\\[\nx\n\\].").endswith("</math>.</p>\n")


def test_a_formula_ends_with_the_quotation_or_list_it_is_in() -> None:
    assert "<math" not in rendered("- $$\n  a\n\nb\n$$ c")
    assert "<math" not in rendered("> $$\n> a\n\n$$")


@pytest.mark.parametrize(
    "latex", [r"\frac{", "x^", r"\left(", r"\begin{matrix}", "x" * 2_001, r"\def\a{b}\a", r"\sideset{}{}x"]
)
def test_latex_that_is_malformed_or_too_much_is_shown_as_its_source(latex: str) -> None:
    assert rendered(f"a $${latex}$$") == f"<p>a <code>$${latex}$$</code></p>\n"


def test_a_text_gets_200_formulas() -> None:
    html = rendered("$x$ " * 250)
    assert (html.count("<math"), html.count("<code>$x$</code>")) == (200, 50)


def test_formulas_together_do_not_outgrow_the_page() -> None:
    html = rendered((r"\(" + r"\LaTeX " * 240 + r"\) ") * 50)
    assert len(html) < 1_000_000
    assert r"<code>\(\LaTeX" in html


def test_formulas_bring_no_addresses_styles_or_distant_positions() -> None:
    assert rendered(r"$\raise{9em}{a}$ $\raise{99em}{a}$").count("voffset") == 1
    for latex in (r"\color{red}{a}", r"\hspace{-50em}a", r"\lower{5em}{a}"):
        html = rendered(f"${latex}$")
        assert "<mi>a</mi>" in html
        assert "red" not in html and "-5" not in html
    for latex in (
        r"\href{javascript:a}{b}",
        r"\style{a}{b}",
        r"\class{a}{b}",
        r"\unicode{x202E}",
        r"\text{&#x202e;}",
    ):
        assert "<math" not in rendered(f"${latex}$")


def test_a_text_in_a_formula_is_escaped_once_more() -> None:
    html = rendered(r"$\text{</math><script>&lt;&#x3C;}$")
    assert "<mtext>&lt;/math&gt;&lt;script&gt;&amp;lt;&lt;</mtext>" in html


def test_a_text_is_rendered_up_to_the_cut() -> None:
    shown = show("a" * (CUT + 5))
    assert shown == Shown("<p>" + "a" * CUT + "</p>\n", 5, 0)
    assert rendered("a" * (CUT + 5)) == shown.html
    assert show("a").cut == 0


def test_a_whole_text_beyond_the_cut_is_shown_raw_up_to_a_limit() -> None:
    long = "*a* " * CUT
    assert show(long, whole=True) == Shown(f'<pre class="raw">\n{long}</pre>', 0, 0)
    assert show("a" * (WHOLE + 7), whole=True).cut == 7
    assert show("*a*", whole=True).html == "<p><em>a</em></p>\n"


def test_raw_is_every_character_as_it_is() -> None:
    assert show("\n*a* <b>", raw=True).html == '<pre class="raw">\n\n*a* &lt;b&gt;</pre>'
    assert plain("<a href=\"x\" & 'y'>\n") == "&lt;a href=&quot;x&quot; &amp; &#x27;y&#x27;&gt;\n"


def test_what_html_cannot_hold_becomes_the_replacement_character() -> None:
    for text in ("a\x00b", "a\ud800b", "a\udfffb"):
        assert rendered(text) == "<p>a\ufffdb</p>\n"
        assert plain(text) == marked(text, []) == "a\ufffdb"
        assert show(text, raw=True, reveal=True).html == '<pre class="raw">\na\ufffdb</pre>'


def test_a_failing_parser_leaves_paragraphs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.engine.rendering.markdown._check", lambda tokens: 1 / 0)
    assert rendered("*a*\n<b>\n\n\n\r\nc") == "<p>*a*<br>\n&lt;b&gt;</p><p>c</p>"


# Characters that cannot be seen


def test_invisible_characters_are_named_on_request() -> None:
    text = "a\u200bb\u202e `c\ufeff`"
    zwsp = '<span class="inv" title="U+200B ZERO WIDTH SPACE">ZWSP</span>'
    assert zwsp not in show(text).html
    shown = show(text, reveal=True)
    assert f"a{zwsp}b" in shown.html
    assert 'title="U+202E RIGHT-TO-LEFT OVERRIDE">RLO<' in shown.html
    assert "BOM</span></code>" in shown.html
    assert shown.invisibles == invisibles(text) == 3
    assert zwsp in show(text, raw=True, reveal=True).html


@pytest.mark.parametrize(
    ("character", "label"),
    [
        ("\u00a0", "NBSP"), ("\u00ad", "SHY"), ("\u200f", "RLM"), ("\u2060", "WJ"), ("\u2064", "2064"),
        ("\u2069", "PDI"), ("\x07", "0007"), ("\x85", "0085"), ("\x1b", "ESC"),
        ("\r", "CR"), ("\ufe0e", "VS15"), ("\U000e0100", "VS17"),
        ("\U000e0041", "TAG A"), ("\U000e003c", "TAG &lt;"), ("\U000e0001", "E0001"), ("\u034f", "CGJ"),
    ],
)  # fmt: skip
def test_each_kind_of_them_has_a_label(character: str, label: str) -> None:
    assert f">{label}</span>" in revealed(plain(character))
    assert invisibles(character) == 1


def test_only_text_is_named_not_tags_or_formulas() -> None:
    html = rendered("[a](https://x.org/\u00a0\u200b) $\\text{a b}$")
    assert revealed(html) == html


def test_line_ends_tabs_and_ordinary_emoji_are_not_counted() -> None:
    assert invisibles("a\r\nb\tc\nd") == 0
    assert invisibles("❤️ 👩‍💻 👍🏽 🏳️‍🌈 1️⃣") == 0
    assert invisibles("a\ufe0f \u200d ❤️️ 👩‍") == 4
    assert revealed("a\r\nb\tc") == "a\r\nb\tc"
    assert "VS16" in revealed("❤️")


def test_a_text_of_invisible_characters_does_not_become_all_titles() -> None:
    html = revealed("\u200b" * CUT)
    assert html.count("title=") == 5_000
    assert html.count("ZWSP") == CUT


def test_marks_that_pile_up_are_cut_to_eight_except_in_raw_view() -> None:
    text = "a" + "\u0301" * 8 + " b" + "\u0301" * 9 + " c" + "\u0336" * 1_008
    more = '<span class="inv" title="{} more combining mark{}">⋯</span>'
    eight = "\u0301" * 8
    start = f"<p>a{eight} b{eight}{more.format(1, '')} c"
    assert rendered(text) == start + "\u0336" * 8 + more.format("1,000", "s") + "</p>\n"
    assert show(text, raw=True).html == f'<pre class="raw">\n{text}</pre>'
    assert "<math" not in rendered("$b" + "\u0301" * 9 + "$")


# Evidence


def span(start: int, end: int) -> dict[str, int]:
    return {"start": start, "end": end}


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([], "ab&lt;def"),
        ([span(2, 3)], "ab<mark>&lt;</mark>def"),
        ([span(4, 9), span(0, 1)], "<mark>a</mark>b&lt;d<mark>ef</mark>"),
        ([span(1, 3), span(2, 4), span(4, 5)], "a<mark>b&lt;de</mark>f"),
        ([span(-5, 1), span(6, 9), span(3, 3), span(5, 4), span(99, 100)], "<mark>a</mark>b&lt;def"),
    ],
)
def test_spans_are_marked_whatever_their_order(spans: list[dict[str, int]], expected: str) -> None:
    assert marked("ab<def", spans) == expected


def test_what_is_near_has_its_own_mark_where_nothing_is_exact() -> None:
    html = marked("abcdef", [span(2, 4)], [span(1, 3), span(3, 6)])
    assert html == 'a<mark class="near">b</mark><mark>cd</mark><mark class="near">ef</mark>'


def test_offsets_are_characters_also_where_characters_are_replaced() -> None:
    assert marked("\x00😀&b", [span(2, 3)]) == "\ufffd😀<mark>&amp;</mark>b"


def test_a_window_keeps_what_is_around_spans_and_says_what_is_missing() -> None:
    text = "a" * 13_340 + "HIT" + "b" * 30
    html = marked(text, [span(13_340, 13_343)], window=True, context=1_000)
    assert html == f"<small>… 12,340 characters …</small>{'a' * 1_000}<mark>HIT</mark>{'b' * 30}"
    assert marked("abcdefg", [span(1, 2), span(5, 6)], window=True, context=1) == (
        "a<mark>b</mark>c<small>… 1 character …</small>e<mark>f</mark>g"
    )
    assert marked("abcdefg", [], window=True, context=2) == "abcd<small>… 3 characters …</small>"


def test_evidence_is_bounded_with_and_without_a_window() -> None:
    text = "x" * 3 * CUT
    assert marked(text, []) == "x" * CUT + f"<small>… {2 * CUT:,} characters …</small>"
    spans = [span(10, 20), span(CUT, 3 * CUT)]
    html = marked(text, spans, window=True, context=10)
    assert html.count("x") == CUT
    assert html.endswith(f"</mark><small>… {CUT + 40:,} characters …</small>")


# JSON


def test_json_is_laid_out_with_its_numbers_and_order_as_stored() -> None:
    shown = show_json('[{"b": 1e400, "a": 12345678901234567890.10, "c": {}, "d": [ ]}, "x"]')
    text = text_of(shown.html)
    assert text == (
        '[\n  {\n    "b": 1e400,\n    "a": 12345678901234567890.10,\n    "c": {},\n    "d": []\n  },\n  "x"\n]'
    )
    assert '<pre class="highlight">\n<code>' in shown.html
    assert '<span class="nt">&quot;b&quot;</span>' in shown.html


def test_escapes_in_json_are_read() -> None:
    shown = show_json('{"a": "\\u4f60\\n\\u003cb>\\u200b \\ud800"}', reveal=True)
    assert "你\\n&lt;b&gt;<span" in shown.html
    assert "\ufffd" in shown.html
    assert shown.invisibles == 1


@pytest.mark.parametrize(
    "text", ["", "no <b>", '{"a": 1', '"a"', "1", '{"a": 1, "a": 2}', "[" * 50_000, "[NaN"]
)
def test_what_is_no_json_or_hides_a_value_is_shown_raw(text: str) -> None:
    assert show_json(text) == show(text, raw=True)


def test_json_is_cut_after_it_was_laid_out() -> None:
    shown = show_json("[" + "1," * 40_000 + "1]")
    assert shown.cut == len("[\n" + "  1,\n" * 40_000 + "  1\n]") - CUT
    assert show_json("[" * 500 + "1" + ",1" * 10_000 + "]" * 500).cut > 0


def text_of(html: str) -> str:
    """The text of HTML as a browser has it, one line end after a <pre> less."""
    pieces: list[str] = []

    class Text(HTMLParser):
        def handle_data(self, data: str) -> None:
            pieces.append(data)

    Text().feed(html)
    return "".join(pieces).removeprefix("\n")
