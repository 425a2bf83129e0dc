"""Goal: a page asks again about its request of a successor, and of nobody else.

Method: Chromium loads the module as the till does and gives it a gateway that answers as told.
"""

from collections.abc import Sequence
from typing import Any

import pytest
from playwright.async_api import Page

from tests.browser.page_modules import IN_CHROMIUM, call

pytestmark = IN_CHROMIUM


async def run(page: Page, script: str, given: object) -> Any:  # noqa: ANN401
    """What a function body over the names of the module answers."""
    return await call(page, "/register/static/settling", script, given)


@pytest.mark.parametrize(
    ("token", "writer", "why"),
    [
        ("t-1", "riverside.2", None),
        ("t-1", "riverside.3", None),
        ("t-1", "riverside.12", None),
        ("t-1", "riverside.1", "earlier"),
        ("t-1", "riverside-2.2", "elsewhere"),
        ("t-2", "riverside.3", "token"),
    ],
)
async def test_a_request_is_asked_again_of_a_successor_with_its_own_token(
    page: Page, token: str, writer: str, why: str | None
) -> None:
    script = "return module.whyNotOurs({ token: 't-1', writer: 'riverside.2' }, given);"

    assert await run(page, script, {"id": token, "writer": writer}) == why


SETTLE = """
  const { Refused, Unanswered } = await import("/register/static/asking.js");
  const answer = (said) => {
    if (said === "lost") throw new Unanswered("lost");
    if (typeof said !== "string") return said;
    const [slug, writer] = said.split(" ");
    throw new Refused({ type: `/${slug}`, detail: slug }, 0, { writer: writer ?? "riverside.1" });
  };
  const { asked, healthz = {}, needsHub = false, wasSent = false, writer = "riverside.1" } = given;
  const gateway = {
    get: async (path) => answer(path === "/healthz" ? healthz : { id: "t-1", writer }),
  };
  const request = { token: "t-1", writer: "riverside.1", wasSent };
  const told = [];
  const how = {
    unanswered: (tries, error) => told.push(error.slug ?? "lost"), pause: async () => {}, needsHub,
  };
  try {
    return [told, await module.settled(gateway, request, async () => answer(asked.shift()), how)];
  } catch (error) {
    return [told, error.why ?? error.slug];
  }
"""

DONE = {"id": "riverside.1-7"}


@pytest.mark.parametrize(
    ("asked", "more", "told", "end"),
    [
        (["lost", DONE], {"writer": "riverside.2"}, ["lost"], DONE),
        (["lost", DONE], {"writer": "harbour.1"}, ["lost"], "elsewhere"),
        # A new box may not have taken over yet what the one before it answered.
        (
            ["lost", "unavailable riverside.2", DONE], {"writer": "riverside.2"},
            ["lost", "unavailable"], DONE,
        ),
        (["unavailable riverside.2", DONE], {"wasSent": True}, ["unavailable"], DONE),
        (["unavailable riverside.1", DONE], {}, [], "unavailable"),
        # Where the hub is not heard an order is refused, but only by the box that was asked.
        (["lost", "unavailable riverside.1"], {"needsHub": True}, ["lost"], "unavailable"),
        (
            ["lost", "unavailable riverside.2", DONE], {"needsHub": True},
            ["lost", "unavailable"], DONE,
        ),
        # And it knows nobody's token before it has taken them over.
        (
            ["lost", "unauthenticated riverside.2"], {"healthz": {"status": "ready"}},
            ["lost"], "token",
        ),
        (
            ["lost", "unauthenticated riverside.2", DONE], {"healthz": "unavailable riverside.2"},
            ["lost", "unauthenticated"], DONE,
        ),
        (["lost", "quota-short riverside.2"], {"writer": "riverside.2"}, ["lost"], "quota-short"),
    ],
)  # fmt: skip
async def test_what_each_answer_makes_of_a_request(
    page: Page, asked: Sequence[object], more: dict[str, object], told: list[str], end: object
) -> None:
    assert await run(page, SETTLE, {"asked": asked, **more}) == [told, end]


@pytest.mark.parametrize(
    ("healthz", "end"), [("unavailable", "Unanswered"), ("lost", "Unanswered"), ({}, "Refused")]
)
async def test_a_new_box_that_takes_over_has_not_said_whose_a_token_is(
    page: Page, healthz: object, end: str
) -> None:
    script = """
      const { Refused, Unanswered } = await import("/register/static/asking.js");
      const no = (slug) => {
        throw slug === "lost" ? new Unanswered(slug) : new Refused({ type: `/${slug}` }, 0);
      };
      const get = async (path) => {
        if (path === "/v1/token") return no("unauthenticated");
        return typeof given === "string" ? no(given) : given;
      };
      return module.whoIs({ get }).catch((error) => error.constructor.name);
    """

    assert await run(page, script, healthz) == end
