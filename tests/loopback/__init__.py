"""Stand-ins for the real sites, on the loopback interface only."""

from tests.loopback.server import Answer, Ask, Routes, Site, as_json

__all__ = ["Answer", "Ask", "Routes", "Site", "as_json"]
