"""Goal: the till keeps each acknowledged sale until the hub has it, and hands it to a later box.

Method: Chromium loads the modules as the till does and gives them a gateway that answers as told.
"""

from typing import Any

import pytest
from playwright.async_api import Page

from tests.browser.page_modules import IN_CHROMIUM, call

pytestmark = IN_CHROMIUM


async def run(page: Page, script: str, given: object = None) -> Any:  # noqa: ANN401
    """What a function body over the names of both modules answers, with nothing kept before."""
    return await call(page, "/register/static/kept", PRELUDE + script, given)


PRELUDE = """
  localStorage.clear();
  const handing = await import("/register/static/handing.js");
  const { Refused, Unanswered } = await import("/register/static/asking.js");
  const saleOf = (writer, seq, register = "till-1") => (
    { id: `${writer}-${seq}`, writer, seq, register, lines: [] }
  );
  const keep = (writer, seq, register) => (
    module.keep(`${writer}-${seq}`, saleOf(writer, seq, register), seq)
  );
  const keys = (ones = module.kept()) => ones.map(({ key }) => key);
  const refusal = (status, retryAfterMs = 0) => (
    new Refused({ type: "/x", detail: `no ${status}`, status }, retryAfterMs)
  );
  /** A gateway of riverside.2; `answers` are what it says to sales that are handed in, in turn. */
  const gatewayOf = (answers, acknowledged_seq = 0) => ({
    posted: [],
    isDisputed: () => false,
    get: async () => (
      { writer: "riverside.2", selling: { state: "normal" }, journal: { acknowledged_seq } }
    ),
    async post(path, body, key) {
      this.posted.push([path, key, JSON.parse(body).sale.id]);
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
"""


async def test_a_sale_is_kept_until_the_hub_has_its_place(page: Page) -> None:
    script = """
      for (const [writer, seq] of [["riverside.1", 7], ["riverside.2", 3], ["riverside.2", 9]]) {
        keep(writer, seq);
      }
      module.forgetUpTo({ writer: "riverside.2", seq: 8 });
      return keys();
    """

    assert await run(page, script) == ["riverside.1-7", "riverside.2-9"]


async def test_where_there_is_no_room_the_oldest_go_and_it_is_said(page: Page) -> None:
    script = """
      keep("riverside.1", 1);
      const each = JSON.stringify(module.kept()[0]).length;
      keep("riverside.1", 2);
      const dropped = module.keep("key", saleOf("riverside.1", 3), 3, 2 * each);
      const first = keys();
      const large = { ...saleOf("riverside.1", 4), id: "x".repeat(999) };
      const all = module.keep("large", large, 4, 500);
      return [dropped, first, all, keys()];
    """

    assert await run(page, script) == [1, ["riverside.1-2", "key"], 3, []]


async def test_orphans_are_of_boxes_before_this_one_of_this_store(page: Page) -> None:
    script = """
      for (const one of ["riverside.1", "riverside.2", "riverside.3", "harbour.1"]) keep(one, 1);
      return keys(module.orphansOf("riverside.2"));
    """

    assert await run(page, script) == ["riverside.1-1"]


@pytest.mark.parametrize(("state", "place"), [("normal", 7), ("stopped", None)])
async def test_a_gateway_that_is_stopped_does_not_say_what_the_hub_has(
    page: Page, state: str, place: int | None
) -> None:
    script = """
      const status = {
        writer: "riverside.1", selling: { state: given }, journal: { acknowledged_seq: 7 },
      };
      return handing.placeAtHub(status)?.seq ?? null;
    """

    assert await run(page, script, state) == place


@pytest.mark.parametrize(
    ("answer", "left", "asked"),
    [
        ('{ entry: "e", writer: "riverside.1", seq: 7 }', None, 2),
        ('{ entry: "e", writer: "riverside.2", seq: 40 }', ["riverside.2", 40, None], 2),
        ("refusal(409)", ["riverside.1", 7, "no 409"], 2),
        ("refusal(422)", ["riverside.1", 7, "no 422"], 2),
        ("refusal(409, 1000)", ["riverside.1", 7, None], 1),
        ("refusal(403)", ["riverside.1", 7, None], 1),
        ("refusal(401)", ["riverside.1", 7, None], 1),
        ("refusal(503)", ["riverside.1", 7, None], 1),
        ('new Unanswered("lost")', ["riverside.1", 7, None], 1),
    ],
)
async def test_what_each_answer_makes_of_a_sale_that_is_handed_in(
    page: Page, answer: str, left: list[object] | None, asked: int
) -> None:
    script = f"""
      keep("riverside.1", 7);
      keep("riverside.1", 8);
      const last = {{ entry: "e", writer: "riverside.1", seq: 8 }};
      const gateway = gatewayOf([{answer}, last]);
      await handing.handIn(gateway, "riverside.2", module.orphansOf("riverside.2"));
      const first = module.kept().find(({{ key }}) => key === "riverside.1-7");
      const left = first === undefined ? null : [first.writer, first.seq, first.refused ?? null];
      return [left, gateway.posted];
    """

    found, posted = await run(page, script)

    both = [["/v1/recovered-sales", f"riverside.1-{seq}", f"riverside.1-{seq}"] for seq in (7, 8)]
    assert (found, posted) == (left, both[:asked])


KEEPER = """
  let told = null;
  const { role, register = null } = given;
  keep("riverside.1", 7);
  keep("riverside.1", 8, "till-2");
  const safe = { entry: "e", writer: "riverside.2", seq: 4 };
  const gateway = gatewayOf([safe, safe]);
  const keeper = handing.keeperFor(gateway, { role, register }, (said) => { told = said; });
  await keeper.look();
  const looked = gateway.posted.length;
  await keeper.handIn();
  keeper.stop();
  return [looked, gateway.posted.length, told.handedIn, told.waiting, told.others];
"""


@pytest.mark.parametrize(
    ("token", "told"),
    [
        ({"role": "cashier"}, [2, 2, 2, 0, 0]),
        ({"role": "cashier", "register": "till-2"}, [1, 1, 1, 0, 1]),
        ({"role": "supervisor"}, [0, 2, 2, 0, 0]),
    ],
)
async def test_a_cashier_hands_in_by_itself_and_a_supervisor_after_a_look(
    page: Page, token: dict[str, str], told: list[int]
) -> None:
    assert await run(page, KEEPER, token) == told


async def test_what_was_refused_is_asked_once_by_each_who_signs_in(page: Page) -> None:
    script = """
      keep("riverside.1", 7);
      const gateway = gatewayOf([refusal(409), refusal(409)]);
      const counts = [];
      for (const looks of [2, 1]) {
        const keeper = handing.keeperFor(gateway, { role: "cashier", register: null }, () => {});
        for (let look = 0; look < looks; look += 1) await keeper.look();
        counts.push(gateway.posted.length);
        keeper.stop();
      }
      return counts;
    """

    assert await run(page, script) == [1, 2]
