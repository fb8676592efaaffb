"""HTTP/1.1 over TLS: the only part that knows sockets. Parsing and framing are uvicorn's and httptools'."""
