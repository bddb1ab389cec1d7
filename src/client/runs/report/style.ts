/** The page's style: the policy of the page allows exactly this text. */
const light = `--page: #ffffff; --card: #f6f8fa; --text: #1f2328; --muted: #57606a; --line: #d1d9e0; --band: #eef2f6;
--good: #116329; --good-mark: #2da44e; --good-card: #e6f6ea; --bad: #a40e26; --bad-mark: #cf222e; --bad-card: #ffecea;
--open: #7a4a00; --open-mark: #d4820a; --open-card: #fff6e0;`;
const dark = `--page: #0d1117; --card: #161b22; --text: #e6edf3; --muted: #9aa4af; --line: #30363d; --band: #171d25;
--good: #56d364; --good-mark: #2ea043; --good-card: #0f2417; --bad: #ff9a92; --bad-mark: #f85149; --bad-card: #2b1215;
--open: #e3b341; --open-mark: #bb8009; --open-card: #271d08;`;

export const style = `
:root { color-scheme: light dark; ${light} }
@media (prefers-color-scheme: dark) { :root { ${dark} } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 1.5rem 1.5rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0.15rem 0 0.75rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 0.75rem; padding-bottom: 0.3rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
p { margin: 0.25rem 0; } ul { margin: 0; padding-left: 1.1rem; }
code, pre { font: 0.86em/1.45 ui-monospace, "SF Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; margin: 0; }
.muted, .facts, .kind, dt { color: var(--muted); }
.banner { border-left: 6px solid var(--open-mark); background: var(--open-card); border-radius: 6px; padding: 1.1rem 1.4rem; }
.banner.good { border-color: var(--good-mark); background: var(--good-card); }
.banner.bad { border-color: var(--bad-mark); background: var(--bad-card); }
.banner.good h1 { color: var(--good); } .banner.bad h1 { color: var(--bad); } .banner.open h1 { color: var(--open); }
.banner dl { margin: 0 0 0.75rem; }
.banner dl > div { display: grid; grid-template-columns: 9rem 1fr; gap: 0 1rem; padding: 0.2rem 0; }
.banner .kind { font-size: 0.9rem; overflow-wrap: anywhere; } .banner .kind, .banner dt { color: inherit; opacity: 0.8; }
dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
.command { background: var(--page); border: 1px solid var(--line); border-radius: 6px; padding: 0.4rem 0.7rem; user-select: all; }
.meta { display: flex; flex-wrap: wrap; gap: 0.6rem 2.2rem; margin: 1rem 0 0; } .meta dt { font-size: 0.85rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: 0.4rem 1rem 0.4rem 0; border-bottom: 1px solid var(--line); overflow-wrap: break-word; }
th { white-space: nowrap; color: var(--muted); font-weight: 500; font-size: 0.85rem; } tbody tr:last-child td { border-bottom: 0; } td { font-variant-numeric: tabular-nums; }
.result.good { color: var(--good); } .result.bad { color: var(--bad); font-weight: 600; } .result.open { color: var(--open); font-weight: 600; } .result.none { color: var(--muted); }
.failure { border-left: 4px solid var(--bad-mark); background: var(--card); border-radius: 6px; padding: 0.8rem 1.1rem; margin-bottom: 1rem; }
.failure.open { border-color: var(--open-mark); } .failure .reason { margin: 0.4rem 0 0.6rem; font-weight: 500; overflow-wrap: anywhere; }
.facts { font-size: 0.9rem; overflow-wrap: anywhere; }
.data { margin: 0; font-size: 0.9rem; } .data > div { display: grid; grid-template-columns: minmax(5rem, max-content) 1fr; gap: 0 0.8rem; }
.attempt + .attempt { margin-top: 2rem; } .chart { margin: 0.75rem 0; }
.row { display: grid; grid-template-columns: 14rem minmax(0, 1fr); gap: 0 0.8rem; align-items: center; }
.row .name { text-align: right; font-size: 0.86rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.row svg { display: block; width: 100%; overflow: visible; } .axis .name { color: var(--muted); } .rows { color: var(--muted); font-size: 0.85rem; margin: 0.6rem 0 0.1rem; }
svg text { font-size: 11px; fill: var(--muted); } svg .middle { text-anchor: middle; } svg .last { text-anchor: end; }
svg line { stroke: var(--line); } svg .band.odd { fill: var(--band); } svg .band.even { fill: transparent; }
svg .batch { fill: var(--card); stroke: var(--line); } .batches text { fill: var(--text); }
svg .good { fill: var(--good-mark); stroke: var(--good-mark); } svg .bad { fill: var(--bad-mark); stroke: var(--bad-mark); } svg .open { fill: var(--open-mark); stroke: var(--open-mark); }
svg .step { fill-opacity: 0.55; } svg .wait { fill: var(--muted); fill-opacity: 0.6; }
details { margin-top: 0.6rem; } summary { cursor: pointer; color: var(--muted); padding: 0.2rem 0; }
@media (max-width: 640px) {
  main { padding: 0.75rem 0.75rem 3rem; } .banner { padding: 0.9rem 1rem; } h1 { font-size: 1.35rem; }
  .banner dl > div, .row { display: block; } .row .name { display: block; text-align: left; margin-top: 0.35rem; }
  thead { display: none; } table, tbody, tr, td { display: block; } tr { padding: 0.5rem 0; border-bottom: 1px solid var(--line); } tr:last-child { border-bottom: 0; }
  td { border: 0; padding: 0.1rem 0; display: grid; grid-template-columns: 6.5rem minmax(0, 1fr); gap: 0 0.6rem; } td:empty, td:has(> .nothing) { display: none; }
  td:has(> strong) { display: block; } td:has(> strong)::before { content: none; }
  td { overflow-wrap: anywhere; } td::before { content: attr(data-head); color: var(--muted); font-size: 0.85rem; }
}
@media print {
  :root { color-scheme: light; ${light} } body { font-size: 11px; } main { max-width: none; padding: 0; }
  details::details-content { content-visibility: visible; display: block; } summary { display: none; }
  .failure, .row, tr, .banner { break-inside: avoid; } h2 { break-after: avoid; } * { print-color-adjust: exact; }
}
`;
