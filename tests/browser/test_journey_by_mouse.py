"""The first five minutes on the demo, by mouse: from the one-time link to files that a trainer loads."""

import re

import datasets
import pyarrow.parquet as pq
from playwright.sync_api import expect

SOON = 30_000  # milliseconds that a small run may take on a busy machine
MESSY = """\
{"ask": "How do tides work?", "reply": "The moon pulls at the sea.", "topic": "sea"}
{"ask": "What is a fjord?", "reply": "A drowned valley.", "topic": "land"}
{"ask": "Broken in the mi
{"ask": "", "reply": "An answer to nothing.", "topic": "none"}
{"ask": "Who reads this?", "reply": null, "topic": null}
{"ask": "Why is basalt dark?", "reply": "It is rich in iron.", "topic": "stone"}
not even json
{"ask": "What is chalk?", "reply": "Shells of algae.", "topic": "stone"}
"""
HIDDEN = "Say **hello** to th\u200be \u202egarden"


def test_from_the_link_to_a_file_that_loads(site, opened, tmp_path):
    page = opened(state=None)
    link = re.search(r"http\S+", site.manage("login_link", "--url", site.url))[0]
    page.goto(link)
    page.get_by_role("link", name="demo", exact=True).first.click()
    opens_review_from_the_dashboard(page)
    rules_two_and_takes_one_back(page)
    finds_the_ruling_in_the_table(page)
    applies(page)
    reads_the_certificate(page)
    mixes(page)
    rows = exports(page)
    loads(page, rows, tmp_path)


def opens_review_from_the_dashboard(page):
    waiting = page.get_by_role("row").filter(has_text="rows match 4 benchmarks")
    expect(waiting).to_contain_text("47")
    waiting.get_by_role("link", name="Review", exact=False).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("18 rows match 3 benchmarks")
    for side in ("Training row", "Benchmark item"):
        lit = page.get_by_role("article").filter(has_text=side).locator("mark").first
        expect(lit).to_be_visible()
        assert painted(lit), f"nothing is lit in the {side}"


def painted(lit) -> bool:
    """Whether its background is another one than that of what it stands in."""
    return lit.evaluate(
        "e => getComputedStyle(e).backgroundColor !== getComputedStyle(e.parentElement).backgroundColor"
    )


def rules_two_and_takes_one_back(page):
    desk, to_rule = page.locator("#pair"), page.locator("[data-tally=open]")
    number = desk.get_by_text(re.compile(r"^match \d+ ·"))
    expect(number).to_contain_text("match 1 ·")
    page.get_by_label("Reason").last.fill("quoted in the puzzle corner")
    page.get_by_role("button", name="Contaminated", exact=False).first.click()
    expect(number).to_contain_text("match 2 ·")
    page.get_by_role("button", name="False alarm", exact=False).first.click()
    expect(number).to_contain_text("match 3 ·")
    expect(to_rule).to_have_text("19")
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(number).to_contain_text("match 2 ·")
    expect(to_rule).to_have_text("20")


def finds_the_ruling_in_the_table(page):
    page.get_by_role("link", name="As a table").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("21 matches, 20 to rule")
    first, second = (page.locator("tbody tr").nth(place) for place in (0, 1))
    for told in ("contaminated", "admin", "just now"):
        expect(first).to_contain_text(told)
    expect(second).to_contain_text("open")
    page.go_back()


def applies(page):
    page.get_by_role("link", name="Apply", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("18 of 558 rows would go")
    page.get_by_label("Of the matching rows").select_option("only what was ruled goes")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("1 of 558 rows would go")
    page.get_by_label("Of the matching rows").select_option("all but the false alarms go")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("18 of 558 rows would go")
    expect(page.locator("main")).to_contain_text("The source should go whole.")
    page.get_by_label("Keep the rest of a source", exact=False).fill("the rest of the lessons is our own")
    page.get_by_role("button", name="Apply", exact=True).click()
    sees_it_through(page)


def sees_it_through(page):
    """The page of a run comes to its end by itself: what was put into it is still there."""
    expect(page.page).to_have_url(re.compile(r"/runs/\d+/$"))
    page.evaluate("window.__same = true")
    expect(page.locator("#run-facts .state")).to_have_text("done", timeout=SOON)
    expect(page.page).to_have_title(re.compile("^Done"))
    assert page.evaluate("window.__same")
    expect(page.locator("[hx-trigger^='every']")).to_have_count(0)


def reads_the_certificate(page):
    page.locator("#run-results").get_by_role("link", name="decontamination of", exact=False).click()
    page.get_by_role("link", name="Certificate").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "lessons-clean@2: nothing left of what was looked for"
    )
    expect(page.get_by_role("heading", name="Not looked for")).to_be_visible()
    expect(page.locator("main")).to_contain_text("the rest of the lessons is our own")


def mixes(page):
    page.get_by_role("link", name="Mixtures", exact=True).click()
    page.get_by_role("link", name="New mixture").click()
    page.get_by_label("Name").fill("by-mouse")
    page.get_by_role("combobox", name="Dataset", exact=True).select_option("kitchen-and-garden-clean")
    total = page.locator("#totals h2")
    expect(total).to_contain_text("1,069 rows")
    page.get_by_label("How much").fill("0.25")
    expect(total).to_contain_text("267 rows")
    page.get_by_role("button", name="Add a component").click()
    page.get_by_role("combobox", name="Dataset", exact=True).nth(1).select_option("lessons-clean")
    page.get_by_role("combobox", name="Take", exact=True).nth(1).select_option("rows")
    page.get_by_label("How much").nth(1).fill("33")
    expect(total).to_contain_text("300 rows")
    page.get_by_label("How much").nth(1).fill("many")
    expect(page.locator("#said-1")).not_to_be_empty()
    page.get_by_label("How much").nth(1).fill("33")
    expect(page.locator("#said-1")).to_be_empty()
    page.get_by_role("button", name="Save and build").click()
    sees_it_through(page)


def exports(page) -> int:
    page.get_by_role("link", name="Mixtures", exact=True).click()
    page.get_by_role("link", name="by-mouse", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("by-mouse@1, ready to export")
    page.get_by_role("link", name="Export", exact=True).click()
    page.get_by_label("sft_messages", exact=False).check()
    page.get_by_role("button", name="Export", exact=True).click()
    sees_it_through(page)
    page.get_by_role("link", name="by-mouse export 1").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("by-mouse export 1")
    expect(page.locator("#snippet-1")).to_contain_text("load_dataset(")
    return int(page.locator("header dd").nth(1).inner_text().replace(",", ""))


def loads(page, rows, tmp_path):
    with page.expect_download() as told:
        page.get_by_role("link", name=re.compile(r"^sft_messages.*\.parquet$")).first.click()
    file = tmp_path / told.value.suggested_filename
    told.value.save_as(file)
    loaded = datasets.load_dataset(
        "parquet", data_files=str(file), split="train", cache_dir=tmp_path / "cache"
    )
    assert len(loaded) == rows == pq.read_metadata(file).num_rows
    assert {turn["role"] for turn in loaded[0]["messages"]} >= {"user", "assistant"}


def test_a_bar_of_a_histogram_narrows_the_rows(opened):
    page = opened()
    page.visit("/p/demo/datasets/workshop/1/")
    all_rows = page.locator("hgroup").filter(has=page.locator("#rows"))
    expect(all_rows).to_contain_text("397 of 397")
    bars = page.get_by_role("row").filter(has_text="response_chars").locator("svg a")
    bar = bars.nth(bars.count() - 1)
    bar.locator("rect").first.click()
    chip = page.get_by_role("list", name="Filters").get_by_role("listitem")
    expect(chip).to_have_count(1)
    expect(chip).to_contain_text("response_chars")
    narrowed = int(re.search(r"(\d+) of 397", all_rows.inner_text())[1])
    assert 0 < narrowed < 397
    expect(page.locator("#columns-of-it svg[data-is=counted]").first).to_be_visible()
    narrow = page.url
    chip.get_by_role("link").click()
    expect(all_rows).to_contain_text("397 of 397")
    page.go_back()
    expect(page.page).to_have_url(narrow)
    expect(all_rows).to_contain_text(f"{narrowed} of 397")
    page.go_back()
    expect(all_rows).to_contain_text("397 of 397")


def test_what_is_searched_for_is_found_and_a_row_tells_its_story(opened):
    page = opened()
    page.visit("/p/demo/datasets/workshop/1/")
    page.get_by_label("Search").fill("copy and the original changed")
    page.get_by_role("button", name="Search").click()
    found = page.locator("section").filter(has=page.locator("#rows")).locator("tbody tr")
    expect(found).to_have_count(1)
    found.get_by_role("link", name="story").click()
    expect(page.get_by_role("heading", name="Why it is here, or gone")).to_be_in_viewport()
    expect(page.locator(".steps li").first).to_contain_text("workshop")
    page.go_back()
    expect(page.get_by_label("Search")).to_have_value("copy and the original changed")


def test_a_row_is_shown_raw_and_with_what_cannot_be_seen(site, opened):
    record = own_row(site)
    page = opened()
    page.visit(f"/p/seen/datasets/hello/1/rows/{record}/")
    text = page.locator("#said ~ .text")
    expect(text.locator("strong").first).to_have_text("hello")
    page.get_by_label("raw text").check()
    expect(text.locator("pre.raw").first).to_contain_text("Say **hello**")
    expect(page.page).to_have_url(re.compile("raw=1"))
    page.get_by_label("invisible characters").check()
    expect(text.locator(".inv").first).to_be_visible()
    page.go_back()
    expect(page.get_by_label("invisible characters")).not_to_be_checked()
    page.go_back()
    expect(text.locator("strong").first).to_have_text("hello")


def own_row(site) -> str:
    """The id of the one row of a project with markdown and characters that cannot be seen."""
    return site.shell(f"""
from pathlib import Path
from curation.models import Project, Source, shell_user
from curation.tasks.importing import start_import
from tests.populating import chat, ended, lines
path = lines(Path({str(site.home)!r}) / "hello.jsonl", [chat({HIDDEN!r})])
project = Project.objects.open("seen")[0]
run = ended(start_import(project, "hello", location=path, split_role=Source.SplitRole.TRAIN, user=shell_user()))
print([batch["id"][0].as_py() for batch in run.output("records").batches(["id"])][0])
""").split()[-1]


def test_a_messy_file_is_mapped_while_one_looks_on(site, opened, tmp_path):
    site.shell("from curation.models import Project; Project.objects.open('upload')")
    (tmp_path / "messy.jsonl").write_text(MESSY)
    page = opened()
    page.visit("/p/upload/")
    page.get_by_role("link", name="Register a source").first.click()
    page.get_by_label("Name").fill("messy")
    page.get_by_label("A file of yours").set_input_files(tmp_path / "messy.jsonl")
    page.get_by_role("button", name="Look at the rows").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("How the rows of messy are read", timeout=SOON)
    maps(page)
    page.get_by_role("button", name="Import", exact=True).click()
    sees_it_through(page)
    page.visit("/p/upload/sources/messy/errors/")
    expect(page.get_by_role("heading", level=1)).to_have_text("4 rows of messy could not be used")
    lines = page.get_by_role("region", name="Rows").locator("tbody tr")
    assert [line.locator("td").nth(1).inner_text() for line in lines.all()] == ["3", "4", "5", "7"]
    assert all(line.locator("td").nth(2).inner_text() for line in lines.all())


def maps(page):
    """Another shape, other columns: the rows at the side follow at once, each with what is wrong with it."""
    tried = page.locator("#tried")
    expect(tried.get_by_role("heading", level=2)).to_have_text("The rows as they are")
    page.get_by_label("A row is").select_option("a prompt and its reply")
    page.get_by_label("Prompt", exact=True).select_option("topic")
    page.get_by_label("Reply", exact=True).select_option("reply")
    expect(tried.get_by_role("heading", level=2)).to_have_text("5 of 8 rows of the sample can be used")
    expect(tried).to_contain_text("none")
    page.get_by_label("Prompt", exact=True).select_option("ask")
    expect(tried.get_by_role("heading", level=2)).to_have_text("4 of 8 rows of the sample can be used")
    for line in (3, 4, 5, 7):
        row = tried.locator("article").filter(has_text=f"messy.jsonl, line {line}")
        expect(row.locator(".wrong")).not_to_be_empty()
    expect(tried.locator("article").filter(has_text="line 1").locator(".wrong")).to_have_count(0)
