"""One sample under the microscope: its pass as a series of pictures.

They are made when the pane is open, of the trace of the state that the run stands at, and kept
until that, the sample, the weight or the language change. While the run plays they stand still.

Public names: `Microscope`.
May import: `panes`, `clearprop.explanation`.
"""

from __future__ import annotations

from typing import Any

from clearprop.explanation.explanation import Explanation
from clearprop.explanation.names import Names
from clearprop.explanation.scenes.scene import Scene
from clearprop.explanation.scenes.signals import signal_scenes
from clearprop.studio.panes import Contents, Work


class Microscope:
    """A sample's pass, at one of its moments."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._scenes: tuple[Scene, ...] = ()
        self._at = 0

    def close(self) -> None:
        """Let go of the pictures."""
        self._scenes = ()

    def to_document(self) -> dict[str, Any]:
        """Return what the pane's controls show."""
        return {"at": self._at, "moments": len(self._scenes)}

    def go_to(self, moment: int) -> None:
        """Show a moment of the pass."""
        self._at = max(0, int(moment))

    def contents(self) -> Contents | None:
        """Return the picture of the moment; None while the run plays."""
        if self._work.playing and self._scenes:
            return None
        trainer, view = self._work.trainer, self._work.view
        samples = trainer.samples
        names = Names(trainer.network, samples.inputs, samples.outputs)
        explanation = Explanation(trainer.trace(view.row), names)
        focus = explanation.focus(view.weight, 0)
        self._scenes = signal_scenes(explanation, focus, lang=view.lang)
        self._at = min(self._at, len(self._scenes) - 1)
        scene = self._scenes[self._at]
        return Contents({"pass": scene}, texts={"moment": scene.title})
