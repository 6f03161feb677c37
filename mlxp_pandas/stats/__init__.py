# SPDX-License-Identifier: MIT
"""The room of statistics: frames in, frames out.

Runs are grouped, reduced to numbers, compared and tabulated, and their state is told; the curves of groups are aligned
and averaged.

What is counted, and what is not:

- **Steps are matched exactly**: by a metric of the same log (`x="val.epoch"`), or by the row of the log. Nothing is
  smoothed or put into buckets. Only `grid=` interpolates, and never beyond a run's own range.
- **`n` is the number of runs with a value at that step.** NaN is left out of the statistic and of `n`; infinite values
  stay. With `n` = 1, spread and bounds are NaN.
- **A step logged twice**, as after a resume, counts with its last value, unless `dup=` says `"first"`, `"mean"` or
  `"raise"`.
- **Intervals** are Student's t for means, and the percentile bootstrap over whole runs for medians and interquartile
  means, both scipy's. `error="std"`, `"sem"` and `"minmax"` of a mean need numpy alone.
- **NaN and infinity never win**: `best` counts such runs in `n_skipped`, `table` says how many it left out, a picture
  marks with a cross where a run diverged.
- **`compare` pairs seeds**: the mean difference over the seeds that both settings have, its interval (from 3 pairs
  on), the share of pairs that are better, and how many runs have no partner.
- **In a table**, the best mean of each column is bold, and so is every cell whose interval holds it. Digits come from
  the spread. Where other options vary within a cell, a note says which.
- **One group is in memory at a time**, beside the last 256 logs of at most 1 MiB that were read.
"""

from __future__ import annotations

from .columns import as_list, completed, fields_table, listed, load, run_ids, searchable_table, setting_columns, varying
from .health import health_of
from .maps import aggregate, filter_runs
from .numbers import curve_numbers, long_frame, number_column, number_columns, numbers_in, values_at, with_numbers
from .partition import Key, Partition, plain_key
from .points import is_curves
from .ranking import Criterion, best_runs, compare_settings, sorted_runs
from .spread import CurveOptions, GroupCurves, checked_options, curves_of_groups, curves_table
from .tables import RunTable, figure, key_text, run_table

__all__ = ["Criterion", "CurveOptions", "GroupCurves", "Key", "Partition", "RunTable", "aggregate", "as_list"]
__all__ += ["best_runs", "checked_options", "compare_settings", "completed", "curve_numbers", "curves_of_groups"]
__all__ += ["curves_table", "fields_table", "figure", "filter_runs", "health_of", "is_curves", "key_text", "listed"]
__all__ += ["load", "long_frame", "number_column", "number_columns", "numbers_in", "plain_key", "run_ids", "run_table"]
__all__ += ["searchable_table", "setting_columns", "sorted_runs", "values_at", "varying", "with_numbers"]
