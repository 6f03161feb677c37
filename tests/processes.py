# SPDX-License-Identifier: MIT
"""Waiting for other processes and threads, never without bound."""

from __future__ import annotations

import os
import signal
import threading
import time

SECONDS = 120
"""What anything that a test waits for may take on a slow machine."""


def wait_for_child(child: int, seconds: float = SECONDS) -> int:
    """The exit code of a forked process, negative for a signal; one that takes longer is killed."""
    end = time.monotonic() + seconds
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            end = float("inf")  # what is killed ends
        time.sleep(0.002)


def join(thread: threading.Thread, seconds: float = SECONDS) -> None:
    """Wait for a thread; one that takes longer is an error."""
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f"{thread.name} has not ended after {seconds} s")


def let_ctrl_c_through() -> None:
    """Undo what a child of a shell's background job inherits: there SIGINT is ignored. For `preexec_fn`."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
