"""Starts what runs in a Python child: the package _kilohertz beside this file."""

import os
import sys

if __name__ == "__main__":
    # This folder is searched for the package alone: nothing in it stands for what a user's module imports. Nor is
    # anything written into it, because it may be that of an installed package.
    here = os.path.dirname(os.path.realpath(__file__))
    path = [folder for folder in sys.path if os.path.realpath(folder) != here]
    writes = sys.dont_write_bytecode
    sys.path[:], sys.dont_write_bytecode = [here] + path, True
    from _kilohertz.process import main

    sys.path[:], sys.dont_write_bytecode = path, writes
    main()
