"""Certificates and keys of the server itself: its own authority, made at the first start, and kubeconfigs that use it.

``files.py`` reads and writes, ``issue.py`` makes, ``store.py`` decides what has to be made (again), ``context.py`` is
how TLS uses it, ``kubeconfig.py`` how clients do.
"""
