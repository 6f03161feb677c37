# SPDX-License-Identifier: MIT
"""No test waits without bound: whatever waits has a timeout."""

from __future__ import annotations

import ast
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import processes

TESTS = Path(__file__).parent
RUNS = {"run", "call", "check_call", "check_output"}


def endless(tree: ast.AST) -> Iterator[str]:
    """The calls that may wait for ever."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and waits(call, call.func):
            yield f"line {call.lineno}: {ast.unparse(call)[:60]}"


def waits(call: ast.Call, function: ast.Attribute) -> bool:
    has_timeout = any(keyword.arg == "timeout" for keyword in call.keywords)
    match function.attr:
        case "waitpid" | "wait3" | "wait4":
            return True
        case "communicate":
            return not has_timeout
        case "wait" | "join":
            return not call.args and not has_timeout
        case name:
            return name in RUNS and ast.unparse(function.value) == "subprocess" and not has_timeout


def test_every_wait_has_a_timeout() -> None:
    paths = [path for path in TESTS.rglob("*.py") if path != Path(processes.__file__)]
    found = {str(path.relative_to(TESTS)): list(endless(ast.parse(path.read_text("utf-8")))) for path in paths}
    assert {path: calls for path, calls in found.items() if calls} == {}


@pytest.mark.parametrize(
    "code", ["process.wait()", "thread.join()", "p.communicate(b'')", "subprocess.run(['true'])", "os.waitpid(1, 0)"]
)
def test_a_wait_without_timeout_is_found(code: str) -> None:
    assert len(list(endless(ast.parse(code)))) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_that_does_not_end_is_killed() -> None:
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    assert processes.wait_for_child(child, 0.05) == -9
