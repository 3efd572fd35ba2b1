"""Text that means harm, on every page that shows text: it is shown, and it does nothing."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.addresses import FRAGMENTS, address
from tests.browser.projects import ask, populated
from tests.browser.test_every_page import LOOKED_AT

BIDI = "\u202egnp.exe\u202c \u2066left\u2069 \u200f\u200e\u061c"
ZALGO = "z" + "\u0335\u0321\u0348\u0302\u0304" * 40 + "algo"
SCRIPT = "<script>window.__pwned=1;alert(1)</script>"
EVENT = "<img src=x onerror=\"window.__pwned=1;alert(1)\"><svg onload='window.__pwned=1'><details open ontoggle=f()>"
LINKS = (
    "[go](javascript:window.__pwned=1) [data](data:text/html,<script>alert(1)</script>) <javascript:alert(1)> "
    "![x](https://example.org/seen.png) [x](//example.org) <a href='javascript:alert(1)' style='position:fixed'>a</a>"
)
TEMPLATE = (
    "{{ request.user.password }}{% debug %} ${alert(1)} #{7*7} </textarea></title></style></pre></template>"
)
LEAKED = (
    f'name the "{SCRIPT}" tag and say {EVENT} how many legs does a healthy adult spider normally have in all'
)
TABLE = "|" + "a|" * 2000 + "\n|" + "-|" * 2000 + "\n|" + "<b>1</b>|" * 2000
MARKDOWN = (
    "```\nnever closed **bold [half](http://\n> > > > >\n1. 2. - * _ ~~~ `` ` <!-- <![CDATA[ <?php &#0; &#x202e;"
    + "[" * 500
)
LATEX = (
    r"$\frac{1}{$ \[ \begin{matrix} \end{oops} $$\def\x{\x\x}\x$$ $\href{javascript:alert(1)}{x}$ \(\unicode{x}"
    + "{" * 500
)
UNBROKEN = "w" * 100_000
MILLION = "All work and no play. " * 50_000
CHATS = [
    f"Please {LEAKED}",
    LEAKED.upper(),
    f"{SCRIPT}{EVENT}",
    LINKS,
    f"{BIDI} {ZALGO}",
    TABLE,
    MARKDOWN,
    LATEX,
    UNBROKEN,
    TEMPLATE,
    MILLION,
    "nothing\0 at \x07all",
]
NAME = "wide \"><img src=x onerror='window.__pwned=1'>\u202e.jsonl"
HARM = SCRIPT + EVENT + TEMPLATE + BIDI + ZALGO
BESIDE = """
import json
from pathlib import Path
from curation.engine.exporting import ExportConfig
from curation.engine.mixing import parse
from curation.locations import from_shell
from curation.models import Export, Project, Run, Source, Token, shell_user
from curation import jobs
from curation.tasks.exporting import start_export
from curation.tasks.importing import start_import
from curation.tasks.looking import start_look
from decontam.models import Ruling
from decontam.questions.reviews import at
told = json.loads(Path({told!r}).read_text())
folder, harm, user = Path({told!r}).parent, told["harm"], shell_user()
project = Project.objects.get(name={project!r})
wide = folder / told["name"]
cells = {{f"{{harm[:60]}} {{n}}": harm for n in range(2000)}}
wide.write_text("".join(json.dumps(row) + "\\n" for row in (cells, {{**cells, "more": harm * 20}})) + harm + "\\n")
made = dict(location=str(wide), split_role=Source.SplitRole.TRAIN, licence=harm[:100], user=user)
jobs.carry_out(start_look(project, "wide", from_shell(str(wide)), Source.SplitRole.TRAIN, user=user))
failed = jobs.carry_out(start_import(project, "wide", **made))
mapping = {{"shape": "text", "columns": {{"text": next(iter(cells))}}}}
Source.objects.filter(name="chats").update(licence=harm[:100])
scan = project.runs.filter(kind="scan").last()
Ruling.objects.rule(scan, [at(scan, 2)], Ruling.Verdict.FALSE_ALARM, by=user, reason=harm[:900])
Token.objects.issue(project, harm[:100], ["read"], days=3, by=user)
export = jobs.carry_out(start_export(project, "first", ExportConfig(profiles=["sft_messages"]), user=user)).export
Export.objects.filter(pk=export.pk).withdraw(harm, by=user)
ids = [one.as_py() for batch in scan.input("training").batches(["id"]) for one in batch["id"]]
print(json.dumps({{"failed": failed.pk, "error": failed.error, "ids": ids}}))
"""


@pytest.fixture(scope="module")
def harmful(site):
    """A project whose texts mean harm wherever it takes any."""
    made = populated(site, "harm", chats=CHATS, items=[LEAKED, SCRIPT + EVENT, LINKS])
    told = site.home / "harm" / "told.json"
    told.write_text(json.dumps({"harm": HARM, "name": NAME}))
    made.beside = ask(site, BESIDE.format(told=str(told), project="harm"))
    return made


@pytest.fixture
def page(opened):
    """A page on which no dialog opens."""
    page = opened()
    page.page.on("dialog", lambda dialog: (page.wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    return page


ARMED = """() => [...document.querySelectorAll('*')].flatMap(element => [...element.attributes]
  .filter(one => /^(hx-)?on/i.test(one.name) || /^\\s*(javascript|data|vbscript):/i.test(one.value))
  .map(one => `${element.tagName} ${one.name}=${one.value.slice(0, 80)}`))"""


STRANGE = "[...document.images].map(one => one.src).filter(src => new URL(src).origin !== location.origin)"


def assert_tame(page):
    """Nothing ran, nothing is armed, nothing was fetched from elsewhere."""
    assert page.evaluate("window.__pwned") is None
    assert page.evaluate(ARMED) == []
    assert page.evaluate(STRANGE) == []


def assert_harmless(page):
    """Tame, and at both widths nothing sticks out."""
    assert_tame(page)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.overflow() <= 0, f"{page.url} scrolls sideways at {width} px"


@pytest.mark.parametrize("name", LOOKED_AT)
def test_a_page_of_harmful_text_does_nothing(name, page, harmful):
    assert page.visit(address(name, harmful)).status == 200
    assert_harmless(page)


@pytest.mark.parametrize("name", sorted(FRAGMENTS))
def test_a_piece_of_a_page_does_nothing_where_it_is_put(name, page, harmful):
    answer = page.request.get(page.site.url + address(name, harmful))
    assert answer.ok and answer.headers["x-content-type-options"] == "nosniff"
    if answer.headers["content-type"].startswith("text/html"):
        page.visit("/p/harm/settings/")
        page.evaluate("html => document.querySelector('main').innerHTML = html", answer.text())
        assert_tame(page)


@pytest.mark.parametrize("place", range(len(CHATS)))
def test_a_row_of_harmful_text_does_nothing(place, page, harmful):
    row = f"/p/harm/datasets/chats/1/rows/{harmful.beside['ids'][place]}/"
    for query in ("", "?raw=1&reveal=1"):
        assert page.visit(row + query).status == 200
        assert_harmless(page)


def test_the_pages_of_a_source_of_two_thousand_harmful_columns(page, harmful):
    failed = harmful.beside
    assert "<script>" in failed["error"]
    for path in (
        "sources/wide/",
        "sources/wide/mapping/",
        "sources/",
        f"runs/{failed['failed']}/",
        "audit/",
        "",
    ):
        assert page.visit(f"/p/harm/{path}").status == 200
        assert_harmless(page)


def test_a_pair_of_harmful_texts_is_lit_on_both_sides(page, harmful):
    page.visit(f"/p/harm/decontamination/scans/{harmful.scan.pk}/review/?seq=1")
    for side in ("Training row", "Benchmark item"):
        lit = page.get_by_role("article").filter(has_text=side).locator("mark")
        expect(lit.filter(has_text=re.compile("onerror|alert", re.I)).first).to_be_visible()
    assert_harmless(page)


def test_what_was_withdrawn_for_harmful_reasons_does_nothing(page, harmful):
    page.visit("/p/harm/exports/first/2/")
    expect(page.get_by_text("Withdrawn.")).to_be_visible()
    assert_harmless(page)


def test_a_megabyte_is_cut_and_shown_raw_on_demand(page, harmful):
    row = harmful.beside["ids"][CHATS.index(MILLION)]
    page.visit(f"/p/harm/datasets/chats/1/rows/{row}/")
    cut = page.get_by_text("more characters.", exact=False).first
    expect(cut).to_have_text("1,000,000 more characters. Show raw")
    short = len(page.locator("#said ~ .text").inner_text())
    cut.get_by_role("link", name="Show raw").click()
    expect(page.locator("#said ~ .text pre.raw").first).to_be_visible()
    assert len(page.locator("#said ~ .text").inner_text()) > short + 900_000
    assert_harmless(page)
