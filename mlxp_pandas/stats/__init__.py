# SPDX-License-Identifier: MIT
"""The room of statistics: frames in, frames out.

Runs are grouped, reduced to numbers, compared and tabulated, and their state is told; the curves of groups are aligned
and averaged.
"""

from __future__ import annotations

from ..cells import Curve
from .columns import as_list, completed, fields_table, listed, load, run_ids, searchable_table, setting_columns, varying
from .health import health_of
from .maps import aggregate, filter_runs
from .numbers import curve_numbers, long_frame, number_column, number_columns, numbers_in, values_at, with_numbers
from .partition import Key, Partition, plain_key
from .points import is_curves
from .ranking import Criterion, best_runs, compare_settings, sorted_runs
from .spread import CurveOptions, GroupCurves, checked_options, curves_of_groups, curves_table
from .tables import RunTable, figure, key_text, run_table

__all__ = ["Criterion", "Curve", "CurveOptions", "GroupCurves", "Key", "Partition", "RunTable", "aggregate", "as_list"]
__all__ += ["best_runs", "checked_options", "compare_settings", "completed", "curve_numbers", "curves_of_groups"]
__all__ += ["curves_table", "fields_table", "figure", "filter_runs", "health_of", "is_curves", "key_text", "listed"]
__all__ += ["load", "long_frame", "number_column", "number_columns", "numbers_in", "plain_key", "run_ids", "run_table"]
__all__ += ["searchable_table", "setting_columns", "sorted_runs", "values_at", "varying", "with_numbers"]
