"""The other end of the cable: simulators that speak the real bytes, with faults on command.

Each is used in two ways: inside a test's process, as a context manager, and as a program of its
own (`python -m devices.sim.printer --help`). Nothing of the product imports them.
"""
