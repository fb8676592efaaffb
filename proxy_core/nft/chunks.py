"""chunks: a large transaction as several that follow each other, with nothing half installed in between.

In one transaction the kernel walks all that is in it again for each anonymous set (`nft_set_trans_bind`): 10,000
services take it three times as long at once as in pieces of 200. What may go ahead is said by who writes the
transaction (`Transaction.add_ahead`); all the rest comes last, and at once. Pure.
"""

from __future__ import annotations

from proxy_core.nft.transaction import AddTable, Command, Transaction

LARGE = 10_000
"""Commands up to which a transaction stays whole."""
SIZE = 1_000
"""Commands of a piece, if not one group alone has more."""


def chunks(transaction: Transaction, large: int = LARGE, size: int = SIZE) -> list[Transaction]:
    """Return transactions that do the same one after the other: what may go ahead in pieces, then all the rest.

    If one is refused, what goes ahead has changed nothing that packets could notice, and the rest nothing at all.
    """
    if len(transaction) <= large or not transaction.ahead:
        return [transaction]
    table = [command for command in transaction.commands if isinstance(command, AddTable)]
    pieces: list[list[Command]] = [[*table]]
    rest: list[Command] = []
    at = 0
    for start, end in transaction.ahead:
        rest += transaction.commands[at:start]
        if len(pieces[-1]) + end - start > size:
            pieces.append([])
        pieces[-1] += transaction.commands[start:end]
        at = end
    rest += transaction.commands[at:]
    return [_of(transaction, commands) for commands in (*pieces, rest) if commands]


def _of(transaction: Transaction, commands: list[Command]) -> Transaction:
    made = Transaction(transaction.family, transaction.table)
    made.commands = commands
    return made
