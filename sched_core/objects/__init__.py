"""Kubernetes objects: from JSON or YAML to checked, typed records.

``load`` reads files, ``load_documents`` what is in memory already; ``records`` has the types. Nothing here knows how
the scheduler lays its columns out.
"""
