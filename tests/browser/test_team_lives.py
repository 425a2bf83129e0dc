"""Goal: what a team has told of an order outlives the box that it told.

Method: Chromium against running programs. The box is destroyed and another one is enrolled in its
place, under the same address.
"""

import pytest
from playwright.async_api import Browser, expect

from tests.browser.hub_tab import says
from tests.browser.lost_answers import LostAnswers, still_asked
from tests.browser.team_tab import open_order, stocked, team_tab, told_of
from tests.browser.till_tab import CHROMIUM
from tests.programs import Shop, until
from tests.replacement import destroyed, replaced, told_tokens

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no chromium at {CHROMIUM}"),
]


async def test_an_event_whose_answer_was_lost_is_asked_again_of_the_box_that_took_over(
    browser: Browser, frail: Shop
) -> None:
    token = frail.at_gateway("cashier", register="till-1").token
    await told_tokens(frail)
    order = await stocked(frail)
    async with team_tab(browser, frail.gateway.port, token) as team:
        await team.page.route("**/events", LostAnswers())
        await open_order(team, order)
        await team.button("Everything is picked").click()
        await says(team.at("order-shown"), "the gateway has not answered yet.")
        await frail.settled()
        await team.page.route("**/events", lambda route: route.abort())
        await destroyed(frail)
        await team.page.unroute("**/events")

        await replaced(frail)

        async def is_answered() -> bool:
            return await still_asked(team.page) == 0

        await until(is_answered)
        await says(
            team.at("order-shown"), "The box before this one may have handed this order over."
        )
        await expect(team.at("stray")).to_be_hidden()
        assert await told_of(frail, order) == ["paid", "picked"]
