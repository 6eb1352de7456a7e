# SPDX-License-Identifier: GPL-2.0-or-later
"""What an `experiment:` document may say."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from hvlab import units
from hvlab.scenario.fields import (
    TEMPLATE_PATTERN,
    Identifier,
    Meaning,
    Name,
    ScalarValue,
    Shortened,
    Strict,
    Tag,
    refuse,
)
from hvlab.scenario.matrix import Matrix
from hvlab.sim.measures import Percentiles
from hvlab.sim.model.description import ClusterSpec
from hvlab.sim.model.quantities import Share, duration, number

MAX_REPLICATIONS = 10_000
MAX_SAMPLES = 100_000  # of a time series
_S = units.DURATION_UNITS["s"]
_US = units.DURATION_UNITS["us"]
_UNITS = "|".join(units.DURATION_UNITS)
_YEAR = 365 * 24 * units.DURATION_UNITS["h"]

_Duration: Any = duration(_US, _YEAR)
_Warmup: Any = duration(0, _YEAR)
_Half: Any = number(0, above=True)
_Replications: Any = number(1, MAX_REPLICATIONS, whole=True)


def _absolute(value: Any) -> Any:
    """A duration becomes whole ns, a number stays one: a float, so that the two can be told apart."""
    if isinstance(value, str):
        return TypeAdapter(_Duration).validate_python(value)
    return TypeAdapter(_Half).validate_python(value)


Absolute = Annotated[
    int | float,
    BeforeValidator(_absolute),
    WithJsonSchema({"type": ["number", "string"]}),
    Meaning("a number, or a duration, as 5ms"),
]


class Replications(Shortened):
    """How often each cell is simulated, each time with another seed; the same seeds in all cells."""

    shorthand = "least"

    least: _Replications = Field(default=5, description="At least so often.")
    most: _Replications | None = Field(
        default=None,
        description="At most so often, if the precision is not reached before; 30 if not given.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.most is not None and self.most < self.least:
            raise refuse(f"at most {self.most} replications are less than at least {self.least}")
        return self


class Precision(Strict):
    """When there are enough replications: the confidence interval of a measure is narrow. Where both
    bounds are given, one of them will do.
    """

    measure: str = Field(min_length=1, description="Of which measure.")
    relative: Share | None = Field(
        default=None,
        description="Half the interval's width, relative to the mean; 5% if neither is given.",
    )
    absolute: Absolute | None = Field(
        default=None,
        description="Half the interval's width: a duration for a time, else a number.",
    )

    @property
    def bounds(self) -> tuple[float, float]:
        """Relative, and absolute in the measure's unit; 0 for one that counts for nothing."""
        if self.relative is None and self.absolute is None:
            return 0.05, 0.0
        return self.relative or 0.0, float(self.absolute or 0)


class Compare(Strict):
    """Values of a factor that are compared: the first with each of the others, in pairs of replications
    that had the same random numbers.
    """

    factor: str = Field(min_length=1, description="An axis of the matrix.")
    of: list[ScalarValue] = Field(
        max_length=100,
        json_schema_extra={"minItems": 2},
        description="Which of its values; the first is the baseline.",
    )
    measure: str = Field(min_length=1, description="What is compared.")

    @field_validator("of", mode="after")
    @classmethod
    def _several(cls, value: list[Any]) -> list[Any]:
        if len(value) < 2:
            raise refuse(f"'of' names two values at least, and this {len(value)}")
        return value


class Plot(Strict):
    """A figure of the report."""

    kind: Literal["line", "latency", "shares", "series"] = Field(
        default="line",
        description="A measure over a factor, with its intervals; the distribution of response times; where "
        "the vCPUs' time went, over a factor; a measure over simulated time.",
    )
    y: str = Field(
        default="",
        description="Of a line and of a series: the measure. Of shares: the group of VMs; all if not given.",
    )
    x: str = Field(default="", description="Of a line and of shares: the factor along the axis.")
    by: str | list[str] = Field(
        default_factory=list,
        description="A factor, or several: a line for each combination of their values. Of latency and "
        "series also `group`.",
    )
    where: dict[str, ScalarValue] = Field(
        default_factory=dict, description="Only cells with these values of factors."
    )
    title: str = Field(default="", max_length=200, description="Its title.")
    log: Literal["", "x", "y", "xy"] = Field(default="", description="Which axes are logarithmic.")

    @property
    def lines(self) -> tuple[str, ...]:
        """The factors of `by`."""
        return (self.by,) if isinstance(self.by, str) else tuple(self.by)


def _warmup(value: Any) -> Any:
    if isinstance(value, str) and value != "auto" and value.isalpha():
        raise refuse(f"warmup is a duration, as '10s', or 'auto', not '{value}'")
    return value


Warmup = Annotated[
    Literal["auto"] | _Warmup,
    BeforeValidator(_warmup),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": rf"^([0-9]+(\.[0-9]+)? *({_UNITS})|auto|.*{TEMPLATE_PATTERN}.*)$",
        }
    ),
    Meaning("a duration, as 10s, or 'auto'"),
]


class Experiment(ClusterSpec):
    """A cluster that is simulated for each cell of the matrix, several times, and what is measured."""

    model_config = ConfigDict(title="Experiment")

    duration: _Duration = Field(description="Simulated time of each run, warm-up included.")
    warmup: Warmup = Field(
        default=0,
        json_schema_extra={"default": "0s"},
        description="How much of the beginning is not measured. 'auto': by MSER-5 (White 1997) from a "
        "pilot run of each cell.",
    )
    resolution: _Duration | None = Field(
        default=None, description="Of the time series; without it there is none."
    )
    percentiles: Percentiles | None = Field(
        default=None,
        description="What has percentiles of its response times: groups of VMs alone, hosts too, or VMs too. "
        "If not given, what the measures named here need. Hosts and VMs take 1264 bytes each for it.",
    )
    replications: Replications = Field(default_factory=Replications)
    precision: Precision | None = Field(default=None)
    confidence: Share = Field(
        default=0.95,
        json_schema_extra={"default": "95%"},
        description="Of the intervals.",
    )
    measures: list[str] = Field(
        default_factory=list,
        max_length=1000,
        description="What is shown: `ready` of all VMs, `web.response.p99` of a group; of all that there is "
        "for the population, if not given. The results have everything.",
    )
    assert_: list[str] = Field(
        default_factory=list,
        alias="assert",
        max_length=1000,
        description="Expressions over measures that hold in every cell, of the means over its replications.",
    )
    compare: list[Compare] = Field(default_factory=list, max_length=100)
    plots: list[Plot] = Field(default_factory=list, max_length=100)

    @property
    def most(self) -> int:
        """Replications of a cell, at most."""
        if self.precision is None:
            return int(self.replications.least)
        return int(self.replications.most or max(self.replications.least, 30))


class ExperimentFile(Strict):
    """One experiment: a simulated cluster, factors, and what is measured."""

    model_config = ConfigDict(title="hvlab experiment")

    schema_: Literal[1] = Field(alias="schema", description="The version of this language.")
    name: Name = Field(description="The experiment's name.")
    tags: list[Tag] = Field(default_factory=list, description="For those who read it.")
    seed: int | None = Field(
        default=None,
        ge=0,
        le=(1 << 64) - 1,
        description="Of all randomness; by default a hash of the file's name and the experiment's.",
    )
    matrix: Matrix | None = Field(
        default=None, description="Factors: a cell for each combination of their values."
    )
    vars: dict[Identifier, ScalarValue] = Field(
        default_factory=dict, description="Named values: ${NAME} in texts."
    )
    experiment: Experiment
