from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from arbitrage.wire.http_address import HttpAddress, RequestForm
from arbitrage.wire.http_reply import HttpReply, ReplyLimits, ReplyReader
from tests.http_peer import reply

LIMITS = ReplyLimits(max_head_bytes=2_000, max_reply_bytes=10_000)

pieces_of_replies = st.sampled_from(
    (
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 100 X\r\n",
        b"Content-Length: 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Connection: close\r\n",
        b"\r\n",
        b"3\r\nabc\r\n",
        b"0\r\n\r\n",
        b"abc",
    )
)


def read(*pieces):
    reader = ReplyReader(frozenset({"x-left"}), LIMITS)
    for piece in pieces:
        if reader.reply is None and reader.failure is None:
            reader.feed(piece)
    return reader


@given(st.lists(pieces_of_replies | st.binary(max_size=50), max_size=12))
def test_whatever_comes_is_a_reply_a_failure_or_not_over(pieces):
    reader = read(*pieces)

    assert reader.reply is None or reader.failure is None


@given(body=st.binary(max_size=200), cuts=st.lists(st.integers(0, 300), max_size=6))
def test_how_a_reply_is_cut_up_changes_nothing(body, cuts):
    whole = reply(body, 201, b"X-Left: 3\r\nx-other: 1\r\n")
    edges = sorted({0, len(whole), *(min(cut, len(whole)) for cut in cuts)})
    reader = read(*[whole[a:b] for a, b in pairwise(edges)])

    assert reader.reply == HttpReply(201, {"x-left": "3"}, body)
    assert reader.keeps_alive


@given(body=st.binary(min_size=1, max_size=200), missing=st.integers(1, 200))
def test_a_part_of_a_reply_is_none(body, missing):
    reader = read(reply(body)[:-missing])

    assert reader.reply is None


A_LONG_HEAD = b"HTTP/1.1 200 OK\r\nX-Left: %b" % (b"9" * 2_500)

whole_replies = st.sampled_from(
    (
        reply(b"one", 200, b"X-Left: 3\r\n"),
        reply(b"x" * 9_000),
        reply(b"", 429, b"X-LEFT: 0\r\n"),
        b"HTTP/1.1 100 Continue\r\nX-Left: 7\r\n\r\n" + reply(b"two", 201),
        b"HTTP/1.1 204 X\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\nX-Left: 5\r\n\r\n",
        reply(b"last", 200, b"Connection: close\r\n"),
        A_LONG_HEAD,
    )
)


@given(
    replies=st.lists(whole_replies, min_size=1, max_size=5),
    last=st.lists(pieces_of_replies, max_size=6).map(b"".join),
    cut=st.integers(1, 60),
)
@example([reply(b"one"), A_LONG_HEAD], b"", 30)
def test_a_reader_that_has_read_before_reads_as_a_new_one_does(replies, last, cut):
    used = ReplyReader(frozenset({"x-left"}), LIMITS)
    for whole in (*replies, last):
        new = ReplyReader(frozenset({"x-left"}), LIMITS)
        for piece in (whole[:cut], whole[cut:]):
            for reader in (used, new):
                if piece and reader.reply is None and reader.failure is None:
                    reader.feed(piece)

        assert (used.reply, used.failure, used.keeps_alive) == (new.reply, new.failure, new.keeps_alive)
        assert used.has_begun is new.has_begun
        if used.reply is None or not used.keeps_alive:
            break
        used.begin()


@pytest.mark.parametrize(
    ("url", "host_header", "path"),
    [
        ("https://api.upbit.com", "api.upbit.com", ""),
        ("https://api.upbit.com:443/", "api.upbit.com", ""),
        ("http://127.0.0.1:8900/upbit/", "127.0.0.1:8900", "/upbit"),
        ("http://[::1]:8900/a/b", "[::1]:8900", "/a/b"),
    ],
)
def test_an_address_knows_its_host_and_its_path(url, host_header, path):
    address = HttpAddress.parse(url)

    assert (address.host_header, address.path) == (host_header, path)


def test_a_request_is_its_form_filled_in():
    form = RequestForm(HttpAddress.parse("http://h:1/up"), "POST", "/v1/orders", {"X-Fixed": "yes"})

    assert form.write("a=1", "X-Mine: me", b"{}") == (
        b"POST /up/v1/orders?a=1 HTTP/1.1\r\nHost: h:1\r\nAccept: application/json\r\nX-Fixed: yes\r\n"
        b"X-Mine: me\r\nContent-Length: 2\r\n\r\n{}"
    )
    assert form.write() == (
        b"POST /up/v1/orders HTTP/1.1\r\nHost: h:1\r\nAccept: application/json\r\nX-Fixed: yes\r\n\r\n"
    )
