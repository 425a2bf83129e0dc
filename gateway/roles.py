"""Who may do what at the gateway: the roles of bearer tokens, in the groups that endpoints name."""

from typing import Final

TILL: Final = frozenset({"cashier", "supervisor", "manager"})
STOCKROOM: Final = frozenset({"supervisor", "manager"})
SERVICE: Final = frozenset({"technician", "manager"})
ANYONE: Final = TILL | {"technician"}
WRITTEN_OFF: Final = "written-off"
"""What the tokens of a register become that was written off (`gateway.lives.tokens`)."""
HANDING_OVER: Final = TILL | {WRITTEN_OFF}
"""Also a register that is found after all brings what it sold, and is told that it is over."""
ROLES: Final = ("cashier", "supervisor", "manager", "technician")
