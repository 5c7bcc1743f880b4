"""What a policy in a Python process may call: ``from kilohertz import log``."""

from _kilohertz.logged import log

__all__ = ["log"]
