# SPDX-License-Identifier: MIT
"""How close to the floor: each figure beside its floor or a peer, measured in the same run. No test asserts a time.

    python -m tests.benchmarks                 every benchmark, about twelve minutes and 6 GB of disk for a while
    python -m tests.benchmarks cold warm       only these (`--list` names them)
    python -m tests.benchmarks --quick         a tenth of the size, three minutes: tells a mistake, not a ratio

Peers that are not installed are left out: `pip install -e ".[bench]"` installs polars and MLXP. Counting system calls
needs strace.
"""
