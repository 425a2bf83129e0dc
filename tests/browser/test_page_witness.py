"""Goal: a page shows the highest witness that it has seen of its store, also after a reload.

Method: Chromium loads the modules as the till does; what the program answers is made up.
"""

from typing import Any

from playwright.async_api import Page

from tests.browser.page_modules import IN_CHROMIUM, call

pytestmark = IN_CHROMIUM


async def run(page: Page, script: str, given: object = None) -> Any:  # noqa: ANN401
    """What a function body over the names of the module answers, with nothing kept before."""
    return await call(page, "/register/static/witness", PRELUDE + script, given)


PRELUDE = """
  localStorage.clear();
  const { askerFor } = await import("/register/static/asking.js");
  const store = { chain: "c1", location: "riverside" };
  const at = (place) => `${place};${"0".repeat(64)}`;
  const seen = (witness, ...places) => {
    for (const place of places) witness.see(module.witnessIn(at(place)));
    return witness;
  };
"""


def at(place: str) -> str:
    """A witness as a header."""
    return f"{place};{'0' * 64}"


async def test_the_highest_one_of_the_store_is_shown_and_kept_over_a_reload(page: Page) -> None:
    script = """
      const places = ["riverside.1;9", "riverside.1;10", "riverside.1;2", "harbour.7;99"];
      const first = seen(module.witnessOf(store), ...places).text;
      seen(module.witnessOf(store), "riverside.2;1", "riverside.1;50");
      const other = { ...store, chain: "c2" };
      return [first, module.witnessOf(store).text, module.witnessOf(other).text];
    """

    assert await run(page, script) == [at("riverside.1;10"), at("riverside.2;1"), None]


async def test_what_is_no_witness_is_not_shown(page: Page) -> None:
    texts = ["", "riverside.1;7", "riverside.1;7;beef", "riverside;7;", "x\n.1;7;", None]
    script = "return given.map(module.witnessIn);"

    assert await run(page, script, texts) == [None] * len(texts)
    assert (await run(page, "return module.witnessIn(given);", "riverside.1;0;"))["seq"] == 0


ASKED = """
  const shown = [];
  const answers = given.map(({ status, witness, problem }) => new Response(
    JSON.stringify(problem ?? {}),
    {
      status,
      headers: {
        "Countertop-Witness": at(witness),
        "Content-Type": problem ? "application/problem+json" : "application/json",
      },
    },
  ));
  const fetchBefore = globalThis.fetch;
  globalThis.fetch = async (path, { headers }) => {
    shown.push(headers["Countertop-Witness"] ?? null);
    return answers.shift();
  };
  try {
    const witness = seen(module.witnessOf(store), "riverside.1;9");
    const asker = askerFor("token", witness);
    while (answers.length > 0) await asker.get("/v1/token").catch(() => null);
    const isDisputed = asker.isDisputed("riverside.1");
    return [shown, asker.writer, isDisputed, module.witnessOf(store).text];
  } finally {
    globalThis.fetch = fetchBefore;
  }
"""


async def test_each_request_shows_what_was_seen_before(page: Page) -> None:
    answers = [{"status": 200, "witness": f"riverside.{life};3"} for life in (1, 2, 2)]

    shown, writer, is_disputed, kept = await run(page, ASKED, answers)

    assert shown == [at("riverside.1;9"), at("riverside.1;9"), at("riverside.2;3")]
    assert (writer, is_disputed, kept) == ("riverside.2", False, at("riverside.2;3"))


async def test_a_gateway_that_does_not_believe_it_is_asked_again_as_it_is(page: Page) -> None:
    """The next start of the page shows what was doubted once more: it was seen all the same."""
    doubted = {"type": "/forbidden", "detail": "no", "witness": at("riverside.1;9")}
    answers = [
        {"status": 403, "witness": "riverside.1;4", "problem": doubted},
        {"status": 200, "witness": "riverside.1;4"},
        {"status": 200, "witness": "riverside.1;12"},
    ]

    shown, _, is_disputed, kept = await run(page, ASKED, answers)

    assert shown == [at("riverside.1;9"), at("riverside.1;4"), at("riverside.1;4")]
    assert (is_disputed, kept) == (True, at("riverside.1;9"))
