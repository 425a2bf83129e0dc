"""Goal: a page hears of every topic that was committed, and of nothing that was not.

Method: the news on one loop, with the writer thread's part called as it calls it.
"""

import json
from types import SimpleNamespace

import pytest

from cloud_hub import news
from cloud_hub.news import LISTENERS_MAX, Listener, News, NewsBoard


def topics(message: str) -> list[str]:
    told = json.loads(message)
    assert told["type"] == "changed"
    return list(told["topics"])


def test_news_are_out_after_the_commit_and_once() -> None:
    told = News()
    told.tell("orders")
    told.tell("orders")
    assert told.take() == frozenset()

    told.committed()

    assert told.take() == {"orders"}
    assert told.take() == frozenset()
    told.committed()
    assert told.take() == frozenset(), "the next commit had nothing to tell"


def test_what_was_rolled_back_is_not_told() -> None:
    told = News()
    told.tell("orders")

    told.forget()
    told.committed()

    assert told.take() == frozenset()


async def test_everyone_who_watches_hears_it_and_who_left_does_not() -> None:
    told = News()
    board = NewsBoard(told)
    one, two = board.join(), board.join()
    assert one is not None
    assert two is not None
    board.leave(two)
    told.tell("shortages")
    told.committed()

    board.after_batch()

    assert topics(await one.take()) == ["shortages"]
    assert not two._woken.is_set()


async def test_a_slow_page_hears_each_topic_once_in_one_message() -> None:
    listener = Listener()
    for _ in range(1_000):
        listener.hear(frozenset({"orders"}))
    listener.hear(frozenset({"shortages"}))

    assert topics(await listener.take()) == ["orders", "shortages"]


async def test_messages_keep_a_distance_and_the_last_news_is_in_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        listener.hear(frozenset({"shortages"}))  # comes while the page still reads

    listener = Listener()
    listener.hear(frozenset({"orders"}))
    first = await listener.take()
    monkeypatch.setattr(news, "asyncio", SimpleNamespace(sleep=sleep))
    second = await listener.take()

    assert (topics(first), topics(second)) == (["orders"], ["shortages"])
    assert waited == [news.NEWS_INTERVAL_S]


def test_there_is_room_for_so_many_and_a_place_that_is_left_is_free() -> None:
    board = NewsBoard(News())
    listeners = [board.join() for _ in range(LISTENERS_MAX)]
    assert board.join() is None

    assert listeners[0] is not None
    board.leave(listeners[0])

    assert board.join() is not None
