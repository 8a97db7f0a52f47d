"""How the page looks, in light and dark: in colours that people who do not see red and green tell apart, too."""

from typing import Final

from sparring.vision import COLOURS, Colour


def _hex(colour: Colour) -> str:
    return "#" + bytes(colour).hex()


STYLE: Final = """
:root { color-scheme: light dark; --a: A_COLOUR; --b: B_COLOUR; --dark: #101216; --paper: #fbfbf9; --ink: #1b1d21;
  --dim: #62666e; --line: #dcdcd8; --card: #fff; --field: #e9e9e5 }
@media (prefers-color-scheme: dark) { :root { --paper: #15171b; --ink: #e6e6e2; --dim: #9a9ea6; --line: #33363d;
  --card: #1d2025; --field: #2a2d33 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, sans-serif }
header, main { max-width: 1360px; margin: 0 auto; padding: 0 24px }
header { padding-top: 24px }
h1 { font-size: 26px; margin: 0 0 8px; overflow-wrap: anywhere }
h1 small { color: var(--dim); font-weight: normal; font-size: 18px }
h2 { font-size: 17px; margin: 28px 0 8px }
h3 { font-size: 15px; margin: 0; overflow-wrap: anywhere }
p { margin: 0 0 4px } header p { color: var(--dim); overflow-wrap: anywhere }
.key { display: inline-block; min-width: 14px; padding: 0 7px; border-radius: 4px; color: var(--dark); font-weight: 600;
  line-height: 1.35 }
.choices .key { height: 14px; padding: 0; vertical-align: -2px }
.key.a { background: var(--a) } .key.b { background: var(--b) }
.totals { columns: 2 460px; column-gap: 32px }
.totals section { break-inside: avoid; overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: 3px 14px 3px 0; border-bottom: 1px solid var(--line); vertical-align: top }
td { overflow-wrap: anywhere } th { font-weight: 600; color: var(--dim) } .number { text-align: right }
td.number { white-space: nowrap }
.choices { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: 6px 20px; align-items: center;
  border: 0; border-bottom: 1px solid var(--line); margin: 0; padding: 10px 0; background: var(--paper) }
.legend { color: var(--dim) }
.line { display: inline-block; width: 28px; margin-left: 12px; vertical-align: 4px; border-top: 3px solid var(--dim) }
.line.lone { border-top-style: dashed }
article { display: grid; grid-template-columns: minmax(0, 900px) minmax(240px, 1fr); gap: 20px; margin: 18px 0;
  padding: 14px; background: var(--card); border: 1px solid var(--line); border-radius: 8px }
@media (max-width: 900px) { article { grid-template-columns: minmax(0, 1fr) } }
figure { margin: 0 }
svg { display: block; width: 100%; height: auto; border-radius: 4px; outline: 1px solid var(--line) }
.missing { color: var(--dim); margin-top: 6px }
.change { margin: 6px 0 10px } .change b { font-size: 22px; margin-right: 6px }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 2px 12px; margin: 0 0 8px }
dt { color: var(--dim) } dd { margin: 0; overflow-wrap: anywhere }
summary { cursor: pointer; color: var(--dim) }
.field { fill: var(--field) }
svg g > rect { fill: none; stroke-width: 2.5; vector-effect: non-scaling-stroke }
svg g > rect.halo { stroke: var(--dark); stroke-width: 5; stroke-opacity: .65 }
svg g.a > rect:not(.halo) { stroke: var(--a) } svg g.b > rect:not(.halo) { stroke: var(--b) }
svg g.lone > rect { stroke-dasharray: 9 6 }
svg g.a:hover > rect, svg g.b:hover > rect { fill: #fff3; stroke-width: 4 }
svg g.label { pointer-events: none }
svg g.label > rect:not(.halo) { stroke: none; fill: #e6e6e2 } svg g.label.a > rect:not(.halo) { fill: var(--a) }
svg g.label.b > rect:not(.halo) { fill: var(--b) }
svg text { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: var(--dark) }
svg .narrow { display: none }
@media (max-width: 600px) { svg .wide { display: none } svg .narrow { display: inline }
  svg g > rect { stroke-width: 1.5 } svg g > rect.halo { stroke-width: 3 } svg g.lone > rect { stroke-dasharray: 5 3 } }
body:has(#only-a:checked) svg .b, body:has(#only-b:checked) svg .a, body:has(#labels:not(:checked)) svg .label
  { display: none }
@media print { .choices { display: none } article { break-inside: avoid } }
""".replace("A_COLOUR", _hex(COLOURS[0])).replace("B_COLOUR", _hex(COLOURS[1]))
