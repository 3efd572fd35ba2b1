"""What a page watches it shows by itself, and it stops asking when there is nothing more to come."""

import pytest
from playwright.sync_api import TimeoutError as NothingCame
from playwright.sync_api import expect

from tests.browser.projects import ask

SOON = 30_000  # milliseconds that a small run may take on a busy machine
QUIET = 5_000  # milliseconds without a question; a page asks every two seconds
POLLS = "[hx-trigger^=every]"
HELD = """
import json
from pathlib import Path
from curation import jobs
from curation.models import Project, Run, Source, shell_user
from curation.tasks.importing import start_import
from tests.populating import chat, lines
path = lines(Path({home!r}) / "{name}.jsonl", [chat(f"what is {{number}}") for number in range(50)])
project = Project.objects.open({name!r})[0]
jobs.ring = lambda run: None  # nobody is told, and no worker serves its queue, until `let_go`
run = start_import(project, "numbers", location=path, split_role=Source.SplitRole.TRAIN, user=shell_user())
Run.objects.filter(pk=run.pk).update(queue="held")
print(json.dumps(run.pk))
"""
LET_GO = """
from curation import jobs
from curation.models import Run
Run.objects.filter(pk={pk}).update(queue="cpu")
jobs.ring(Run.objects.get(pk={pk}))
"""


@pytest.fixture
def held(site, request):
    """An import that nobody works on yet, in a project of its own: the project's name and the run's number."""
    name = request.node.name.replace("_", "-").removeprefix("test-")
    return name, ask(site, HELD.format(home=str(site.home), name=name))


def let_go(site, pk: int) -> None:
    site.shell(LET_GO.format(pk=pk))


def asks(page, address: str) -> bool:
    """Whether the page asks there again, given time for two questions."""
    try:
        with page.expect_request(lambda request: address in request.url, timeout=QUIET):
            pass
    except NothingCame:
        return False
    return True


def test_a_run_goes_on_before_the_reader_and_then_keeps_quiet(site, opened, held):
    name, pk = held
    page = opened()
    page.visit(f"/p/{name}/runs/{pk}/")
    progress = f"/runs/{pk}/progress/"
    page.evaluate("window.__same = true")
    expect(page.locator("#run-facts .state")).to_have_text("queued")
    assert asks(page, progress) and asks(page, progress)
    let_go(site, pk)
    expect(page.locator("#run-facts .state")).to_have_text("done", timeout=SOON)
    expect(page.locator("#run-results")).to_contain_text("numbers@1")
    expect(page.get_by_role("log")).to_contain_text("done")
    expect(page.locator("#run-cancel")).to_have_count(0)
    assert not asks(page, progress)
    assert page.evaluate("window.__same"), "the page was loaded again"


def test_a_run_is_cancelled_from_its_page(site, opened, held):
    name, pk = held
    page = opened()
    page.visit(f"/p/{name}/runs/{pk}/")
    page.get_by_role("button", name="Cancel run").click()
    expect(page.locator("#run-facts .state")).to_have_text("cancelled")
    expect(page.get_by_role("log")).to_contain_text("cancelled by admin")
    expect(page.locator(POLLS)).to_have_count(0)
    let_go(site, pk)
    page.get_by_role("button", name="Retry failed parts").or_(
        page.get_by_role("button", name="Resume")
    ).click()
    expect(page.locator("#run-facts .state")).to_have_text("done", timeout=SOON)


def test_a_page_left_open_is_told_of_a_cancel_elsewhere(site, opened, held):
    name, pk = held
    left, other = opened(), opened()
    left.visit(f"/p/{name}/runs/{pk}/")
    other.visit(f"/p/{name}/")
    other.get_by_role("button", name="Cancel import numbers").click()
    expect(left.locator("#run-facts .state")).to_have_text("cancelled")
    expect(left.locator("#run-resume")).to_be_visible()
    expect(left.locator(POLLS)).to_have_count(0)


def test_a_dashboard_left_open_shows_what_runs_and_that_it_is_done(site, opened, held):
    name, pk = held
    page = opened()
    page.visit(f"/p/{name}/")
    page.evaluate("window.__same = true")
    state = page.locator(f"#run-{pk}-state")
    expect(state).to_contain_text("queued")
    let_go(site, pk)
    expect(state).to_have_text("done", timeout=SOON)
    expect(page.locator(POLLS)).to_have_count(0)
    assert page.evaluate("window.__same"), "the page was loaded again"


def test_the_list_of_runs_left_open_is_told_too(site, opened, held):
    name, pk = held
    page = opened()
    page.visit(f"/p/{name}/runs/")
    state = page.locator(f"#run-{pk}-state")
    expect(state).to_contain_text("queued")
    let_go(site, pk)
    expect(state).to_have_text("done", timeout=SOON)
    expect(page.locator(POLLS)).to_have_count(0)
