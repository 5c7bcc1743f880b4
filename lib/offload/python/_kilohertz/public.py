"""The module `kilohertz` of a policy's process: ``from kilohertz import log, StateHistory``."""

import importlib.util
import sys

from .logged import log
from .state import StateHistory


class Finder:
    """Finds `kilohertz` where Python has found no module of this name: one of the user's is the user's."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        return importlib.util.spec_from_loader(name, Finder) if name == "kilohertz" else None

    @staticmethod
    def create_module(spec):
        return None

    @staticmethod
    def exec_module(module):
        module.__all__ = ["StateHistory", "log"]
        module.log = log
        module.StateHistory = StateHistory


def offer():
    """From now on `kilohertz` can be imported."""
    sys.meta_path.append(Finder)
