"""The core path without a mouse, and a focus that is seen, led past the navigation, kept and given back."""

import re

import pytest
from playwright.sync_api import expect

from tests.addresses import address
from tests.browser.projects import ask, populated

SOON = 30_000  # milliseconds that a small run may take on a busy machine
FAR = 120  # presses of Tab after which a thing counts as out of reach
ITEMS = [
    "how many legs does a healthy adult spider normally have in all",
    "which of the nine planets of old is no planet any more",
    "why does the kettle sing before the water in it boils",
    "what is left of a candle when it has burnt down",
]
QUOTED = [f"Somebody asked me: {item}? I forgot." for item in ITEMS]
OTHERS = [
    f"Tell me about {thing}."
    for thing in ("tides", "chalk", "basalt", "fjords", "moss", "salt", "rain", "dunes")
]
FOCUSED = """() => {
  const one = document.activeElement, style = getComputedStyle(one);
  const label = one.labels?.length ? [...one.labels[0].childNodes].filter(node => !node.contains(one))
    .map(node => node.textContent).join(' ') : '';
  const said = one.getAttribute('aria-label') || label || one.innerText || '';
  return {
    tag: one.tagName, said: said.replace(/\\s+/g, ' ').trim(),
    seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0,
    inside: !!one.closest('dialog, [popover]'), main: !!one.closest('main'),
  };
}"""
AGAIN = """
from curation.models import Project, shell_user
from decontam.engine.scan import ScanConfig
from decontam.tasks.scanning import start_scan
from tests.populating import ended
project = Project.objects.get(name="keys")
training, quiz = (project.datasets.get(name=name).newest() for name in ("chats", "quiz"))
print(ended(start_scan(training, [quiz], ScanConfig(), user=shell_user())).pk)
"""


@pytest.fixture(scope="module")
def keys(site):
    """A project of which a scan of four quoted items waits for rulings; one of them has its ruling."""
    made = populated(site, "keys", chats=[*QUOTED, *OTHERS], items=ITEMS)
    made.newest = ask(site, AGAIN)
    return made


def focused(page) -> dict:
    return page.evaluate(FOCUSED)


def tab_to(page, said: str) -> None:
    """Press Tab until that is focused, and see that it can be seen there."""
    for _ in range(FAR):
        page.keyboard.press("Tab")
        here = focused(page)
        if re.fullmatch(said, here["said"]):
            assert here["seen"], f"{said} has the focus, and nothing shows it"
            return
    raise AssertionError(f"{said} is out of reach of Tab on {page.url}")


def follow(page, said: str) -> None:
    before = page.url
    tab_to(page, said)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: url != before)


def sees_it_through(page):
    expect(page.locator("#run-facts .state")).to_have_text("done", timeout=SOON)


def test_from_the_link_to_a_downloaded_file(site, opened, keys):
    page = opened(state=None)
    page.goto(re.search(r"http\S+", site.manage("login_link", "--url", site.url))[0])
    follow(page, "keys")
    follow(page, "Review: .*")
    rules(page)
    applies(page)
    mixes(page)
    exports(page)


def rules(page):
    """One key per ruling, and one to take it back."""
    number, to_rule = page.locator("#pair hgroup p"), page.locator("[data-tally=open]")
    left = int(to_rule.inner_text())
    first = number.inner_text()
    page.keyboard.press("c")
    expect(to_rule).to_have_text(str(left - 1))
    second = number.inner_text()
    assert second != first
    page.keyboard.press("f")
    expect(to_rule).to_have_text(str(left - 2))
    page.keyboard.press("u")
    expect(number).to_have_text(second)
    expect(to_rule).to_have_text(str(left - 1))
    page.keyboard.press("s")
    expect(number).not_to_have_text(second)
    third = number.inner_text()
    page.keyboard.press("k")
    expect(number).to_have_text(second)
    page.keyboard.press("j")
    expect(number).to_have_text(third)
    tab_to(page, "Reason")
    page.keyboard.type("cfsuj are letters here")
    expect(number).to_have_text(third)
    expect(to_rule).to_have_text(str(left - 1))


def applies(page):
    follow(page, "As a table")
    expect(page.locator("tbody")).to_contain_text("contaminated")
    follow(page, "Review")
    follow(page, "Apply")
    expect(page.get_by_role("heading", level=1)).to_contain_text("rows would go")
    follow(page, "Apply")
    sees_it_through(page)
    follow(page, "decontamination of chats-clean@2")
    follow(page, "Certificate")
    expect(page.get_by_role("heading", level=1)).to_contain_text("nothing left of what was looked for")


def mixes(page):
    follow(page, "Mixtures")
    follow(page, "New mixture")
    page.keyboard.type("by-keys")
    tab_to(page, "Dataset")
    page.keyboard.type("chats-clean")
    total = page.locator("#totals h2")
    expect(total).not_to_contain_text("so far")
    whole = total.inner_text()
    tab_to(page, "How much")
    page.keyboard.press("Control+a")
    page.keyboard.type("0.5")
    expect(total).not_to_have_text(whole)
    follow(page, "Save and build")
    sees_it_through(page)


def exports(page):
    follow(page, "Mixtures")
    follow(page, "by-keys")
    follow(page, "Export")
    profile = page.get_by_label("sft_messages", exact=False)
    if not profile.is_checked():
        tab_to(page, "sft_messages .*")
        page.keyboard.press("Space")
    expect(profile).to_be_checked()
    follow(page, "Export")
    sees_it_through(page)
    follow(page, "by-keys export 1")
    tab_to(page, r".*\.parquet")
    with page.expect_download() as told:
        page.keyboard.press("Enter")
    assert told.value.suggested_filename.endswith(".parquet")


def test_the_keys_are_told_in_a_dialog_that_keeps_the_focus_and_gives_it_back(opened, keys):
    page = opened()
    page.visit(f"/p/keys/decontamination/scans/{keys.newest}/review/?seq=1")
    dialog = page.get_by_role("dialog", name="Keys")
    page.keyboard.press("?")
    expect(dialog).to_be_visible()
    for _ in range(6):
        here = focused(page)
        assert here["inside"] or here["tag"] == "BODY", here
        page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    tab_to(page, "Keys")
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    tab_to(page, "Close")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    assert focused(page)["said"] == "Keys"


def test_a_slash_goes_to_the_search_and_enter_searches(opened, keys):
    page = opened()
    page.visit("/p/keys/datasets/chats/1/")
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()
    page.keyboard.type("tides / and")
    expect(page.get_by_label("Search")).to_have_value("tides / and")
    page.keyboard.press("Control+a")
    page.keyboard.type("tides")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("q=tides"))
    expect(page.locator("section").filter(has=page.locator("#rows")).locator("tbody tr")).to_have_count(1)


@pytest.mark.parametrize(
    "name",
    [
        "dashboard",
        "source-mapping",
        "version",
        "row",
        "decontamination",
        "review",
        "mixture-edit",
        "run",
        "people",
    ],
)
def test_the_focus_is_seen_wherever_it_lands(name, opened, keys):
    page = opened()
    page.visit(address(name, keys))
    landed = []
    for _ in range(FAR):
        page.keyboard.press("Tab")
        here = focused(page)
        if here["tag"] == "BODY":
            break
        landed.append(here)
    assert len(landed) > 10
    assert [here for here in landed if not here["seen"]] == []


def test_the_skip_link_leads_past_the_navigation(opened, keys):
    page = opened()
    page.visit("/p/keys/datasets/")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert focused(page)["main"]


def test_the_menu_of_a_phone_opens_and_closes_by_keyboard(opened, keys):
    page = opened(390)
    page.visit("/p/keys/")
    menu = page.get_by_role("navigation", name="Sections")
    expect(menu).to_be_hidden()
    tab_to(page, "Menu")
    page.keyboard.press("Enter")
    expect(menu).to_be_visible()
    page.keyboard.press("Tab")
    assert focused(page)["said"] == "Sources"
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    assert focused(page)["said"] == "Menu"
    page.keyboard.press("Enter")
    follow(page, "Datasets")
    expect(page.get_by_role("heading", level=1)).to_have_text("Datasets")
