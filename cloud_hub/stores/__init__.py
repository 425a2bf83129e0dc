"""The stores: their locations and boxes, their links, their journals, quota to and from them."""
