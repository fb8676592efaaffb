"""Patches: JSON patch, merge patch, strategic merge patch, and server-side apply with its managed fields.

All work on plain dicts, raise APIError, and leave the live object as it is: what they return shares the parts that did
not change. Nothing here reads a body, applies defaults or validates a result.
"""
