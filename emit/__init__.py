"""From a graph to a program of folds, and from there to source text.

Reading order: `program` is what goes in and comes out; `value` what a program computes; `lower`
splits a graph by the fold axis (`inline`: what becomes no value, `arrays`: joins, gathers and
routines, `section`: what waits for the next pass); `online` finds sums that need not wait (`match`
compares expressions) and `merge` joins them panel by panel; `named` and `special` write named
functions in those that a target has, `functions` spells these; `nest` fuses values into loop
nests; `plan` decides buffers, stages and statements; `routine` spells calls of routines; `cost`
counts what that moves and computes, as polynomials (`count`) that `estimate` evaluates; `target`
and `spelling` know a language; `render` fills the templates.

For a CUDA device the same values take another way: `schedule` orders them in steps, `device` knows
names and addresses within a kernel, `phase` shares the points of a group among threads, `cuda` puts
kernels together, with `device_panel` for rows in shared memory and `device_routine` for routines;
`grid` and `grid_routine` plan launches from extents and device facts (`device_plan`: the data of a
plan), `device_text` fills the templates.

Files that stand alone: `standalone` is what they hold, `standalone_numpy` writes Python
(`numpy_definitions`: what names mean there), `standalone_c` C and `standalone_cuda` CUDA,
`standalone_call` is what a call of such a function and its check need, `wrapping` breaks lines.
"""

if __name__ != "closedform.emit":
    raise ImportError("this folder is a part of closedform: write 'import closedform.emit'")

from .program import Argument, Program, Unit
from .render import compile_unit, template_digest

__all__ = ["Argument", "Program", "Unit", "compile_unit", "template_digest"]
