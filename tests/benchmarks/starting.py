# SPDX-License-Identifier: MIT
"""What `import mlxp_pandas` costs beyond `import pandas`, and whether it imports anything optional."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from .measure import Lab, Reach, Row, benchmark, figure, in_new_process

_IMPORT = """
import json, sys, time
start = time.perf_counter()
import pandas
middle = time.perf_counter()
known = set(sys.modules)
import mlxp_pandas
end = time.perf_counter()
print(json.dumps([middle - start, end - middle, sorted({name.split(".")[0] for name in set(sys.modules) - known})]))
"""
_OPTIONAL = {"dill", "matplotlib", "mlxp", "msgspec", "PIL", "polars", "pyarrow", "scipy", "torch", "tqdm"}


@benchmark
def imports(lab: Lab) -> Iterator[Row]:
    turns = [in_new_process(_IMPORT, bytecode=lab.folder / "bytecode") for _ in range(max(lab.repeats, 9) + 1)][1:]
    base, more = (median(turn[place] for turn in turns) * 1000 for place in (0, 1))
    yield figure("import mlxp_pandas, beyond pandas", "import pandas", more, Reach(40, " ms"), f"{base:.0f} ms")
    yield figure("optional packages imported", "", len(_OPTIONAL.intersection(turns[0][2])), Reach(0, ""))
