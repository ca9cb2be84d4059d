# SPDX-License-Identifier: MIT
"""pip install . : the Python package with libmpgreen.so inside, both built by configure and make."""
import os
import re
import shutil
import subprocess
import sys

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

HERE = os.path.dirname(os.path.abspath(__file__))

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:
    from wheel.bdist_wheel import bdist_wheel


def read(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return file.read()


def entry_points():
    group, name = re.search(r"\[(.*)\]\n(.*)", read("python/entry_points.txt")).groups()
    return {group: [name]}


class Build(build_py):
    def run(self):
        super().run()
        build = os.path.join(os.path.abspath(self.build_lib), "..", "libmpgreen")
        os.makedirs(build, exist_ok=True)
        if not os.path.exists(os.path.join(HERE, "configure")):
            subprocess.check_call(["autoreconf", "-fi"], cwd=HERE)
        subprocess.check_call([os.path.join(HERE, "configure"), "--disable-dependency-tracking",
                               "PYTHON=" + sys.executable], cwd=build)
        subprocess.check_call(["make", "-j%d" % (os.cpu_count() or 1)], cwd=build)
        package = os.path.join(self.build_lib, "mpgreen")
        for built in ".libs/libmpgreen.so", "python/mpgreen/_gevent.abi3.so":
            shutil.copy(os.path.realpath(os.path.join(build, built)),
                        os.path.join(package, os.path.basename(built)))


class Wheel(bdist_wheel):
    """One wheel for every CPython from 3.8 on, as the extension keeps to the stable ABI."""

    def get_tag(self):
        _, _, platform = super().get_tag()
        return "cp38", "abi3", platform


class WithBinaries(Distribution):
    def has_ext_modules(self):
        return True


setup(
    name="mpgreen",
    version=re.search(r"AC_INIT\(\[libmpgreen\], \[(.*)\]\)", read("configure.ac")).group(1),
    description="Blocking calls of unmodified C code, made cooperative under gevent",
    license="MIT",
    python_requires=">=3.8",
    package_dir={"": "python"},
    packages=["mpgreen"],
    entry_points=entry_points(),
    cmdclass={"build_py": Build, "bdist_wheel": Wheel},
    distclass=WithBinaries,
    zip_safe=False,
)
