"""Whatever a text says, only what is on our lists reaches a page."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curation.engine.rendering import CUT, invisibles, marked, plain, rendered, revealed, show, show_json

TAGS = set(
    """a blockquote br code em h1 h2 h3 h4 h5 h6 hr li mark ol p pre s small span strong table tbody td th thead tr ul
    math menclose mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace msqrt mstyle
    msub msubsup msup mtable mtd mtext mtr munder munderover""".split()  # noqa: SIM905
)
ATTRIBUTES = set(
    """align class href rel start title accent accentunder columnalign columnlines columnspacing depth display
    displaystyle fence form height largeop linethickness lspace mathvariant maxsize minsize movablelimits notation
    rowalign rowlines rowspacing rspace scriptlevel separator stretchy voffset width""".split()  # noqa: SIM905
)
VOID = {"br", "hr"}


class Page(HTMLParser):
    """Reads HTML as pages do, and keeps its text; fails at anything that we never write."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            assert name in ATTRIBUTES and value is not None
            assert "math" in self.open or name in ("align", "class", "href", "rel", "start", "title")
            if name == "href":
                assert tag == "a" and re.match("https?://|mailto:", value, re.I)
            if name == "class":
                assert re.fullmatch("[a-z0-9]{1,9}", value)
            if name == "title":
                assert re.fullmatch(r"U\+[0-9A-F]{4,6} [A-Z0-9 ()-]+|[0-9,]+ more combining marks?", value)
        assert tag != "a" or dict(attrs)["rel"] == "nofollow noopener noreferrer"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def handle_pi(self, data: str) -> None:
        raise AssertionError(data)

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(data)


def check(text: str) -> None:
    """Every way to show the text gives a well-formed page of allowed tags."""
    for shown in (
        show(text),
        show(text, reveal=True),
        show(text, raw=True, reveal=True),
        show(text, whole=True),
    ):
        Page(shown.html)
    Page(show_json(text, reveal=True).html)
    Page(marked(text, [{"start": 1, "end": 5}], [{"start": 3, "end": 9}], window=True, context=3))


BREAKOUTS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//x.org/a.js></SCRIPT >",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><animate onbegin=alert(1) attributeName=x>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<style>@import 'https://x.org'</style>",
    "<a style='position:fixed;inset:0' href=https://x.org>.</a>",
    "<form action=/admin/><input name=a><button>b",
    "<base href=https://x.org>",
    "<meta http-equiv=refresh content='0;url=https://x.org'>",
    "<!-- <b> --><![CDATA[<b>]]><?php echo 1 ?><!doctype x>",
    "</pre></code></p></td></main><h1>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<math><annotation-xml encoding=text/html><script>alert(1)</script></annotation-xml></math>",
    "<math href=javascript:alert(1)>x</math><math><mi xlink:href=javascript:alert(1)>x</mi></math>",
    "<svg></p><style><a id='</style><img src=1 onerror=alert(1)>'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<div hx-get=/admin hx-trigger=load>",
    "&lt;script&gt;alert(1)&lt;/script&gt; &#60;b&#62; &#x3c;b&#x3e; &amp;lt;b&amp;gt; &LT;b&GT;",
    "[a](javascript:alert(1)) [a](JaVaScRiPt:alert(1)) [a](java\tscript:alert(1)) [a](<java\nscript:x>)",
    "[a](&#106;avascript:alert(1)) [a](javascript&colon;alert(1)) [a](\x01javascript:alert(1)) [a]( javascript:x)",
    "[a](data:text/html;base64,PHNjcmlwdD4=) ![a](data:image/svg+xml,<svg/onload=alert(1)>) [a](vbscript:x)",
    "[a]: javascript:alert(1)\n\n[a] [b][a] ![c][a]",
    '[a](https://x.org" onclick="alert(1)) [a](https://x.org "\\" onclick=\\"alert(1)") [a](https://x.org/\'><b>)',
    '<javascript:alert(1)> <data:text/html,x> <https://x.org/"onmouseover=alert(1)> <a@x.org"onclick=a>',
    '![" onerror="alert(1)](https://x.org/"onerror="a) ![<b>](https://x.org "t\\" b=")',
    "```python onclick=alert(1)\n</code></pre><script>alert(1)</script>\n```",
    '```"><script>alert(1)</script>\nx\n```',
    '```html\n<script>alert(1)</script><style>b{}</style><!-- a --><a onclick="x">\n```',
    "|<script>|\n|-|\n|</td><script>alert(1)</script>|",
    r"$\href{javascript:alert(1)}{x}$ $\url{x}$ \(\cssId{a}{b}\) $\includegraphics{https://x.org}$",
    r"$\class{x' onclick='alert(1)}{a}$ $\style{position:fixed}{a}$ $\color{red' onload='alert(1)}{a}$",
    r"$\text{</mtext></math><script>alert(1)</script>}$ $\mbox{<img src=x onerror=alert(1)>}$ $\operatorname{<b>}$",
    r"$\unicode{x3c}script\unicode{x3e}$ $\text{&#x3c;script&#x3e;&lt;script&gt;&amp;lt;}$ $&#x3c;b>$",
    r"$\textcolor{red' onclick='a}{b}$ $\colorbox{a' b='}{c}$ $\fcolorbox{a}{b}{<c>}$ $\rule{1em' onclick='a}{1em}$",
    r"$\hspace{1em' onclick='a}$ $\begin{array}{c|c' onclick='a}a\end{array}$ $\verb|<script>|$ $\tag{<b>}$",
    r"$\left<script\right>$ $\middle<$ $\genfrac<>{1em}{0}{a}{b}$ $\above{<b>}$ $a\over<b>$ $\bra{<b>}$",
    "$$\n</p><script>alert(1)</script>\n$$ <b>",
    "$$\n<mglyph><style>\n$$\n\n\\[ <!-- \\] --> \\( ]]> \\)",
    "`` `<b>` `` ~~<s~~ **<b** _<i_ \\<b>",
    "\u202ea\u2066b\u202c <b>\u200b</b> \ufeff\U000e0041\U000e0100",
    "Z" + "\u0301\u0336\u20dd" * 200 + "<b>",
    "a\x00<scr\x00ipt>\x00 \ud800<b>\udfff \x1b[31m \x85 \u2028 \uffff\ufdd0",
    "\r<b>\r\n\r\r<i>\f\v",
]


@pytest.mark.parametrize("text", BREAKOUTS)
def test_a_text_that_tries_to_break_out_stays_text(text: str) -> None:
    check(text)
    check(f"> - {text}\n\n`{text}`\n\n${text}$\n\n\\[\n{text}\n\\]")
    assert Page(plain(text)).text == re.sub("[\0\ud800-\udfff]", "\ufffd", text)


def test_html_in_a_text_can_be_read_on_the_page() -> None:
    text = "<script>alert(1)</script>"
    for html in (rendered(text), rendered(f"`{text}`"), rendered(f"```\n{text}\n```"), plain(text)):
        assert Page(html).text.strip() == text


def test_a_text_cannot_name_the_place_of_a_formula() -> None:
    """It would have to guess 128 bits; the next best are the numbers that follow them."""
    html = rendered("$x$ 0x0x x0x " + "0" * 32 + "x0x")
    assert html.count("<math") == 1


SIZE = CUT
COSTLY = {
    "quotes, 5,000 deep": ">" * 5_000 + " a",
    "quotes, deeper each line": "\n".join(">" * depth + " a" for depth in range(440)),
    "quotes that end fences": ">```c\n\\end{matrix}```html\n",
    "lists, deeper each line": "".join("  " * depth + "- a\n" for depth in range(310)),
    "lists in a line": "- " * 50_000,
    "lists, lazy": "- a\nb\n",
    "opening brackets": "[",
    "brackets, nested": "[" * 50_000 + "]" * 50_000,
    "links, unclosed": "[a](",
    "images, nested": "![" * 30_000 + "](b)" * 10_000,
    "lines with brackets": "[a\n",
    "stars": "*",
    "stars and words": "a**b*c_",
    "underscores": "_a __b",
    "backticks": "`",
    "backticks, more each time": "".join("`" * size + "a" for size in range(1, 440)),
    "tildes": "~~a ",
    "angles": "<",
    "ampersands": "&#",
    "backslashes": "\\",
    "dollars": "$a",
    "dollars, unclosed": "$a $",
    "formulas, unclosed": "\\(a",
    "formula lines, unclosed": "\\[\n",
    "formula lines, closed": "$$\n",
    "a table of 5,000 columns": "|a" * 5_000 + "|\n" + "|-" * 5_000 + "|\n" + "b|\n" * 20_000,
    "a table of 33,000 rows": "|a" * 100 + "|\n" + "|-" * 100 + "|\n" + "b|\n" * 33_000,
    "many tables": "a|b\n-|-\n",
    "a long address, often": "[a]: http://a/" + "b" * 50_000 + "\n\n" + "[a]" * 9_000,
    "definitions": "[a]: b 'c\n",
    "code in C": "```c\n" + "/" * 19_000 + "\n```\n",
    "code in Java": "```java\n" + "a " * 9_000 + "\n```\n",
    "code in HTML": "```html\n" + "&" * 19_000 + "\n```\n",
    "many blocks of code": "```perl\n" + "m{" * 250 + "\n```\n",
    "LaTeX, braces": "$" + "{" * 1_990 + "$ ",
    "LaTeX, powers": "$" + "x^" * 990 + "y$ ",
    "LaTeX, fractions": "\\(" + "\\frac" * 390 + "\\)",
    "LaTeX, bombs": "$\\def\\a{xx}\\def\\b{\\a\\a}\\def\\c{\\b\\b}\\c$ ",
    "LaTeX, doubling": "$" + "\\sideset{}{}{" * 100 + "x" + "}" * 100 + "$ ",
    "LaTeX, choices": "$" + "\\mathchoice{" * 60 + "a" + "}{b}{c}{d}" * 60 + "$ ",
    "LaTeX, letters": "$" + "a" * 1_990 + "$ ",
    "LaTeX, wide": "$" + "\\LaTeX " * 280 + "x$ ",
    "invisible": "\u200b\u202e",
    "marks": "a" + "\u0301" * 50,
    "one mark after another": "\u0301",
    "brackets and braces": '{"a":[',
    "quotation marks": '"\\"',
    "line ends": "\n",
    "spaces": " ",
}


@pytest.mark.parametrize("name", COSTLY)
def test_a_text_that_is_costly_to_read_is_still_shown(name: str) -> None:
    text = COSTLY[name]
    text = (text * (SIZE // len(text) + 1))[:SIZE]
    shown = show(text, reveal=True)
    Page(shown.html)
    assert len(shown.html) < 60 * SIZE
    Page(show(text, raw=True).html)
    Page(show_json(text).html)


def test_a_megabyte_is_cut() -> None:
    shown = show("<b> *a* $x$ \u200b" * 70_000)
    assert shown.cut == 70_000 * 13 - CUT
    assert shown.invisibles == 70_000
    Page(shown.html)


PIECES = st.sampled_from(
    [
        *"[]()*_`~<>!$\\|#&-+=:;'\"{}^ \n\t\r\0ax1\u0301\u200b\u202e\ufe0f\u00a0\ud800",
        *("```", "```html\n", "```js\n", "$$", r"\(", r"\)", r"\[", r"\]", "\n\n", "\n> ", "\n- ", "\n    ", "|-|\n"),
        *("<script>", "</p>", "<!--", "-->", "<![CDATA[", "<math>", "<style>", " onclick=", "style=", "**", "~~"),
        *("https://x.org", "mailto:a", "javascript:", "data:", "&lt;", "&#x3c;", "&nbsp;", r"\text{", r"\href{"),
        *(r"\frac", r"\sqrt", r"\begin{matrix}", r"\end{matrix}", r"\left", r"\right", r"\style{", r"\class{"),
        *(r"\unicode{", "[a]: ", "![", "](", "<a@b>", '"a":'),
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.characters(), max_size=30).map("".join)


@settings(deadline=None)
@given(TEXTS)
@example("[a](https://x.org/\ud800)")
def test_no_text_brings_a_tag_or_an_attribute_that_is_not_ours(text: str) -> None:
    check(text)


@settings(deadline=None)
@given(TEXTS)
def test_what_was_plainly_shown_reads_as_it_was_written(text: str) -> None:
    expected = re.sub("[\0\ud800-\udfff]", "\ufffd", text)
    assert Page(plain(text)).text == expected
    assert Page(marked(text, [{"start": 2, "end": 9}], [{"start": 5, "end": 20}])).text == expected


@settings(deadline=None)
@given(TEXTS)
def test_naming_what_cannot_be_seen_leaves_the_rest_alone(text: str) -> None:
    html = plain(text.replace("\r", ""))
    seen = "".join(character for character in html if revealed(character) == character)
    assert re.sub('<span class="inv".*?</span>', "", revealed(html)) == seen
    assert invisibles(text) <= len(text)


@settings(deadline=None)
@given(TEXTS, st.lists(st.tuples(st.integers(-5, 40), st.integers(-5, 40))), st.integers(0, 10))
def test_spans_never_break_a_text(text: str, ends: list[tuple[int, int]], context: int) -> None:
    spans = [{"start": start, "end": end} for start, end in ends]
    Page(marked(text, spans, spans[::-2], window=True, context=context))
    html = marked(text, spans)
    inside = "".join(re.findall("<mark>(.*?)</mark>", html, re.DOTALL))
    covered = {place for start, end in ends for place in range(max(start, 0), min(end, len(text)))}
    assert inside == plain("".join(text[place] for place in sorted(covered)))
