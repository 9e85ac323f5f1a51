"""What stands in the columns of a panel or beside an animation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from igcli import methods
from igcli.models.load import Model
from igcli.records import Explanation, Pixels
from igcli.render import panel
from igcli.render.curve import Curve
from igcli.render.magnify import magnified
from igcli.render.options import LabelLine, StyleOptions
from igcli.render.panel import Cell, PictureCell, TargetInfo
from igcli.render.visualize import Painting, paint

BESIDE = ("path", "colorbar")
"""Columns that belong to the method's column left of them: one each for each of its pictures."""

LABEL_LINES: tuple[LabelLine, ...] = ("label", "score")


@dataclass(slots=True, eq=False)
class Columns:
    """Turns names of columns into cells.

    Attributes:
        image: uint8 (H, W, 3).
        found: Its explanations, the main one first; a method has one for each target.
        model: The network, for labels.
        options: The style of all pictures.
        scales: By method, attribution to show at full strength; each picture's own without one.
        factor: How many times pictures are magnified.
        flat: Methods that had a picture which highlights nothing.
    """

    image: Pixels
    found: Sequence[Explanation]
    model: Model
    options: StyleOptions
    scales: Mapping[str, float] = field(default_factory=dict)
    factor: int = 1
    flat: set[str] = field(default_factory=set)

    def cells(
        self, names: Sequence[str], lines: tuple[LabelLine, ...] = LABEL_LINES
    ) -> list[Cell | Curve]:
        """Return the cells of the columns from left to right, the path's as curves.

        Baseline, path and colour bar are those of the method's column left of them, or else of
        the main one.
        """
        main = self.found[0].method
        shown = self._of(main)
        drawn: list[Cell | Curve] = []
        for group in _grouped([main if name == "method" else name for name in names]):
            head = group[0]
            shown = self._of(head) or shown
            if head not in BESIDE and head not in {each.method for each in shown}:
                drawn.append(self._still(group.pop(0), shown[0], lines))
            drawn += [self._cell(name, each) for each in shown for name in group]
        return drawn

    def _of(self, method: str) -> list[Explanation]:
        return [each for each in self.found if each.method == method]

    def _still(self, name: str, found: Explanation, lines: tuple[LabelLine, ...]) -> Cell:
        """Return a cell that is the same for all targets."""
        if name == "image":
            return self._magnified(panel.image_cell(self.image))
        if name == "baseline":
            return self._magnified(panel.baseline_cell(found.baseline))
        facts = [
            TargetInfo(
                label=self.model.label(each.target),
                score=each.score,
                target=each.target,
                completeness_error=each.completeness_error,
                is_top=not each.is_target_given,
            )
            for each in self._of(self.found[0].method)
        ]
        return panel.label_cell(facts, lines)

    def _cell(self, name: str, found: Explanation) -> Cell | Curve:
        label = self.model.label(found.target) if found.is_target_given else "top label"
        if name == "path":
            along = self._along_a_path(found)
            return Curve(along.alphas, along.scores, along.gathered, label)
        painting = self._painted(found)
        if name == "colorbar":
            return panel.colorbar_cell(found.displayed, painting, self.options)
        if painting.flat:
            self.flat.add(name)
        return panel.attribution_cell(methods.load(name).HEADING, painting.picture, label=label)

    def _along_a_path(self, found: Explanation) -> Explanation:
        """Return the explanation, or for a method without a path the same target's by another."""
        same = (each for each in self.found if each.target == found.target)
        return next((each for each in (found, *same) if len(each.alphas) > 1), found)

    def _painted(self, found: Explanation) -> Painting:
        scale = self.scales.get(found.method)
        painting = paint(self.image, found.displayed, self.options, scale=scale)
        return replace(painting, picture=magnified(painting.picture, self.factor))

    def _magnified(self, cell: PictureCell) -> PictureCell:
        return replace(cell, picture=magnified(cell.picture, self.factor))


def _grouped(names: Sequence[str]) -> list[list[str]]:
    """Cut columns before each that does not belong to the one left of it."""
    groups: list[list[str]] = []
    for name in names:
        if groups and name in BESIDE:
            groups[-1].append(name)
        else:
            groups.append([name])
    return groups
