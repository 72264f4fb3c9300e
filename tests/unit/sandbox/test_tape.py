"""Reading recordings back."""

import gzip
from pathlib import Path

from arbitrage.sandbox.tape import read_tape


def write(path: Path, *lines: bytes) -> Path:
    path.write_bytes(gzip.compress(b"".join(line + b"\n" for line in lines)))
    return path


def frames(path: Path) -> list[bytes]:
    return [taped.frame for taped in read_tape(path)]


def test_a_folder_is_played_in_order_of_arrival_over_venues_and_days(tmp_path: Path) -> None:
    write(tmp_path / "upbit-2026-11-22.tape.gz", b"5\tupbit\tb\t{5}", b"7\tupbit\tb\t{7}")
    write(tmp_path / "upbit-2026-11-21.tape.gz", b"1\tupbit\tb\t{1}")
    write(tmp_path / "binance-2026-11-22.tape.gz", b"2\tbinance\tt\t{2}", b"6\tbinance\tt\t{6}")

    assert frames(tmp_path) == [b"{1}", b"{2}", b"{5}", b"{6}", b"{7}"]


def test_a_single_file_is_a_tape_too(tmp_path: Path) -> None:
    assert frames(write(tmp_path / "upbit-2026-11-22.tape.gz", b"1\tupbit\tb\ta\tb")) == [b"a\tb"]


def test_lines_that_are_no_frames_are_passed_over(tmp_path: Path) -> None:
    tape = write(
        tmp_path / "upbit-2026-11-22.tape.gz",
        b"",
        b"nonsense",
        b"x\tupbit\tb\t{}",
        b"9" * 40 + b"\tupbit\tb\t{}",
        b"1\tupbit\tx\tAAAA",
        b"2\tupbit\tb\t{2}",
    )

    assert frames(tape) == [b"{2}"]


def test_a_torn_tape_is_played_up_to_the_tear(tmp_path: Path) -> None:
    lines = [b"%d\tupbit\tb\t{%d}" % (n, n * n) for n in range(5_000)]
    tape = write(tmp_path / "upbit-2026-11-22.tape.gz", *lines)
    tape.write_bytes(tape.read_bytes()[:-2_000])

    assert 0 < len(frames(tape)) < 5_000


def test_no_tape_at_all_is_silent(tmp_path: Path) -> None:
    assert frames(tmp_path / "upbit-2026-11-22.tape.gz") == []
