"""Laws of the intent log: replay is the guard's arithmetic; no flipped bit passes; cut or kill, nothing is invented."""

import os
import random
import signal
import struct
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.domain.guarding import LossMemory
from arbitrage.domain.intents import ReportGuard, ReportPlanEnd, SubmitPlan
from arbitrage.intents import LogDamaged, read_log
from liveguard.losses import LossBook
from tests.intent_builders import TODAY, a_latch, ended, guarded, opened, planned, seconds, write_day

DAYS = [TODAY, "2026-11-23", "2026-11-24"]
FLIPS = CUTS = 1_000
DRILLS = 20

steps = st.lists(
    st.tuples(
        st.sampled_from(["plan", "end", "guard"]),
        st.integers(1, 4),
        st.integers(-(10**12), 10**12),
        st.sampled_from(DAYS),
        st.booleans(),
    ),
    max_size=25,
)


class Model:
    """The guard's own books beside the log: what each entry does to them, and how they stood after each."""

    def __init__(self):
        self.book = LossBook(LossMemory(day=TODAY))
        self.stood = {0: self.book.memory()}

    def entry(self, sequence, step):
        kind, plan, amount, day, flag = step
        plan_id = f"p-{plan}"
        if kind == "plan" and plan_id not in self.book.reserved:
            return planned(sequence, plan_id, abs(amount) + 1, day)
        if kind == "end":
            return ended(sequence, plan_id, amount, day, seconds(sequence))
        return guarded(sequence, *[a_latch()] * flag, day=day, total_from_zero=flag)

    def take(self, entry):
        self.book.roll(entry.day)
        match entry:
            case SubmitPlan():
                self.book.reserve(entry.approved.what.plan_id, entry.worst_case)
            case ReportPlanEnd():
                self.book.settle(entry.end.plan.plan_id, entry.end.result, entry.end.at)
            case ReportGuard(total_from_zero=True):
                self.book.clear_total()
        self.stood[entry.sequence] = self.book.memory()


@given(steps)
def test_replay_stands_where_the_guard_stood_after_each_entry(steps):
    model = Model()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "intents.log"
        with opened(path) as log:
            for number, step in enumerate(steps, 1):
                entry = model.entry(2 * number, step)
                log.note(entry)
                model.take(entry)
        known = read_log(path)

    assert {sequence: known.losses_at(sequence) for sequence in model.stood} == model.stood
    assert known.losses == model.book.memory()
    assert {row.plan_id for row in known.open_plans} == set(model.book.reserved)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A log of a day, its bytes, and what they say."""
    path = tmp_path_factory.mktemp("log") / "intents.log"
    write_day(path, 20)
    return path.read_bytes(), read_log(path)


def read_bytes(path, data):
    path.write_bytes(data)
    return read_log(path)


def test_no_flipped_bit_passes(written, tmp_path):
    data, known = written
    rng = random.Random(7)
    offsets = [*rng.sample(range(len(data)), FLIPS - 1), len(data) - 1]
    passed, torn = [], 0
    for offset in offsets:
        flipped = bytearray(data)
        flipped[offset] ^= 1 << rng.randrange(8)
        try:
            seen = read_bytes(tmp_path / "intents.log", bytes(flipped))
        except LogDamaged:
            continue
        if seen.torn and seen.entries == known.entries[:-1]:
            torn += 1
        else:
            passed.append(offset)

    assert passed == []
    assert torn == 1  # the last newline: the line before it counts as never finished


def test_a_cut_leaves_all_before_it_and_invents_nothing(written, tmp_path):
    data, known = written
    head = data.index(b"\n") + 1
    rng = random.Random(11)
    wrong = []
    for cut in rng.sample(range(head, len(data)), CUTS):
        seen = read_bytes(tmp_path / "intents.log", data[:cut])
        whole = max(0, data.count(b"\n", 0, cut) - 2)
        if seen.entries != known.entries[:whole] or seen.torn != cut - data.rfind(b"\n", 0, cut) - 1:
            wrong.append(cut)

    assert wrong == []


@pytest.mark.parametrize("cut", [1, 9, 100])
def test_a_log_cut_within_its_head_is_damaged_and_not_new(written, tmp_path, cut):
    with pytest.raises(LogDamaged, match="line 1"):
        read_bytes(tmp_path / "intents.log", written[0][:cut])


def write_until_killed(path, said):
    """Note entries for ever, and say the number of each once it is noted."""
    with opened(path) as log:
        sequence = log.logged.sequence if log.logged else 0
        while True:
            sequence += 1
            log.note(planned(sequence, f"p-{sequence}"))
            os.write(said, struct.pack("<q", sequence))


def kill_a_writer(path, entries):
    """Let another process write, kill it after about so many entries, and return the last that it spoke of."""
    hears, said = os.pipe()
    child = os.fork()
    if not child:
        try:
            write_until_killed(path, said)
        finally:
            os._exit(1)
    os.close(said)
    last = 0
    with os.fdopen(hears, "rb") as heard:
        for _ in range(entries):
            (last,) = struct.unpack("<q", heard.read(8))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        rest = heard.read()
    return struct.unpack("<q", rest[-8:])[0] if rest else last


def test_a_writer_killed_at_any_moment_forgets_nothing_that_it_spoke_of(tmp_path):
    path, rng = tmp_path / "intents.log", random.Random(3)
    stands = []
    for _ in range(DRILLS):
        last = kill_a_writer(path, rng.randrange(1, 200))
        known = read_log(path)
        stands.append((last, known.sequence, len(known.open_plans)))

    # at most the one entry that was written, and not yet spoken of, is known beyond
    assert all(last <= sequence <= last + 1 for last, sequence, _ in stands)
    assert all(plans == sequence for _, sequence, plans in stands)
