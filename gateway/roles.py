"""Who may do what at the gateway: the roles of bearer tokens, in the groups that endpoints name."""

from typing import Final

TILL: Final = frozenset({"cashier", "supervisor", "manager"})
STOCKROOM: Final = frozenset({"supervisor", "manager"})
SERVICE: Final = frozenset({"technician", "manager"})
ANYONE: Final = TILL | {"technician"}
ROLES: Final = ("cashier", "supervisor", "manager", "technician")
