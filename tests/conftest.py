"""Puts this folder on the path, so that every room's tests can import `problems`.

Plans are guessed and not measured, in child processes as well, so that the suite computes the same
numbers each time. XLA takes the CPU for four devices, of which engines use one unless told
otherwise. The installed JAX is held against the reference engine by a test of its own, and not in
each process that uses it.
"""

import os

os.environ["CLEARPROP_PLAN"] = "guess"
os.environ["CLEARPROP_JAX"] = "trusted"
os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=4")
