"""Tables of few bytes that would take much: each is refused by its name, fast, and in a process that stays small."""

import json
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Final

from tests.conftest import REPOSITORY
from tests.fuzz import bombs
from tests.fuzz.run import MEMORY_MIB_MAX

_OF_EACH: Final = 8
_READ_S_MAX: Final = 300.0
_LIMITED: Final = "import resource, runpy; resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30)); "
"""Without the refusals it would take the machine's memory."""

_EXPECTED: Final = {
    bombs.hash_key: {("HashKeyOutOfRange", "ok")},
    bombs.model_input: {("ok", "TableTooLarge")},
    bombs.compressed_in_the_old_way: {("BadArrow", "BadArrow")},
    bombs.growing_dictionary: {("BadArrow", "BadArrow")},
    bombs.of_many_columns: {("TableTooLarge", "TableTooLarge"), ("BadArrow", "BadArrow")},
    bombs.json_of_one_long_text: {("ok", "ok"), ("HashKeyOutOfRange", "ok")},
    bombs.json_of_objects: {("ok", "BadJson")},
    bombs.json_of_lists: {("ok", "WrongDtype"), ("ok", "WrongShape")},
}


def test_each_bomb_is_refused_by_its_name_in_a_process_that_stays_small(tmp_path: Path) -> None:
    rng, expected = Random(1), {}
    for make, answers in _EXPECTED.items():
        for number in range(_OF_EACH):
            path = tmp_path / f"{make.__name__}-{number}"
            path.write_bytes(make(rng))
            assert path.stat().st_size < 1024 * 1024 + 8192
            expected[path.name] = answers
    program = _LIMITED + "runpy.run_module('tests.fuzz.alone', run_name='__main__')"
    paths = [str(tmp_path / name) for name in expected]
    ran = subprocess.run(
        [sys.executable, "-c", program, *paths],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=_READ_S_MAX,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    *lines, peak_mib = map(json.loads, ran.stdout.splitlines())
    assert [name for name, *said in lines if tuple(said) not in expected[name]] == []
    assert peak_mib < MEMORY_MIB_MAX
