# SPDX-License-Identifier: GPL-2.0-or-later
"""Every exception that hvlab raises on purpose.

Three kinds of trouble are kept apart. What the guest did is a stop reason and becomes an exception only
where the caller asked for something else (`console.expect`). What the host did carries the operation and
the errno. What is a bug of ours is neither: it is an assertion in the core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hvlab._core import Stop


class HvlabError(Exception):
    """Base of all of them: `except HvlabError` catches what hvlab reports and nothing else."""


class ScenarioError(HvlabError):
    """A scenario document is wrong, at a place.

    Attributes:
        file, line, column: where; line and column count from 1, columns in characters.
        path: the place inside the document, as in `steps[2].expect.within`; empty if unknown.
    """

    def __init__(
        self, message: str, file: str = "", line: int = 0, column: int = 0, path: str = ""
    ) -> None:
        self.message = message
        self.file = file
        self.line = line
        self.column = column
        self.path = path
        where = f"{file}:{line}:{column}: " if line else (f"{file}: " if file else "")
        super().__init__(f"{where}error: {message}")

    def __reduce__(self) -> tuple[type[ScenarioError], tuple[str, str, int, int, str]]:
        return type(self), (self.message, self.file, self.line, self.column, self.path)


class BackendError(HvlabError):
    """The backend could not do what it was told, because of the host.

    Attributes:
        backend: its name; operation: what was tried; errno: the host's error number, 0 if none.
    """

    def __init__(
        self, message: str, backend: str = "", operation: str = "", errno: int = 0
    ) -> None:
        self.backend = backend
        self.operation = operation
        self.errno = errno
        super().__init__(message)


class BackendUnavailable(BackendError):
    """The backend is not there on this host, or was not built in."""


class HostError(HvlabError):
    """A file or another resource of the host failed.

    Attributes:
        operation: what was tried, with its object; errno: the host's error number.
    """

    def __init__(self, message: str, operation: str = "", errno: int = 0) -> None:
        self.operation = operation
        self.errno = errno
        super().__init__(message)


class ReportError(HvlabError):
    """A saved run or a file with the results of one cannot be used.

    Attributes:
        path: the file, or the name that was asked for.
        field: the part of it that is wrong, as in `cases[2].wall`; empty if it is all of it.
    """

    def __init__(self, message: str, path: str = "", field: str = "") -> None:
        self.path = path
        self.field = field
        super().__init__(message)


class BootError(HvlabError):
    """An image cannot be booted.

    Attributes:
        path: the file; field: the part of the image or of the request that is wrong.
    """

    def __init__(self, message: str, path: str = "", field: str = "") -> None:
        self.path = path
        self.field = field
        super().__init__(message)


class MachineConfigError(HvlabError):
    """A machine was described wrongly.

    Attributes:
        field: the argument that is wrong.
    """

    def __init__(self, message: str, field: str = "") -> None:
        self.field = field
        super().__init__(message)


class SimulationError(HvlabError, ValueError):
    """A simulated cluster, or how it is to be run, was described wrongly; or a policy, a workload or a
    worker of the simulator failed.

    Attributes:
        field: the part of the description that is wrong, as in `vms[2].weight`; empty if it is none.
    """

    def __init__(self, message: str, field: str = "") -> None:
        self.field = field
        super().__init__(message)


class MachineClosed(HvlabError):
    """The machine or host was closed; nothing can be done with it any more."""


class MachineBusy(HvlabError):
    """Another thread is running this machine; only `interrupt` may be called meanwhile."""


class DeviceError(HvlabError):
    """A device could not do what was asked of it; if it is written in Python, `__cause__` says why.

    Attributes:
        device: its name; offset: the register's offset within the device, -1 if none.
    """

    def __init__(self, message: str, device: str = "", offset: int = -1) -> None:
        self.device = device
        self.offset = offset
        super().__init__(message)


class PatternError(HvlabError, ValueError):
    """A console pattern that cannot be used: empty, or not a regular expression of RE2."""


class FixtureError(HvlabError):
    """A fixture guest is unknown, was not fetched, or could not be fetched."""


class PluginError(HvlabError):
    """An installed plugin of hvlab is broken, or there is none of that name.

    Attributes:
        plugin: the distribution that brings it, with its version; group, name: of its entry point.
    """

    def __init__(self, message: str, plugin: str = "", group: str = "", name: str = "") -> None:
        self.plugin = plugin
        self.group = group
        self.name = name
        super().__init__(message)


class ExpectationFailed(HvlabError, AssertionError):
    """Something that a test or a scenario expected did not happen."""


class GuestError(HvlabError):
    """The guest did something else than it was asked to.

    Attributes:
        stop: the full stop, if the run ended in one; vcpu: index; rip: where; exit: the stop's reason.
    """

    def __init__(
        self,
        message: str,
        stop: Stop | None = None,
        vcpu: int = 0,
        rip: int = 0,
        exit: str = "",
    ) -> None:
        self.stop = stop
        self.vcpu = vcpu
        self.rip = rip
        self.exit = exit
        super().__init__(message)


class RingError(GuestError):
    """A micro-guest wrote nonsense into a ring: indices or a length that cannot be."""


class GuestTimeout(GuestError, ExpectationFailed):
    """The deadline came before what was waited for."""


class GuestStopped(GuestError, ExpectationFailed):
    """The guest stopped before what was waited for happened."""


class TripleFault(GuestStopped):
    """The guest faulted while it delivered a double fault, and the machine shut down."""
