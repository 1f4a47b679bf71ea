"""The command line: ``unifinit compare``, ``describe``, ``probe``, ``init``, ``verify`` and others."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

from unifinit.cli.arguments import make_parser
from unifinit.cli.commands import COMMANDS, run_version
from unifinit.cli.jobs import one_line
from unifinit.cli.parsing import UsageError
from unifinit.errors import UnifinitError

__all__ = ["main"]

WRONG_ARGUMENTS = 2
INTERRUPTED = 130
BROKEN_PIPE = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv
        The arguments; by default those of this process.

    Returns
    -------
    int
        The exit status: 0 if all is well, 1 if a comparison found a difference, 2 for wrong arguments
        and for files that cannot be read or written.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal or a pipe that lacks a character of a name is no reason to fail.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        arguments = make_parser().parse_args(argv)
        if arguments.version:
            return run_version(arguments)
        if arguments.command is None:
            raise UsageError(f"no command; wanted one of {', '.join(COMMANDS)} (see unifinit --help)")
        status = COMMANDS[arguments.command](arguments)
        sys.stdout.flush()
    except UnifinitError as error:
        print(f"unifinit: {one_line(error, 2000)}", file=sys.stderr)
        return WRONG_ARGUMENTS
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough; nothing may be flushed to it at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except MemoryError as error:
        print(f"unifinit: there is not enough memory: {one_line(error, 2000)}", file=sys.stderr)
        return WRONG_ARGUMENTS
    except OSError as error:
        told = one_line(error, 2000).replace("overwrite=True", "--overwrite")  # As it is said here.
        print(f"unifinit: {told}", file=sys.stderr)
        return WRONG_ARGUMENTS
    return status
