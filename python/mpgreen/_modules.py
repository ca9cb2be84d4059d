# SPDX-License-Identifier: MIT
"""Runs a function on a module when it is imported, without importing it."""
import importlib.abc
import importlib.machinery
import sys

_wanted = {}


def when_imported(name, function):
    if name in sys.modules:
        function(sys.modules[name])
        return
    if not _wanted:
        sys.meta_path.insert(0, _Finder())
    _wanted.setdefault(name, []).append(function)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        functions = _wanted.pop(name, None)
        if functions is None:
            return None
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target) if finder is not self else None
            if spec is not None:
                spec.loader = _Loader(spec.loader, functions)
                return spec
        _wanted[name] = functions
        return None


class _Loader(importlib.abc.Loader):
    def __init__(self, loader, functions):
        self._loader = loader
        self._functions = functions

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        for function in self._functions:
            function(module)
