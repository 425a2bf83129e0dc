"""What the website may offer of one SKU at one location.

Safety stock is a floor for the website only: walk-ins can buy the last units. While the location
is heard, it can be asked to lend what it has above the floor; while it is not, the hub can promise
only what it holds itself, and never more than was last heard above the floor.
"""


def available_online(
    *, available: int, safety_stock: int, quota_online: int, connected: bool
) -> int:
    """Base units that may be offered online, at least 0.

    Args:
        available: units sellable at the location over all holders, as last heard.
        safety_stock: the floor, for this SKU at this location.
        quota_online: units that the hub may sell there without asking.
        connected: whether the location is heard now.
    """
    above_floor = max(0, available - safety_stock)
    return above_floor if connected else min(max(0, quota_online), above_floor)
