# SPDX-License-Identifier: MIT
"""The room of statistics: frames in, frames out.

Runs are grouped, reduced to numbers, compared and tabulated; the curves of groups are aligned and averaged.
"""

from __future__ import annotations

from .columns import (
    as_list,
    fields_table,
    listed,
    load,
    object_array,
    read_values,
    require,
    run_ids,
    searchable_table,
    setting_columns,
    varying,
)
from .maps import aggregate, filter_mask, parse_aggregations, parse_filter
from .numbers import (
    curve_numbers,
    long_frame,
    name_list,
    number_column,
    number_columns,
    sorted_runs,
    steps_of,
    suffix_columns,
    values_at,
    with_numbers,
)
from .options import completed
from .partition import Key, Partition, plain_key
from .points import is_curves
from .ranking import Criterion, best_runs, compare_settings
from .spread import (
    CurveOptions,
    GroupCurves,
    StepStatistics,
    checked_options,
    curves_of_groups,
    curves_table,
    step_name,
)
from .steps import Curve
from .tables import RunTable, figure, key_text, run_table

__all__ = ["Criterion", "Curve", "CurveOptions", "GroupCurves", "Key", "Partition", "RunTable", "StepStatistics"]
__all__ += ["aggregate", "as_list", "best_runs", "checked_options", "compare_settings", "completed", "curve_numbers"]
__all__ += ["curves_of_groups", "curves_table", "fields_table", "figure", "filter_mask", "is_curves", "key_text"]
__all__ += ["listed", "load", "long_frame", "name_list", "number_column", "number_columns", "object_array"]
__all__ += ["parse_aggregations", "parse_filter", "plain_key", "read_values", "require", "run_ids", "run_table"]
__all__ += ["searchable_table", "setting_columns", "sorted_runs", "step_name", "steps_of", "suffix_columns"]
__all__ += ["values_at", "varying", "with_numbers"]
