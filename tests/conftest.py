"""Puts this folder on the path, so that every room's tests can import `problems`.

Plans are guessed and not measured, in child processes as well, so that the suite computes the same
numbers each time.
"""

import os

os.environ["CLEARPROP_PLAN"] = "guess"
