# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line. Nothing heavy is imported until a command runs: `hvlab --help` has to be
quick.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

OK = 0
FAILED = 1
INTERRUPTED = 2
INTERNAL = 3
USAGE = 4
NOTHING_RAN = 5
_BROKEN_PIPE = 128 + 13  # as a shell reports SIGPIPE


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code; a bug of ours is 3 and never a bare
    traceback.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        from hvlab.cli import streams
        from hvlab.cli.app import invoke

        streams.prepare()
        code = invoke(given)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        return _BROKEN_PIPE
    except Exception as error:  # noqa: BLE001 - the last resort, and it is reported
        from hvlab.cli.failure import report

        return report(error, debug="--debug" in given)
