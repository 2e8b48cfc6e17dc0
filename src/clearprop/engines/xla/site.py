"""Where the engine computes: the devices, the mesh that they make, and how numbers get there.

The mesh has two axes. Along "rows" its devices share out the rows of each batch: each computes the
gradient of its share, and XLA adds them up (all-reduce). Along "neurons" they share out the neurons
of each dense layer. A device of several processes' mesh may belong to another process; every
process runs the same program on the same numbers, which stay whole on each device.

Public names: `Share`, `Site`, `WHOLE`, `check_site`.
May import: `clearprop.engines.recipes`, `clearprop.network`, `clearprop.errors`, JAX, NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from clearprop.engines.recipes import PLATFORMS, Hardware, Plan
from clearprop.errors import EngineError, SettingError
from clearprop.network import Network

AXES = ("rows", "neurons")
_EXTRAS = {"gpu": "pip install 'clearprop[gpu]' (NVIDIA)", "tpu": "pip install 'jax[tpu]'"}


@dataclass(frozen=True)
class Share:
    """The part of a batch's rows that one device takes; functions of it run inside programs.

    Attributes
    ----------
    parts : int
        Into how many parts the rows are divided.
    """

    parts: int

    @property
    def index(self) -> Any:
        """The part of this device, from 0 on."""
        return lax.axis_index("rows") if self.parts > 1 else 0

    def rows_of(self, size: int) -> int:
        """Return the rows of a part of a batch."""
        return -(-size // self.parts)

    def padded(self, size: int) -> int:
        """Return the rows of all parts, those that fill them up included."""
        return self.parts * self.rows_of(size)

    def sum(self, value: Any) -> Any:
        """Return the sum over the parts."""
        return lax.psum(value, "rows") if self.parts > 1 else value

    def most(self, value: Any) -> Any:
        """Return the largest of the parts."""
        return lax.pmax(value, "rows") if self.parts > 1 else value

    def joined(self, rows: Any) -> Any:
        """Return the rows of all parts, one part behind another."""
        return lax.all_gather(rows, "rows", tiled=True) if self.parts > 1 else rows

    def own(self, rows: Any) -> Any:
        """Return the rows of this part: the inverse of `joined`."""
        if self.parts == 1:
            return rows
        count = rows.shape[0] // self.parts
        return lax.dynamic_slice_in_dim(rows, self.index * count, count)


WHOLE = Share(1)


@dataclass(frozen=True)
class Site:
    """Devices that work together, and what their products are computed in.

    Attributes
    ----------
    mesh : jax.sharding.Mesh
        Of the axes "rows" and "neurons".
    precision : str
        See `Hardware`.
    """

    mesh: Mesh
    precision: str = "float32"

    @classmethod
    def of(cls, hardware: Hardware, plan: Plan | None = None, *, together: bool = True) -> Site:
        """Return the devices that were asked for; those of a plan where it names any.

        They are those of all processes where these work together.

        Raises
        ------
        EngineError
            If there is no such device.
        SettingError
            If there are too few of them, or they cannot be shared out as asked.
        """
        if plan is not None and plan.device:
            kind, exact, neurons = plan.device, plan.precision, plan.neurons
            hardware = replace(hardware, device=kind, precision=exact, neurons=neurons)
        if not together and jax.process_count() > 1:
            hardware = replace(hardware, devices=1, neurons=1)
        devices = _devices(hardware, together=together)
        if len(devices) % hardware.neurons:
            raise SettingError(
                f"{hardware.neurons} devices are to share out the neurons of a layer, but "
                f"{len(devices)} work together, which is no multiple of it. Say how many: "
                f"devices={hardware.neurons}."
            )
        if hardware.precision == "tf32" and devices[0].platform == "tpu":
            raise SettingError("A TPU has no TF32. Use precision='bf16' or 'float32'.")
        shaped = np.array(devices).reshape(-1, hardware.neurons)
        return cls(Mesh(shaped, AXES, axis_types=(AxisType.Auto,) * 2), hardware.precision)

    @cached_property
    def alone(self) -> Site:
        """One device of this process."""
        if self.mesh.size == 1:
            return self
        own = [d for d in self.mesh.devices.ravel() if d.process_index == jax.process_index()][:1]
        return Site(
            Mesh(np.array(own).reshape(1, 1), AXES, axis_types=(AxisType.Auto,) * 2), self.precision
        )

    @property
    def platform(self) -> str:
        """`"cpu"`, `"gpu"` or `"tpu"`."""
        return _platform(self.mesh.devices.flat[0])

    @property
    def share(self) -> Share:
        """How rows are shared out."""
        return Share(self.mesh.shape["rows"])

    @property
    def neurons(self) -> int:
        """Devices that share out the neurons of a layer."""
        return self.mesh.shape["neurons"]

    @property
    def processes(self) -> int:
        """Processes that the devices belong to."""
        return len({device.process_index for device in self.mesh.devices.flat})

    @property
    def sharding(self) -> NamedSharding:
        """Of numbers that are whole on every device."""
        return NamedSharding(self.mesh, PartitionSpec())

    def put(self, tree: Any) -> Any:
        """Return a tree of arrays as copies on the devices, which nobody else writes to."""
        return jax.tree.map(self._placed, tree)

    def _placed(self, array: Any) -> Any:
        if self.mesh.size == 1:
            return jnp.array(array, copy=True, device=self.mesh.devices.flat[0])
        whole = np.array(array)
        return jax.make_array_from_callback(whole.shape, self.sharding, lambda at: whole[at])

    def spread(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function, called with a `Share` first, as one that each device runs.

        Its arguments and results are whole on every device.
        """
        share = self.share
        if self.mesh.size == 1:
            return lambda *given: function(share, *given)
        whole = PartitionSpec()
        return jax.shard_map(
            lambda *given: function(share, *given),
            mesh=self.mesh,
            in_specs=whole,
            out_specs=whole,
            axis_names={"rows"},
            check_vma=False,
        )

    def across_neurons(self, z: Any) -> Any:
        """Let devices share out the columns of z, where they divide them."""
        if self.neurons == 1 or z.shape[-1] % self.neurons:
            return z
        return lax.with_sharding_constraint(z, PartitionSpec(None, "neurons"))

    def compiled(self, function: Callable[..., Any], used_up: int | None = None) -> Any:
        """Return a program; the argument of that number gives its arrays to the result."""
        shardings: Any = {} if self.mesh.size == 1 else {"out_shardings": self.sharding}
        return jax.jit(function, donate_argnums=() if used_up is None else used_up, **shardings)

    @property
    def memory(self) -> int | None:
        """Half of the memory of a device; None where it does not say, as CPUs do not."""
        own = self.alone.mesh.devices.flat[0]
        stats = own.memory_stats() or {}
        return int(stats["bytes_limit"]) // 2 if "bytes_limit" in stats else None


def _devices(hardware: Hardware, *, together: bool) -> list[Any]:
    kind = hardware.device
    try:
        found = jax.devices(kind) if kind else jax.devices()
    except RuntimeError as error:
        there = ", ".join(sorted(_kinds()))
        extra = f", or JAX cannot use it: {_EXTRAS[kind]}" if kind in _EXTRAS else ""
        raise EngineError(
            f"device={kind!r} was asked for, but JAX finds none on this machine (it has: {there})"
            f"{extra}. Leave device out, or use one that is there."
        ) from error
    if jax.process_count() > 1 and hardware.devices is None:
        return list(found)
    count = hardware.devices or 1
    own: list[Any] = []
    for process in range(jax.process_count()) if together else [jax.process_index()]:
        of_process = [device for device in found if device.process_index == process]
        if len(of_process) < count:
            raise SettingError(
                f"{count} devices are to work together, but there are {len(of_process)} "
                f"({found[0].platform}). Ask for fewer. CPU cores count as one device unless XLA "
                f"is told otherwise: XLA_FLAGS=--xla_force_host_platform_device_count={count}."
            )
        own += of_process[:count]
    return own


def _kinds() -> set[str]:
    found = set()
    for kind in PLATFORMS:
        try:
            found |= {_platform(device) for device in jax.devices(kind)}
        except RuntimeError:
            continue
    return found


def _platform(device: Any) -> str:
    # JAX calls NVIDIA's and AMD's by the maker's software
    return {"cuda": "gpu", "rocm": "gpu"}.get(device.platform, str(device.platform))


def check_site(network: Network, site: Site) -> None:
    """Raise a SettingError where devices cannot compute a network as asked."""
    if network.dtype != "float32" and site.precision != "float32":
        raise SettingError(
            f"precision={site.precision!r} is for networks in float32, but this one is in "
            f"{network.dtype}. Leave precision out, or train in float32."
        )
    if site.neurons == 1:
        return
    if network.recurrent or network.members > 1:
        raise SettingError(
            "The neurons of recurrent layers and of networks with members cannot be shared out "
            "over devices. Leave neurons out: devices share out the rows."
        )
    if not any(o.kind == "dense" and not o.units % site.neurons for o in network.operations):
        raise SettingError(
            f"No layer of {network} has a number of units that {site.neurons} devices can share "
            f"out evenly. Take other layer sizes, or leave neurons out."
        )
