"""What it was measured on: processor, caches, memory, versions, BLAS; no names and no paths."""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.pool import all_cores

LIBRARIES = (
    "clearprop", "numpy", "scipy", "numba", "llvmlite", "scikit-learn", "torch", "jax", "jaxlib",
    "keras", "mkl",
)  # fmt: skip
TOLD_FLAGS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "sve")


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _field(text: str, name: str) -> str:
    found = re.search(rf"^{re.escape(name)}\s*:\s*(.*)$", text, re.MULTILINE)
    return found.group(1).strip() if found else ""


def caches() -> dict[str, str]:
    """Return the caches that core 0 sees, such as {"L2": "1024K"}."""
    found = {}
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        kind = _read(f"{folder}/type").strip()
        if kind != "Instruction":
            found["L" + _read(f"{folder}/level").strip()] = _read(f"{folder}/size").strip()
    return found


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed" if name != "clearprop" else "from the source tree"


def _configured_blas(show: Any) -> str:
    """Return the BLAS that NumPy or SciPy was built with."""
    try:
        found = show(mode="dicts")["Build Dependencies"]["blas"]
    except (KeyError, TypeError):
        return "unknown"
    return f"{found.get('name', '?')} {found.get('version', '')}".strip()


def blas() -> dict[str, str]:
    """Return which BLAS each library's matrix products go through."""
    import numpy as np
    import scipy

    found = {
        "NumPy and scikit-learn": _configured_blas(np.show_config),
        "SciPy and clearprop": _configured_blas(scipy.show_config),
        "JAX and Keras on JAX": "XLA's own (Eigen, oneDNN)",
    }
    try:
        import torch
    except ImportError:
        return found
    told = torch.__config__.show()
    named = re.search(r"BLAS_INFO=(\w+)", told)
    version = re.search(r"Math Kernel Library Version (\S+)", told)
    found["PyTorch"] = f"{named.group(1) if named else '?'} {version.group(1) if version else ''}"
    return found


def describe() -> dict:
    """Return the machine's description."""
    cpu, memory = _read("/proc/cpuinfo"), _read("/proc/meminfo")
    flags = set(_field(cpu, "flags").split())
    kilobytes = re.match(r"\d+", _field(memory, "MemTotal"))
    return {
        "processor": _field(cpu, "model name") or platform.processor() or platform.machine(),
        "family_model": f"{_field(cpu, 'cpu family')}/{_field(cpu, 'model')}",
        "architecture": platform.machine(),
        "cores": all_cores(),
        "cores_of_machine": os.cpu_count(),
        "virtual": "hypervisor" in flags,
        "vectors": [flag for flag in TOLD_FLAGS if flag in flags],
        "caches": caches(),
        "memory_gib": round(int(kilobytes.group()) / 2**20, 1) if kilobytes else None,
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in LIBRARIES},
        "blas": blas(),
    }
