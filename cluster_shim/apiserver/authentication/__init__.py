"""Authentication: who asks.

::

    Authenticator ── in this order ──► certificates.py      client certificate
                                   ├─► bearer.py            token, in a header or a websocket subprotocol
                                   │     ├─ token_file.py
                                   │     ├─ secret_tokens.py, service_accounts.py  (jwt.py: keys, signatures)
                                   │     └─ bootstrap_tokens.py
                                   └─► anonymous
    openid.py  what others need to verify tokens of service accounts
    users.py   names of users and groups that mean something
"""
