"""What the server itself writes when it starts, and keeps up while it runs.

``tables/`` says what there is, ``wanted.py`` makes objects of it, ``reconcile.py`` says what becomes of one that is
there already, ``start.py`` writes. ``presence.py``, ``flow_schemas.py`` and ``api_services.py`` go on for as long as
the server runs.
"""
