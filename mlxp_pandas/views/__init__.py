# SPDX-License-Identifier: MIT
"""The room of pictures: groups and runs on matplotlib's axes.

What is drawn is in `plots`, the lines, crosses and names that it is made of in `drawing`.
"""

from __future__ import annotations

from .plots import box_plot, heat_map, plot_groups, plot_runs

__all__ = ["box_plot", "heat_map", "plot_groups", "plot_runs"]
