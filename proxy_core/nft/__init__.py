"""The language of nf_tables as far as a service proxy needs it: statements, transactions, and a ruleset in memory.

A statement is a value with a text for ``nft -f -``.
"""
