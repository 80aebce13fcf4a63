"""What is compiled while an image is made is all that a start and the first requests need."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ASKED = """
import sys
from pathlib import Path
from releases.home import Home
from serving.assessment import customer, score
from serving.decision import next_best_offers
from serving.question import Deciding
from serving.served import Window
window = Window(Home(Path(sys.argv[1])))
window.look()
served = window.served
ids = [str(each) for each in served.histories.ids[:20]]
for as_of in ("week", None):
    next_best_offers(served, [Deciding(customer_ids=ids, as_of=as_of, reasons="now")], as_of, window.counter)
    score(served, ids, as_of)
    customer(served, ids[0], as_of)
"""


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_nothing_is_compiled_after_the_image_was_made(published: Path, tmp_path: Path) -> None:
    cache = tmp_path / "compiled"
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache)}

    def run(*command: str | Path) -> set[str]:
        done = subprocess.run(
            [sys.executable, *command], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return {str(path.relative_to(cache)) for path in cache.rglob("*.nbc")}

    ahead = run("-m", "serving.warm")
    assert ahead
    assert run("-c", ASKED, published) == ahead
