"""The ``ainv`` command, as the wheel installs it."""

import signal
import sys

from ainv import _ainv


def main() -> int:
    """Run the command with the program's arguments and return its exit code."""
    # The command is all Rust and heeds signals itself: Python would see Ctrl-C only when it is over.
    # One that is ignored (by nohup, in the background of a shell) stays so.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _ainv._main(sys.argv[1:])
