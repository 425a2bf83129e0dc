"""What stands on the counter: bytes in, scans out; receipts in, bytes out.

Each device is a pure half (framing, encoding, parsing; eats bytes cut anywhere, bounded, never
raises on input) and a thin driver that owns a port and its backoff. `devices.sim` speaks the same
bytes from the other end. The package knows nothing of sales, stock or HTTP and imports none of
the other packages of this project. Start with `devices/README.md`.
"""
