"""A real server with the demo's data and a real headless Chromium; what goes wrong in the page fails the test."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from tests.browser.projects import populated
from tests.services import find, serving

ROOT = Path(__file__).resolve().parent.parent.parent
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}
WATCH = """
window.__shifts = 0;
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.__shifts += entry.value;
}).observe({type: 'layout-shift', buffered: true});
document.addEventListener('securitypolicyviolation', event =>
  console.error('CSP: ' + event.violatedDirective + ' ' + event.blockedURI));
"""
DRAWN = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def pytest_collection_modifyitems(items):
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.slow)


@dataclass
class Site:
    """The running application."""

    url: str
    home: Path
    project: str = "demo"

    def manage(self, *arguments: str) -> str:
        own = os.environ | {"WINNOW_HOME": str(self.home)}
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=own,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def shell(self, code: str) -> str:
        return self.manage("shell", "--no-imports", "-c", code)


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """`manage.py demo`, then `manage.py up` with one worker."""
    home = tmp_path_factory.mktemp("site")
    Site("", home).manage("demo", "--no-serve")
    with serving(home, home, WINNOW_IMPORT_ROOTS=str(home)) as (_, url, _):
        yield Site(url, home)


@pytest.fixture(scope="package")
def chromium():
    """Ends with these tests: while Playwright is there, Django takes its thread for an asynchronous one."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def signed_in(site, chromium):
    """The cookies of the administrator, who came by a one-time link."""
    link = re.search(r"http\S+", site.manage("login_link", "--url", site.url))[0]
    context = chromium.new_context()
    page = context.new_page()
    page.goto(link)
    assert "/login" not in page.url
    state = context.storage_state()
    context.close()
    return state


@dataclass
class Watched:
    """A page, and what went wrong in it."""

    page: object
    site: Site
    wrong: list[str] = field(default_factory=list)

    def __getattr__(self, name):
        return getattr(self.page, name)

    def visit(self, path: str):
        response = self.page.goto(self.site.url + path)
        self.page.wait_for_function("!document.querySelector('.htmx-request')")
        self.page.evaluate(DRAWN)
        return response

    def shifts(self) -> float:
        return self.page.evaluate("window.__shifts")

    def violations(self) -> list[str]:
        found = Axe().run(self.page, options=WCAG).response["violations"]
        return [f"{v['id']}: {v['nodes'][0]['html'][:160]}" for v in found]

    def overflow(self) -> int:
        """By how many pixels the page scrolls sideways."""
        return self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )


@pytest.fixture
def opened(site, chromium, signed_in):
    """Open pages of a size and scheme; at the end none may have complained."""
    contexts = []

    def open_one(width=1280, scheme="light", state=signed_in):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, storage_state=state
        )
        context.add_init_script(WATCH)
        contexts.append(context)
        watched = Watched(context.new_page(), site)
        watched.page.on(
            "console", lambda said: watched.wrong.append(said.text) if said.type == "error" else None
        )
        watched.page.on("pageerror", lambda error: watched.wrong.append(str(error)))
        seen.append(watched)
        return watched

    seen: list[Watched] = []
    yield open_one
    for context in contexts:
        context.close()
    assert [complaint for watched in seen for complaint in watched.wrong] == []


@pytest.fixture(scope="session")
def made(site):
    """What the project "walk" holds, for `tests.addresses.address`."""
    return populated(site, "walk")
