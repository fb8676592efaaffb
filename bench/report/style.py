"""The style sheet of the report: system fonts, light and dark."""

STYLE = """
:root { color-scheme: light dark;
  --fg: #16202c; --bg: #ffffff; --panel: #f4f6f9; --line: #d7dde5; --dim: #5a6676; --bad: #c02626; }
@media (prefers-color-scheme: dark) {
  :root { --fg: #e3e8ef; --bg: #12161c; --panel: #1b212a; --line: #323b48; --dim: #9aa6b6; --bad: #ff7b7b; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 24px 20px 60px; background: var(--bg); color: var(--fg);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 26px; margin: 0; }
h2 { font-size: 20px; overflow-wrap: anywhere; margin: 44px 0 12px; padding-top: 18px;
  border-top: 1px solid var(--line); }
h3 { font-size: 15px; margin: 26px 0 8px; }
.dim { color: var(--dim); margin: 4px 0; font-size: 13px; }
.bad { color: var(--bad); font-weight: 600; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(160px, 1fr)); gap: 10px; margin: 12px 0; }
.card { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 10px 14px; }
.card span, .card small { display: block; color: var(--dim); font-size: 12.5px; }
.card strong { display: block; font-size: 21px; font-variant-numeric: tabular-nums; white-space: nowrap; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 480px), 1fr)); gap: 12px; }
figure { margin: 12px 0; padding: 12px 14px; background: var(--panel);
  border: 1px solid var(--line); border-radius: 8px; min-width: 0; }
.pair figure { margin: 0; }
figcaption { font-weight: 600; font-size: 14px; margin-bottom: 6px; overflow-wrap: anywhere; }
svg { display: block; width: 100%; height: auto; color: var(--fg); }
svg text { font-family: inherit !important; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 4px 14px 4px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--dim); font-weight: 500; }
th:first-child, td:first-child, .left td { text-align: left; overflow-wrap: anywhere; }
summary { cursor: pointer; margin: 14px 0 6px; color: var(--dim); }
"""
