"""What all groups of options share: frozen, strictly typed, no unknown names."""

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """A group of options for one concern, validated once and passed whole.

    Types are strict: `steps: true` and `steps: '50'` are errors.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)
