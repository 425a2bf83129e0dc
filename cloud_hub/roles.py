"""Who may do what at the hub: the roles of bearer tokens, in the groups that endpoints name."""

from typing import Final

ADMIN: Final = frozenset({"admin"})
SHOPFRONT: Final = frozenset({"admin", "storefront"})
OFFICE: Final = frozenset({"admin", "auditor"})
ANYONE: Final = frozenset({"admin", "storefront", "auditor"})
GATEWAY: Final = frozenset({"gateway"})
ROLES: Final = ("admin", "storefront", "auditor")
