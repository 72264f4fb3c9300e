"""Gateways: where orders go, and what becomes of them."""
