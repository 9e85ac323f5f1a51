"""Options of the path from the baseline to the image. Importing them does not import NumPy."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator, model_serializer

from igcli.integration import baselines
from igcli.integration.quadrature import REFINABLE_RULES, RULES
from igcli.options import Expected, Options, PathField

if TYPE_CHECKING:
    RuleName = str
else:
    RuleName = Literal[tuple(RULES)]

_KINDS = ", ".join(baselines.names())


class BaselineOptions(Options):
    """The reference input of a path, which stands for "nothing there"."""

    shorthand: ClassVar[str] = "kind"

    kind: Annotated[
        str, PathField(baselines.is_name), Expected(f"{_KINDS}, '#rrggbb' or an image file")
    ] = "black"
    """Reference input that attributions are measured from: a name, a colour or an image file, which
    is fitted like the images."""

    samples: int = Field(default=1, ge=1, le=1000)
    """Number of noise baselines to draw, whose attributions are averaged."""

    @field_validator("kind")
    @classmethod
    def _check_kind(cls, kind: str) -> str:
        if kind.startswith("#") and not baselines.is_colour(kind):
            raise ValueError(f"must be {_KINDS}, '#rrggbb' or an image file, not {kind!r}")
        return kind

    @model_serializer
    def _serialized(self) -> str | dict[str, object]:
        """Return the short form if nothing is lost."""
        if self.samples == 1 and baselines.is_name(self.kind):
            return self.kind
        return {"kind": self.kind, "samples": self.samples}


class PathOptions(Options):
    """Where the path starts and how finely it is evaluated."""

    baseline: BaselineOptions = BaselineOptions()
    """Reference input, in pixel values, that attributions are measured from."""

    steps: Annotated[int, Field(ge=1)] | Literal["auto"] = 50
    """Number of intervals of the path (the trapezoid rule evaluates one more point), or auto to
    refine each image until its error is within the tolerance."""

    rule: RuleName = "trapezoid"
    """Quadrature rule of the path integral; auto steps require trapezoid."""

    tolerance: float = Field(default=0.05, gt=0, lt=1)
    """With auto steps, the completeness error and the estimated error of single attributions at
    which refinement stops."""

    max_steps: int = Field(default=1000, ge=1)
    """With auto steps, the maximum number of intervals (draws of expected_gradients); refinement
    then stops with a warning."""

    seed: int = Field(default=0, ge=0)
    """Seed of everything random; equal seeds give equal results."""

    @field_validator("rule")
    @classmethod
    def _check_rule(cls, rule: str, known: ValidationInfo) -> str:
        if known.data.get("steps") == "auto" and rule not in REFINABLE_RULES:
            names = ", ".join(REFINABLE_RULES)
            raise ValueError(f"{rule} cannot be refined with steps: auto; use {names}")
        return rule
