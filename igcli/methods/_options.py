"""Options of the methods that have any, and all of them together as `MethodOptions`.

They are separate from the methods, which import NumPy, because `--help` prints them. A method with
options has its class here and a field under its name in `MethodOptions`.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationInfo, field_validator

from igcli.integration.options import PathOptions
from igcli.options import Options, PathField

Group = TypeVar("Group", bound=Options)
Path = TypeVar("Path", bound=PathOptions)


class MultiplyOptions(Options):
    """Gradients times the input, or its difference from the baseline."""

    multiply_by_input: bool = True
    """Multiply gradients by the input, or by its difference from the baseline; gradients alone do
    not add up to the score."""


class BlurOptions(MultiplyOptions):
    """Blur integrated gradients: integrate from the blurred image to the sharp one."""

    max_sigma: float = Field(default=50.0, gt=0, le=1000)
    """Standard deviation of the strongest blur, in pixels."""

    edges: Literal["mirror", "zero"] = "mirror"
    """Continuation of the image beyond its edges: mirror, or zero as in PAIR's implementation."""


class ExpectedGradientsOptions(MultiplyOptions):
    """Expected gradients: average over baselines drawn from a folder of images."""

    folder: Annotated[str | None, PathField()] = Field(default=None, examples=["backgrounds"])
    """Folder of images to draw baselines from, which this method requires."""

    samples: int = Field(default=100, ge=1)
    """Number of draws, each of a baseline and a point on its path; ignored with auto steps."""

    noise: float = Field(default=0.0, ge=0)
    """Standard deviation of noise added to the baselines (GradientSHAP), as a fraction of the
    image's range of values."""

    noise_levels: float | None = Field(default=None, ge=0, examples=[20.0])
    """Standard deviation of the noise in units of the input (0...255 for images), in place of a
    fraction of the range."""


class GradientsOptions(MultiplyOptions):
    """Gradients: of the score, at the image itself."""


class GuidedOptions(Options):
    """Guided integrated gradients: move the pixels with the smallest gradients first."""

    fraction: float = Field(default=0.25, gt=0, le=1)
    """Fraction of the pixels, those with the smallest gradients, to move at a time."""

    max_distance: float = Field(default=0.02, ge=0, le=1)
    """Maximum distance of a pixel from the straight path, as a fraction of the path's length."""


class CoarseOptions(Options):
    """Options of methods with coarse maps, which are drawn as heat maps unless a style is given."""


class LayerOptions(CoarseOptions):
    """Options of the class activation maps."""

    layer: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, examples=["block5_conv3"]
    )
    """Layer whose values make the map: the name of a Keras layer, or of an operation or tensor of a
    graph; by default the last one with height and width, after the last convolution."""


class GradCamOptions(LayerOptions):
    """Grad-CAM: sum a layer's channels, weighted by their mean gradients."""


class GradCamPlusPlusOptions(LayerOptions):
    """Grad-CAM++: sum a layer's channels, weighted by means of their positive gradients."""


class HiResCamOptions(LayerOptions):
    """HiResCAM: sum a layer's values times their gradients over the channels."""


class LayerCamOptions(LayerOptions):
    """LayerCAM: sum a layer's values times their positive gradients over the channels."""


class IntegratedOptions(MultiplyOptions):
    """Integrated gradients: average the gradients along the path from the baseline."""


class OcclusionOptions(CoarseOptions):
    """Occlusion: how much the score falls where a window hides the image."""

    size: int = Field(default=15, ge=1)
    """Side of the square window, in pixels."""

    stride: int | None = Field(default=None, ge=1, examples=[8])
    """Distance between neighbouring windows, in pixels, at most their side; half of it, rounded up,
    if not given."""

    value: float | None = Field(default=None, examples=[127.5])
    """Value of hidden pixels, in units of the input (0...255 for images); if not given, they are
    those of the baseline."""

    @field_validator("stride")
    @classmethod
    def _check_stride(cls, stride: int | None, known: ValidationInfo) -> int | None:
        size = known.data.get("size")
        if stride is not None and size is not None and stride > size:
            raise ValueError(
                f"{stride} leaves pixels out between windows of {size}; use 1 to {size}"
            )
        return stride


class RiseOptions(CoarseOptions):
    """RISE: the mean score of the image under random masks that keep a pixel."""

    masks: int = Field(default=4000, ge=1, le=1_000_000)
    """Number of random masks, each a forward pass."""

    cells: int = Field(default=7, ge=1, le=100)
    """Number of cells along each side of a mask before it is enlarged."""

    probability: float = Field(default=0.5, gt=0, lt=1)
    """Probability that a cell is kept."""


class SmoothGradOptions(MultiplyOptions):
    """SmoothGrad: average a method's attributions over noisy copies of the image."""

    around: Literal["gradients", "integrated_gradients"] = "gradients"
    """Method whose attributions are averaged."""

    samples: int = Field(default=25, ge=1)
    """Number of noisy copies of the image."""

    noise: float = Field(default=0.15, ge=0)
    """Standard deviation of the noise, as a fraction of the image's range of values."""

    noise_levels: float | None = Field(default=None, ge=0, examples=[20.0])
    """Standard deviation of the noise in units of the input (0...255 for images), in place of a
    fraction of the range."""

    statistic: Literal["mean", "squared", "variance"] = "mean"
    """Statistic over the copies: mean, squared (the mean of squares, SmoothGrad-Squared) or
    variance (VarGrad)."""


class XraiOptions(CoarseOptions):
    """XRAI: the mean attribution of regions, joined from segments of the image."""

    around: Literal[
        "integrated_gradients",
        "blur_integrated_gradients",
        "guided_integrated_gradients",
        "idgi",
    ] = "integrated_gradients"
    """Method of the attributions, with its options; from the image's smallest value and from its
    largest, both averaged, unless its path is a blur."""

    algorithm: Literal["full", "fast"] = "full"
    """How segments are ranked: by what they add to those before (full), or once (fast)."""


def _defaults_of(group: type[Options]) -> Any:
    """Return a field whose default is a group's defaults, described by its docstring."""
    return Field(default=group(), description=group.__doc__)


class MethodOptions(PathOptions):
    """Options of the path and of every method."""

    blur_integrated_gradients: BlurOptions = _defaults_of(BlurOptions)
    expected_gradients: ExpectedGradientsOptions = _defaults_of(ExpectedGradientsOptions)
    grad_cam: GradCamOptions = _defaults_of(GradCamOptions)
    grad_cam_plus_plus: GradCamPlusPlusOptions = _defaults_of(GradCamPlusPlusOptions)
    gradients: GradientsOptions = _defaults_of(GradientsOptions)
    guided_integrated_gradients: GuidedOptions = _defaults_of(GuidedOptions)
    hires_cam: HiResCamOptions = _defaults_of(HiResCamOptions)
    integrated_gradients: IntegratedOptions = _defaults_of(IntegratedOptions)
    layer_cam: LayerCamOptions = _defaults_of(LayerCamOptions)
    occlusion: OcclusionOptions = _defaults_of(OcclusionOptions)
    rise: RiseOptions = _defaults_of(RiseOptions)
    smoothgrad: SmoothGradOptions = _defaults_of(SmoothGradOptions)
    xrai: XraiOptions = _defaults_of(XraiOptions)


def layers_of(names: Iterable[str], options: MethodOptions) -> Iterator[tuple[str, str | None]]:
    """Yield the methods that explain the values at a layer, each with its layer."""
    for name in names:
        group = getattr(options, name, None)
        if isinstance(group, LayerOptions):
            yield name, group.layer


def own_options(options: PathOptions, group: type[Group]) -> Group:
    """Return a method's own options: those in `options`, or else the defaults."""
    return next((value for _, value in options if isinstance(value, group)), group())


def with_multiply_by_input(options: Path, name: str, multiply: bool) -> Path:
    """Return a copy of `options` in which the method `name` multiplies by the input, or does not.

    Raises:
        ValueError: The method has no such option, or `multiply` is not a bool.
    """
    if not isinstance(multiply, bool):
        raise ValueError(f"multiply_by_input: must be True or False, not {multiply!r}")
    group = _GROUPS.get(name)
    if group is None:
        raise ValueError(f"multiply_by_input: {name} has no such option; {', '.join(_GROUPS)} do")
    changed = own_options(options, group).model_copy(update={"multiply_by_input": multiply})
    return options.model_copy(update={name: changed})


def _groups_of(kind: type[Group]) -> dict[str, type[Group]]:
    """Return the groups of options of one kind, by method."""
    return {
        name: field.annotation
        for name, field in MethodOptions.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, kind)
    }


COARSE = frozenset(_groups_of(CoarseOptions))
"""Names of the methods with coarse maps."""

_GROUPS = _groups_of(MultiplyOptions)
