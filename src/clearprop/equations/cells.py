"""Recurrent cells: one step of time forward, and the same step backward.

A layer that is fed back its own state is a feed-forward network as deep as its sequence is long,
with the same weights at every step. So BP1 to BP4 hold as they are, with time in the place of
layers, and one sum more. W meets the inputs of all steps in one product,

    s_t = W x_t + b

and what is left for each step in turn is the cell: it makes the weighted inputs z_t of its gates
from s_t and the state before, and from them the state h_t. Backwards,

    BP2 through time   e_t = ∂E/∂h_t = (what comes from above at t) + (what t + 1 hands back)
                       δ_t = ∂E/∂z_t = e_t ⊙ (the gates' derivatives)
    BP3 through time   ∂E/∂b = Σ_t δ_t
    BP4 through time   ∂E/∂W = Σ_t δ_t x_tᵀ      ∂E/∂U = Σ_t δ'_t h_(t-1)ᵀ

with δ' = ∂E/∂(U h_(t-1)), which is δ but for the gate that a GRU puts in between. Since the sums go
over time as they go over samples, `bp3` and `bp4` are called with all steps of all samples as rows
(Werbos 1990).

What t + 1 hands back is linear in its error: e_(t) = … + J_(t+1)ᵀ e_(t+1), J_t = ∂(state t)/∂(state
t - 1), which `jacobian` gives. This is why the backward pass could be done in parallel.

Each function is of one step; loops over time belong to engines. A state is a tuple of (n, units)
arrays: (h,), for an LSTM (h, c). Gates stand side by side: z and s are (n, gates · units), in the
order of `Cell.gates`. U is (gates · units, units).

Public names: `CELLS`, `Cell`, `Step`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

from clearprop.functions import Activation
from clearprop.functions.activations import sigmoid

State = tuple[Any, ...]


class Step(NamedTuple):
    """What one step leaves behind.

    Attributes
    ----------
    z : (n, gates · units) array
        Weighted inputs of the gates.
    state : tuple of (n, units) arrays
        The new state; its first is h.
    inner : (n, units) array or None
        q = U_n h + c of a GRU, before the reset gate.
    """

    z: Any
    state: State
    inner: Any = None


class Cell(ABC):
    """The equations of one kind of recurrent layer."""

    name: ClassVar[str]
    gates: ClassVar[tuple[str, ...]]
    states: ClassVar[tuple[str, ...]] = ("h",)
    formula: ClassVar[str]

    @abstractmethod
    def step(self, xp: Any, f: Activation, s: Any, U: Any, c: Any, before: State) -> Step:
        """Return the step from the state `before`: (n, gates · units), (n, units) → Step.

        `f` is the layer's activation, `c` the bias inside a GRU's reset gate, else None.
        """

    @abstractmethod
    def back(
        self, xp: Any, f: Activation, step: Step, U: Any, before: State, error: State
    ) -> tuple[Any, Any, State]:
        """Return δ, δ' and the error of the state before.

        Parameters
        ----------
        step : Step
            What the step left, from the state `before`.
        error : tuple of (n, units) arrays
            ∂E/∂(new state), from above and from the step after together.

        Returns
        -------
        δ = ∂E/∂z and δ' = ∂E/∂(U h), both (n, gates · units), and ∂E/∂(state before).
        """

    @abstractmethod
    def jacobian(self, xp: Any, f: Activation, step: Step, U: Any, before: State) -> Any:
        """Return J = ∂(new state)/∂(state before), (n, S, S), with S units of all states."""


def split(z: Any, count: int) -> list[Any]:
    """Return the gates of z, one (n, units) array each."""
    units = z.shape[-1] // count
    return [z[..., g * units : (g + 1) * units] for g in range(count)]


def gate_matrices(U: Any, count: int) -> list[Any]:
    """Return the matrix of each gate, (units, units)."""
    units = U.shape[0] // count
    return [U[g * units : (g + 1) * units] for g in range(count)]


def _rows_times(factor: Any, matrix: Any) -> Any:
    """diag(factor) matrix for each sample: (n, k), (k, m) → (n, k, m)."""
    return factor[..., :, None] * matrix


class Elman(Cell):
    """h_t = f(z_t),  z_t = s_t + U h_(t-1)  (Elman 1990)."""

    name = "elman"
    gates = ("h",)
    formula = "h = f(W x + U h⁻ + b)"

    def step(self, xp: Any, f: Activation, s: Any, U: Any, c: Any, before: State) -> Step:
        """z = s + U h;  h' = f(z)."""
        z = s + before[0] @ U.T
        return Step(z, (f.value(xp, z),))

    def back(
        self, xp: Any, f: Activation, step: Step, U: Any, before: State, error: State
    ) -> tuple[Any, Any, State]:
        """δ = e ⊙ f'(z);  what goes back is Uᵀ δ."""
        delta = error[0] * f.derivative(xp, step.z, step.state[0])
        return delta, delta, (delta @ U,)

    def jacobian(self, xp: Any, f: Activation, step: Step, U: Any, before: State) -> Any:
        """J = diag(f'(z)) U."""
        return _rows_times(f.derivative(xp, step.z, step.state[0]), U)


class LSTM(Cell):
    """Long short-term memory (Hochreiter and Schmidhuber 1997; Gers et al. 2000).

        i, f, o = σ(z_i), σ(z_f), σ(z_o)    g = tanh(z_g)    z = s + U h_(t-1)
        c_t = f ⊙ c_(t-1) + i ⊙ g           h_t = o ⊙ tanh(c_t)

    The gates stand in PyTorch's order, i, f, g, o.
    """

    name = "lstm"
    gates = ("i", "f", "g", "o")
    states = ("h", "c")
    formula = "c = σ(z_f) ⊙ c⁻ + σ(z_i) ⊙ tanh(z_g),  h = σ(z_o) ⊙ tanh(c)"

    def step(self, xp: Any, f: Activation, s: Any, U: Any, c: Any, before: State) -> Step:
        """c' = f ⊙ c + i ⊙ g;  h' = o ⊙ tanh(c')."""
        z = s + before[0] @ U.T
        i, forget, g, o = self._values(xp, z)
        cell = forget * before[1] + i * g
        return Step(z, (o * xp.tanh(cell), cell))

    def back(
        self, xp: Any, f: Activation, step: Step, U: Any, before: State, error: State
    ) -> tuple[Any, Any, State]:
        """The error of c' is e_c + e_h ⊙ o ⊙ (1 - tanh²(c')); it goes back through f alone."""
        i, forget, g, o = self._values(xp, step.z)
        t = xp.tanh(step.state[1])
        cell = error[1] + error[0] * o * (1 - t * t)
        delta = xp.concatenate(
            [
                cell * g * i * (1 - i),
                cell * before[1] * forget * (1 - forget),
                cell * i * (1 - g * g),
                error[0] * t * o * (1 - o),
            ],
            axis=-1,
        )
        return delta, delta, (delta @ U, cell * forget)

    def jacobian(self, xp: Any, f: Activation, step: Step, U: Any, before: State) -> Any:
        """Return the Jacobian of (h', c') with respect to (h, c)."""
        i, forget, g, o = self._values(xp, step.z)
        U_i, U_f, U_g, U_o = gate_matrices(U, 4)
        t = xp.tanh(step.state[1])
        slope = o * (1 - t * t)
        cell_by_h = (
            _rows_times(g * i * (1 - i), U_i)
            + _rows_times(before[1] * forget * (1 - forget), U_f)
            + _rows_times(i * (1 - g * g), U_g)
        )
        h_by_h = _rows_times(t * o * (1 - o), U_o) + _rows_times(slope, cell_by_h)
        one = xp.eye(U.shape[1], dtype=U.dtype)
        upper = xp.concatenate([h_by_h, _rows_times(slope * forget, one)], axis=-1)
        lower = xp.concatenate([cell_by_h, _rows_times(forget, one)], axis=-1)
        return xp.concatenate([upper, lower], axis=-2)

    def _values(self, xp: Any, z: Any) -> tuple[Any, Any, Any, Any]:
        i, forget, g, o = split(z, 4)
        return sigmoid(xp, i), sigmoid(xp, forget), xp.tanh(g), sigmoid(xp, o)


class GRU(Cell):
    """Gated recurrent unit (Cho et al. 2014), with the reset gate behind the product.

        r, u = σ(z_r), σ(z_u)     q = U_n h_(t-1) + c     n = tanh(z_n),  z_n = s_n + r ⊙ q
        h_t = (1 - u) ⊙ n + u ⊙ h_(t-1)

    The gates stand in PyTorch's order, r, u (its z), n.
    """

    name = "gru"
    gates = ("r", "u", "n")
    formula = "n = tanh(s_n + σ(z_r) ⊙ (U_n h⁻ + c)),  h = (1 - σ(z_u)) ⊙ n + σ(z_u) ⊙ h⁻"

    def step(self, xp: Any, f: Activation, s: Any, U: Any, c: Any, before: State) -> Step:
        """h' = (1 - u) ⊙ n + u ⊙ h."""
        (s_r, s_u, s_n), (v_r, v_u, v_n) = split(s, 3), split(before[0] @ U.T, 3)
        q = v_n + c
        z_r, z_u = s_r + v_r, s_u + v_u
        z_n = s_n + sigmoid(xp, z_r) * q
        u = sigmoid(xp, z_u)
        h = (1 - u) * xp.tanh(z_n) + u * before[0]
        return Step(xp.concatenate([z_r, z_u, z_n], axis=-1), (h,), q)

    def back(
        self, xp: Any, f: Activation, step: Step, U: Any, before: State, error: State
    ) -> tuple[Any, Any, State]:
        """δ'_n = r ⊙ δ_n;  what goes back is Uᵀ δ' + u ⊙ e."""
        r, u, n = self._values(xp, step.z)
        e, h = error[0], before[0]
        d_n = e * (1 - u) * (1 - n * n)
        d_u = e * (h - n) * u * (1 - u)
        d_r = d_n * step.inner * r * (1 - r)
        delta = xp.concatenate([d_r, d_u, d_n], axis=-1)
        fed_back = xp.concatenate([d_r, d_u, d_n * r], axis=-1)
        return delta, fed_back, (fed_back @ U + e * u,)

    def jacobian(self, xp: Any, f: Activation, step: Step, U: Any, before: State) -> Any:
        """J = diag(h - n) J_u + diag((1 - u)(1 - n²)) (diag(q) J_r + diag(r) U_n) + diag(u)."""
        r, u, n = self._values(xp, step.z)
        U_r, U_u, U_n = gate_matrices(U, 3)
        inside = _rows_times(step.inner * r * (1 - r), U_r) + _rows_times(r, U_n)
        return (
            _rows_times((before[0] - n) * u * (1 - u), U_u)
            + _rows_times((1 - u) * (1 - n * n), inside)
            + _rows_times(u, xp.eye(U.shape[1], dtype=U.dtype))
        )

    def _values(self, xp: Any, z: Any) -> tuple[Any, Any, Any]:
        r, u, n = split(z, 3)
        return sigmoid(xp, r), sigmoid(xp, u), xp.tanh(n)


CELLS: dict[str, Cell] = {cell.name: cell for cell in (Elman(), GRU(), LSTM())}
