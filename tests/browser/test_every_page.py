"""Every page in a real browser: nothing complains, nothing moves, nothing sticks out, and everybody can read it."""

import pytest

from tests.addresses import FRAGMENTS, PAGES, address

LOOKED_AT = sorted(PAGES.keys() - FRAGMENTS - {"login", "login-link", "set-password"})
STILL = 0.02


@pytest.mark.parametrize("name", LOOKED_AT)
def test_a_page_is_whole_at_every_width_and_in_both_schemes(name, opened, made):
    for width, scheme in ((1280, "light"), (390, "light"), (1600, "dark")):
        page = opened(width, scheme)
        response = page.visit(address(name, made))
        assert response.status == 200
        assert page.locator("h1").count() == 1
        assert page.title().endswith("Winnow")
        assert page.violations() == []
        assert page.overflow() <= 0, f"{name} scrolls sideways at {width} px"
        assert page.shifts() < STILL


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_sign_in_page_needs_no_session(scheme, opened):
    page = opened(390, scheme, state=None)
    assert page.visit("/login/").status == 200
    assert page.violations() == []
