"""How BentoML's supervisor takes orders.

It is circus, which starts any command that it is told over TCP, by whoever is on this machine and without a
key. Here it is told through a folder that only its owner can enter.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from bentoml._internal.utils.circus import Arbiter


def make_private() -> None:
    """Before the supervisor starts."""
    made = Arbiter.__init__

    def private(self: Any, *arguments: Any, **options: Any) -> None:
        folder = Path(tempfile.mkdtemp(prefix="holdfast-"))
        sockets = {"endpoint": f"ipc://{folder}/orders", "pubsub_endpoint": f"ipc://{folder}/events"}
        made(self, *arguments, **options | sockets)
        self.exit_stack.callback(shutil.rmtree, folder, ignore_errors=True)

    Arbiter.__init__ = private
