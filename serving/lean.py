"""Libraries that LightGBM and Arrow import where they are installed, and of which the service uses nothing.

Without them a worker starts sooner and is smaller; where training is not installed, they are not there.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from typing import Any

NOT_USED = ("dask", "matplotlib", "pandas", "sklearn")


class _Nowhere(MetaPathFinder):
    def find_spec(self, fullname: str, path: Sequence[str] | None, target: Any = None) -> None:
        if fullname in NOT_USED:
            raise ModuleNotFoundError(f"the service does without {fullname}", name=fullname)


def leave_out() -> None:
    """From now on they cannot be imported; before LightGBM is."""
    sys.meta_path.insert(0, _Nowhere())
