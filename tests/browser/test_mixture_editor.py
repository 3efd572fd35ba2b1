"""The editor of a mixture while somebody types: strata come and go, totals follow, and it fits a phone."""

import pytest

from tests.addresses import address


@pytest.mark.parametrize("width", [390, 1280])
def test_strata_are_added_in_place_and_the_totals_follow(width, opened, made):
    page = opened(width, "light")
    page.visit(address("mixture-edit", made))
    page.locator("summary", has_text="Budget, tokenizer and duplicates").click()
    page.get_by_role("button", name="Add a stratum to component 1").click()
    page.locator("[name=stratum_by]").fill("source")
    page.locator("[name=stratum_value]").fill("chats")
    page.locator("[name=stratum_amount]").fill("1.0")
    page.locator("#totals", has_text="source chats").wait_for()
    assert page.locator("#totals").get_by_text("the rest").count() == 1
    assert page.violations() == [] and page.overflow() <= 0
    page.get_by_role("button", name="Remove stratum 1 of component 1").click()
    page.locator("[name=stratum_by]").wait_for(state="detached")
    assert page.url.endswith(address("mixture-edit", made))
