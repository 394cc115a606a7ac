"""What lets threadpoolctl see ainv's threads and limit them. Nothing here imports threadpoolctl."""

import sys
from typing import Any

from ainv import _ainv


def register() -> None:
    """Tell threadpoolctl, which is loaded, of ainv."""
    threadpoolctl: Any = sys.modules["threadpoolctl"]
    if not hasattr(threadpoolctl, "register"):
        return  # Older than 3.2, which knows its own libraries only.

    class AinvController(threadpoolctl.LibController):  # type: ignore[misc]
        """Of the library that is the extension module."""

        user_api = "ainv"
        internal_api = "ainv"
        filename_prefixes = ("_ainv",)

        def get_num_threads(self) -> int:
            return _ainv.get_num_threads()

        def set_num_threads(self, num_threads: int) -> None:
            _ainv.set_num_threads(num_threads)

        def get_version(self) -> str:
            return _ainv.__version__

    threadpoolctl.register(AinvController)
