"""Authorization: who may do what. Modes (RBAC, Node, AlwaysAllow) are asked in order; no mode touches a socket.

::

    Authorizer ── asks in order ──► RBAC   (rbac.py: rules.py, aggregation.py; kept up to date by follow.py)
                                └─► Node   (node.py; graph.py)
    escalation.py  who may write roles and bindings
    messages.py    what a client is told that may not
"""
