"""The build of the kernel; everything else about the package is in pyproject.toml."""

import os
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))  # Such builds have no stable ABI yet.
STABLE_ABI = None if FREE_THREADED else "cp311"
OPTIONS = (
    *("-std=c11", "-O3", "-g0", "-fvisibility=hidden"),
    *("-fno-fast-math", "-ffp-contract=off", "-fno-math-errno"),  # Whatever CFLAGS has.
    *("-Wall", "-Wextra", "-Werror=implicit-function-declaration"),
)
SANITIZERS = "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"


class BuildKernel(build_ext):
    """``build_ext`` that knows the compiler's options; no option may change the result of an operation."""

    def build_extension(self, ext: Extension) -> None:
        """Compile with the options that suit the compiler."""
        if self.compiler.compiler_type == "msvc":
            ext.extra_compile_args = ["/O2", "/std:c11", "/fp:precise"]
        else:
            ext.extra_compile_args = [*OPTIONS]
            # Or loading the kernel would change how all of the process computes.
            ext.extra_link_args = ["-fno-fast-math"]
        if os.environ.get("UNIFINIT_SANITIZE") == "1":  # For the project's own tests.
            ext.extra_compile_args += ["-g", *SANITIZERS]
            ext.extra_link_args += SANITIZERS
        # What an earlier build left must not outlive a build that fails; but a wheel leaves an editable
        # installation alone.
        folder = "unifinit/host" if self.inplace or self.editable_mode else f"{self.build_lib}/unifinit/host"
        for left in Path(folder).glob("_kernel.*"):
            left.unlink()
        super().build_extension(ext)


setup(
    ext_modules=[
        Extension(
            "unifinit.host._kernel",
            sources=[str(path) for path in sorted(Path("kernel").glob("*.c"))],
            depends=[str(path) for path in sorted(Path("kernel").glob("*.h"))],
            define_macros=[] if STABLE_ABI is None else [("Py_LIMITED_API", "0x030B0000")],
            py_limited_api=STABLE_ABI is not None,
            # Without a compiler the package installs all the same, and is slower.
            optional=os.environ.get("UNIFINIT_REQUIRE_KERNEL") != "1",
        )
    ],
    cmdclass={"build_ext": BuildKernel},
    options={} if STABLE_ABI is None else {"bdist_wheel": {"py_limited_api": STABLE_ABI}},
)
