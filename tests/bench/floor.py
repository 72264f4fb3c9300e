"""The C floor, compiled when it is needed and where it is left behind by nobody. It measures nothing itself."""

import asyncio
import shutil
import subprocess
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).with_name("floor.c")
NO_COMPILER: Final = "no C floors: there is no C compiler (cc) on the PATH"


def compile_floor(folder: Path) -> Path | None:
    """Compile into a folder and return the program, or None where there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    program = folder / "floor"
    subprocess.run([compiler, "-O2", "-o", str(program), str(SOURCE)], check=True, capture_output=True)
    return program


async def parse_ns(program: Path, how: str, frame: bytes, times: int) -> float:
    """Return the ns that it takes to read every number of a frame; `how` is parse or strtod."""
    path = program.with_name("frame.json")
    path.write_bytes(frame)
    running = await asyncio.create_subprocess_exec(
        str(program), how, str(path), str(times), stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await running.communicate()
    return float(printed)
