"""Goal: a token says who calls, at most seconds after it was made or revoked, and costs little.

Method: a token book over a store in memory that counts its reads, with a clock set by hand.
"""

import asyncio
import hashlib
import threading

import pytest

from web.problems import Problem, Slug
from web.tokens import (
    KNOWN_MS_MAX,
    KNOWN_TOKENS_MAX,
    LOOKUPS_WAITING_MAX,
    TOKEN_CHARS,
    UNKNOWN_MS_MAX,
    UNKNOWN_TOKENS_MAX,
    Principal,
    TokenBook,
    is_token_shaped,
    new_token,
    token_digest,
)

TOKEN = new_token(bytes(range(32)))
AMAL = Principal(id="t1", role="cashier", register="till-1", name="Amal")


class MemoryTokenStore:
    """Digests in a dict; each read is counted, and may be held up by a test."""

    def __init__(self) -> None:
        self.principals: dict[bytes, Principal] = {token_digest(TOKEN): AMAL}
        self.reads = 0
        self.readers = 0
        self.readers_at_once = 0
        self.asked = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()

    def find(self, digest: bytes) -> Principal | None:
        self.reads += 1
        self.readers += 1
        self.readers_at_once = max(self.readers_at_once, self.readers)
        found = self.principals.get(digest)
        self.asked.set()
        assert self.may_answer.wait(10)
        self.readers -= 1
        return found


class Clock:
    """Milliseconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def store() -> MemoryTokenStore:
    return MemoryTokenStore()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def book(store: MemoryTokenStore, clock: Clock) -> TokenBook:
    return TokenBook(store, now_ms=clock)


def token_number(number: int) -> str:
    return new_token(number.to_bytes(32, "big"))


def test_a_token_is_a_marked_text_of_its_secret_and_found_by_its_sha256() -> None:
    assert TOKEN == "ct_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"  # noqa: S105
    assert token_digest(TOKEN) == hashlib.sha256(TOKEN.encode()).digest()
    assert len(TOKEN) == TOKEN_CHARS


def test_a_secret_of_another_length_is_our_own_bug() -> None:
    with pytest.raises(AssertionError):
        new_token(b"short")


@pytest.mark.parametrize(
    "text", ["", "ct_", TOKEN[:-1], TOKEN + "A", "xx" + TOKEN[2:], "\xe9" * 46]
)
async def test_what_is_no_token_is_refused_without_a_read(
    book: TokenBook, store: MemoryTokenStore, text: str
) -> None:
    assert not is_token_shaped(text)
    assert await book.find(text) is None
    assert store.reads == 0


async def test_a_known_token_is_read_once_and_again_when_its_time_is_over(
    book: TokenBook, store: MemoryTokenStore, clock: Clock
) -> None:
    assert [await book.find(TOKEN) for _ in range(3)] == [AMAL] * 3
    assert store.reads == 1

    del store.principals[token_digest(TOKEN)]
    clock.now_ms += KNOWN_MS_MAX - 1
    assert await book.find(TOKEN) == AMAL
    clock.now_ms += 1
    assert await book.find(TOKEN) is None


async def test_a_token_made_after_it_was_refused_works_a_second_later(
    book: TokenBook, store: MemoryTokenStore, clock: Clock
) -> None:
    token = token_number(1)
    assert [await book.find(token) for _ in range(3)] == [None] * 3
    assert store.reads == 1

    store.principals[token_digest(token)] = AMAL
    clock.now_ms += UNKNOWN_MS_MAX
    assert await book.find(token) == AMAL


async def test_forgetting_makes_a_revocation_count_at_once(
    book: TokenBook, store: MemoryTokenStore
) -> None:
    await book.find(TOKEN)
    store.principals.clear()

    book.forget()

    assert await book.find(TOKEN) is None


async def test_an_answer_read_before_a_revocation_is_not_remembered(
    book: TokenBook, store: MemoryTokenStore
) -> None:
    store.may_answer.clear()
    looking = asyncio.create_task(book.find(TOKEN))
    await asyncio.to_thread(store.asked.wait, 10)

    store.principals.clear()
    book.forget()
    store.may_answer.set()

    assert await looking == AMAL
    assert await book.find(TOKEN) is None


async def test_callers_with_one_new_token_share_one_read(
    book: TokenBook, store: MemoryTokenStore
) -> None:
    found = await asyncio.gather(*(book.find(TOKEN) for _ in range(64)))

    assert found == [AMAL] * 64
    assert store.reads == 1


async def test_the_store_is_read_by_one_caller_at_a_time(
    book: TokenBook, store: MemoryTokenStore
) -> None:
    await asyncio.gather(*(book.find(token_number(number)) for number in range(50)))

    assert (store.reads, store.readers_at_once) == (50, 1)


async def test_a_flood_of_guesses_is_told_to_wait(book: TokenBook, store: MemoryTokenStore) -> None:
    store.may_answer.clear()
    waiting = [
        asyncio.create_task(book.find(token_number(number)))
        for number in range(LOOKUPS_WAITING_MAX)
    ]
    await asyncio.to_thread(store.asked.wait, 10)

    with pytest.raises(Problem) as refusal:
        await book.find(TOKEN)
    store.may_answer.set()
    await asyncio.gather(*waiting)

    assert refusal.value.slug is Slug.RATE_LIMITED
    assert await book.find(TOKEN) == AMAL


async def test_guesses_are_forgotten_in_turn_and_push_out_no_known_token(
    book: TokenBook, store: MemoryTokenStore
) -> None:
    await book.find(TOKEN)
    for number in range(UNKNOWN_TOKENS_MAX + 10):
        await book.find(token_number(number))
    reads = store.reads

    assert await book.find(TOKEN) == AMAL
    assert len(book._unknown) == UNKNOWN_TOKENS_MAX
    assert store.reads == reads


async def test_known_tokens_are_bounded(book: TokenBook, store: MemoryTokenStore) -> None:
    for number in range(KNOWN_TOKENS_MAX + 1):
        token = token_number(number)
        store.principals[token_digest(token)] = AMAL
        await book.find(token)

    assert len(book._known) == KNOWN_TOKENS_MAX


async def test_a_store_that_fails_is_asked_again(book: TokenBook, store: MemoryTokenStore) -> None:
    principals = store.principals
    del store.principals

    for _ in range(2):
        with pytest.raises(AttributeError):
            await book.find(TOKEN)
    store.principals = principals

    assert book._waiting == 0
    assert await book.find(TOKEN) == AMAL
    assert store.reads == 3
