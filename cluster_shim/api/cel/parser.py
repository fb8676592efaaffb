"""Parser: from the text of an expression to its syntax tree, by recursive descent.

Faults are reported as the parser that upstream generates from its grammar does: a superfluous token is skipped, a
missing one is supplied, and what cannot be mended ends the parse. Upstream: cel-go/parser/parser.go.
"""

from __future__ import annotations

from cluster_shim.api.cel import lexer, macros
from cluster_shim.api.cel.errors import CompileError, Issue
from cluster_shim.api.cel.lexer import Token
from cluster_shim.api.cel.syntax import Call, Ident, ListNode, Literal, MapNode, Node, Select
from cluster_shim.api.cel.types import BOOL, BYTES, DOUBLE, INT, NULL, STRING, UINT
from cluster_shim.api.cel.values import Uint

MAX_DEPTH = 40
"""How deep parentheses and the like may be nested: upstream allows more, Python's stack does not."""
MAX_LENGTH = 100_000

_PRIMARY = ("[", "{", "(", ".", "-", "!", "true", "false", "null")
_LITERALS = (lexer.FLOAT, lexer.INT, lexer.UINT, lexer.STRING, lexer.BYTES, lexer.IDENT)
_STARTS = frozenset(_PRIMARY + _LITERALS)
_RELATIONS = frozenset(("<", "<=", ">", ">=", "==", "!=", "in"))
_RESERVED = frozenset(
    (
        *("as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package"),
        *("namespace", "return", "var", "void", "while"),
    )
)


class _Stop(Exception):
    """A fault that ends the parse."""


def parse(source: str) -> Node:
    """Return the tree of an expression. Raises CompileError."""
    if len(source) > MAX_LENGTH:
        text = f"expression code point size exceeds limit: size: {len(source)}, limit {MAX_LENGTH}"
        raise CompileError(source, [Issue(0, text)])
    tokens, issues = lexer.tokens(source)
    parser = _Parser(tokens, issues)
    try:
        node = parser.start()
    except _Stop:
        node = None
    except macros.MacroError as error:
        parser.issues.append(error.issue)
        node = None
    if parser.issues or node is None:
        raise CompileError(source, sorted(parser.issues, key=lambda each: each.offset))
    return node


def _expecting(optional: bool = False, closing: str = "") -> str:
    symbols = ["[", "{", *([closing] if closing else []), "(", ".", "-", "!"]
    if closing == ")":
        symbols = ["[", "{", "(", ")", ".", "-", "!"]
    names = [f"'{each}'" for each in symbols]
    if optional:
        names.append("'\\u003F'")
    return ", ".join([*names, "'true'", "'false'", "'null'", *_LITERALS])


def _balanced(name: str, terms: list[Node], offsets: list[int]) -> Node:
    """Return a tree of few levels, so that hundreds of terms are no deep recursion."""
    if len(terms) == 1:
        return terms[0]
    middle = (len(terms) + 1) // 2
    left = _balanced(name, terms[:middle], offsets[: middle - 1])
    right = _balanced(name, terms[middle:], offsets[middle:])
    return Call(offsets[middle - 1], name, [left, right])


class _Parser:
    def __init__(self, tokens: list[Token], issues: list[Issue]) -> None:
        self.tokens = tokens
        self.issues = issues
        self.position = 0
        self.depth = 0
        self.open = 0

    # ------------------------------------------------------------------ tokens

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    def _peek(self) -> Token:
        return self.tokens[min(self.position + 1, len(self.tokens) - 1)]

    def _take(self) -> Token:
        token = self.token
        if token.kind != lexer.EOF:
            self.position += 1
        return token

    def _accept(self, kind: str) -> Token | None:
        return self._take() if self.token.kind == kind else None

    def _report(self, text: str, offset: int | None = None) -> None:
        self.issues.append(Issue(self.token.offset if offset is None else offset, text))

    def _expect(self, kind: str, expecting: str = "") -> Token:
        found = self._accept(kind)
        if found is not None:
            return found
        wanted = expecting or (kind if kind == lexer.EOF else f"'{kind}'")
        if self._peek().kind == kind and self.token.kind != lexer.EOF:
            self._report(f"Syntax error: extraneous input '{self.token.text}' expecting {wanted}")
            self._take()
            return self._take()
        if self.token.kind == lexer.EOF and self.open == 1 and kind in (")", "]") and not expecting:
            self._report(f"Syntax error: missing '{kind}' at '<EOF>'")
            return self.token
        self._report(f"Syntax error: mismatched input '{self.token.text}' expecting {wanted}")
        raise _Stop

    # ------------------------------------------------------------------ expressions

    def start(self) -> Node:
        node = self.expression()
        self._expect(lexer.EOF)
        return node

    def expression(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self._report(f"expression recursion limit exceeded: {MAX_DEPTH}")
            raise _Stop
        node = self._disjunction()
        question = self._accept("?")
        if question is not None:
            yes = self._disjunction()
            self._expect(":")
            no = self.expression()
            node = Call(question.offset, "_?_:_", [node, yes, no])
        self.depth -= 1
        return node

    def _disjunction(self) -> Node:
        terms, offsets = [self._conjunction()], []
        while (operator := self._accept("||")) is not None:
            offsets.append(operator.offset)
            terms.append(self._conjunction())
        return _balanced("_||_", terms, offsets)

    def _conjunction(self) -> Node:
        terms, offsets = [self._relation()], []
        while (operator := self._accept("&&")) is not None:
            offsets.append(operator.offset)
            terms.append(self._relation())
        return _balanced("_&&_", terms, offsets)

    def _relation(self) -> Node:
        node = self._sum()
        while self.token.kind in _RELATIONS:
            operator = self._take()
            name = "@in" if operator.kind == "in" else f"_{operator.kind}_"
            node = Call(operator.offset, name, [node, self._sum()])
        return node

    def _sum(self) -> Node:
        node = self._product()
        while self.token.kind in ("+", "-"):
            operator = self._take()
            node = Call(operator.offset, f"_{operator.kind}_", [node, self._product()])
        return node

    def _product(self) -> Node:
        node = self._unary()
        while self.token.kind in ("*", "/", "%"):
            operator = self._take()
            node = Call(operator.offset, f"_{operator.kind}_", [node, self._unary()])
        return node

    def _unary(self) -> Node:
        operator = self.token
        if operator.kind not in ("!", "-"):
            return self._member()
        if operator.kind == "-" and self._peek().kind in (lexer.INT, lexer.FLOAT):
            return self._member()
        count = 0
        while self._accept(operator.kind) is not None:
            count += 1
        operand = self._unary() if self.token.kind in ("!", "-") else self._member()
        if count % 2 == 0:
            return operand
        return Call(operator.offset, "!_" if operator.kind == "!" else "-_", [operand])

    def _member(self) -> Node:
        node = self._primary()
        while True:
            if self.token.kind == ".":
                node = self._selection(node)
            elif self.token.kind == "[":
                bracket = self._take()
                self.open += 1
                optional = self._accept("?") is not None
                index = self.expression() if optional else self._element(_expecting(optional=True))
                self._expect("]")
                self.open -= 1
                node = Call(bracket.offset, "_[?_]" if optional else "_[_]", [node, index])
            else:
                return node

    def _selection(self, operand: Node) -> Node:
        dot = self._take()
        optional = self._accept("?") is not None
        if self.token.kind not in (lexer.IDENT, lexer.ESCAPED, "in"):
            self._report(f"Syntax error: no viable alternative at input '.{self._shown()}'")
            raise _Stop
        name = self._take()
        text = name.text[1:-1] if name.kind == lexer.ESCAPED else name.text
        if optional or self.token.kind != "(" or name.kind == lexer.ESCAPED:
            return Select(dot.offset, operand, text, is_optional=optional)
        bracket = self._take()
        return macros.expand(bracket.offset, text, operand, self._arguments())

    def _shown(self) -> str:
        return "" if self.token.kind == lexer.EOF else self.token.text

    def _arguments(self) -> list[Node]:
        self.open += 1
        args: list[Node] = []
        if self.token.kind != ")":
            args.append(self._element(_expecting(closing=")")))
            while self._accept(",") is not None:
                args.append(self.expression())
        self._expect(")")
        self.open -= 1
        return args

    def _element(self, expecting: str) -> Node:
        """Parse an expression in a place where the message about a missing one lists more."""
        if self.token.kind == lexer.EOF:
            self._report(f"Syntax error: mismatched input '<EOF>' expecting {{{expecting}}}")
            raise _Stop
        return self.expression()

    # ------------------------------------------------------------------ primaries

    def _primary(self) -> Node:
        if self.token.kind not in _STARTS:
            if self._peek().kind in _STARTS and self.token.kind != lexer.EOF:
                self._report(f"Syntax error: extraneous input '{self.token.text}' expecting {{{_expecting()}}}")
                self._take()
            else:
                self._report(f"Syntax error: mismatched input '{self.token.text}' expecting {{{_expecting()}}}")
                raise _Stop
        kind = self.token.kind
        if kind == "(":
            self._take()
            self.open += 1
            node = self.expression()
            self._expect(")")
            self.open -= 1
            return node
        if kind == "[":
            return self._list()
        if kind == "{":
            return self._map(self._take(), "")
        if kind in (".", lexer.IDENT):
            return self._name()
        return self._literal()

    def _name(self) -> Node:
        dot = self._accept(".")
        if dot is not None and self.token.kind != lexer.IDENT:
            self._report(f"Syntax error: no viable alternative at input '.{self._shown()}'")
            raise _Stop
        token = self._take()
        prefix = "." if dot is not None else ""
        if token.text in _RESERVED:
            self._report(f"reserved identifier: {token.text}", token.offset)
        if self.token.kind == "(":
            bracket = self._take()
            return macros.expand(bracket.offset, prefix + token.text, None, self._arguments())
        return self._object_or(Ident((dot or token).offset, prefix + token.text), token)

    def _object_or(self, node: Node, first: Token) -> Node:
        """Look ahead for ``a.b.C{…}``: names that are followed by a brace make an object."""
        ahead = self.position
        name = first.text
        while self.tokens[ahead].kind == "." and self.tokens[ahead + 1].kind == lexer.IDENT:
            name += f".{self.tokens[ahead + 1].text}"
            ahead += 2
        if self.tokens[ahead].kind != "{":
            return node
        self.position = ahead
        return self._map(self._take(), name)

    def _list(self) -> Node:
        bracket = self._take()
        self.open += 1
        elements: list[Node] = []
        optional: set[int] = set()
        while self.token.kind != "]":
            if self._accept("?") is not None:
                optional.add(len(elements))
            elements.append(self.expression())
            if self._accept(",") is None:
                break
        self._expect("]", "{']', ','}")
        self.open -= 1
        return ListNode(bracket.offset, elements, optional)

    def _map(self, brace: Token, type_name: str) -> Node:
        self.open += 1
        entries: list[tuple[Node, Node]] = []
        optional: set[int] = set()
        if self.token.kind == lexer.EOF:
            wanted = _expecting(optional=True, closing="}").replace("'.', ", "'.', ',', ")
            if type_name:
                wanted = "'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER"
            self._report(f"Syntax error: mismatched input '<EOF>' expecting {{{wanted}}}")
            raise _Stop
        while self.token.kind != "}":
            if self._accept("?") is not None:
                optional.add(len(entries))
            key = self._field_name() if type_name else self.expression()
            colon = self._expect(":")
            value = self.expression()
            key.offset = colon.offset if type_name else key.offset
            entries.append((key, value))
            if self._accept(",") is None:
                break
        self._expect("}", "{'}', ','}")
        self.open -= 1
        return MapNode(brace.offset, entries, optional, type_name)

    def _field_name(self) -> Node:
        if self.token.kind not in (lexer.IDENT, lexer.ESCAPED):
            self._report(f"Syntax error: mismatched input '{self.token.text}' expecting {{'}}', ',', IDENTIFIER}}")
            raise _Stop
        token = self._take()
        text = token.text[1:-1] if token.kind == lexer.ESCAPED else token.text
        return Literal(token.offset, text, STRING)

    def _literal(self) -> Node:
        sign = self._accept("-")
        token = self._take()
        offset = (sign or token).offset
        text = ("-" if sign else "") + token.text
        if token.kind == lexer.INT:
            return self._integer(offset, text)
        if token.kind == lexer.UINT:
            value = _number(text[:-1])
            if value >= 1 << 64:
                self._report("invalid uint literal", offset)
            return Literal(offset, Uint(value), UINT)
        if token.kind == lexer.FLOAT:
            number = float(text)
            if number in (float("inf"), float("-inf")):
                self._report("invalid double literal", offset)
            return Literal(offset, number, DOUBLE)
        if token.kind in (lexer.STRING, lexer.BYTES):
            return self._text(token)
        return _CONSTANTS[token.kind](offset)

    def _integer(self, offset: int, text: str) -> Node:
        value = _number(text)
        if not -(1 << 63) <= value < 1 << 63:
            self._report("invalid int literal", offset)
        return Literal(offset, value, INT)

    def _text(self, token: Token) -> Node:
        as_bytes = token.kind == lexer.BYTES
        try:
            value = lexer.unquoted(token.text, as_bytes)
        except ValueError as error:
            self._report(str(error), token.offset)
            value = ""
        return Literal(token.offset, value, BYTES if as_bytes else STRING)


def _number(text: str) -> int:
    """Return what a literal says; more digits than Python reads are as wrong as any number that is too large."""
    try:
        return int(text, 16 if "0x" in text else 10)
    except ValueError:
        return 1 << 64


_CONSTANTS = {
    "true": lambda offset: Literal(offset, True, BOOL),
    "false": lambda offset: Literal(offset, False, BOOL),
    "null": lambda offset: Literal(offset, None, NULL),
}
