"""The ``ainv`` command, as the wheel installs it."""

import signal
import sys

from ainv import _ainv


def main() -> int:
    """Run the command with the program's arguments and return its exit code."""
    # The command is all Rust: Python would see Ctrl-C only when it is over.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _ainv._main(sys.argv[1:])
