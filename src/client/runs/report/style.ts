/** The page's style: the policy of the page allows exactly this text. */
export const style = `
body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem; color: #1c1c1c; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; } h3 { font-size: 1rem; margin: 0; }
dl { display: grid; grid-template-columns: max-content auto; gap: 0 1rem; } dt { color: #666; } dd { margin: 0; }
table { border-collapse: collapse; } th, td { text-align: left; padding: 0.15rem 0.8rem 0.15rem 0; vertical-align: top; }
th { color: #666; font-weight: normal; border-bottom: 1px solid #ccc; }
svg { max-width: 100%; height: auto; font-size: 11px; } svg .label { text-anchor: end; } svg .rule { stroke: #eee; }
svg .wait { fill: #bbb; } svg .step { fill-opacity: 0.45; } svg .good { fill: #2b8a3e; } svg .bad { fill: #c92a2a; } svg .open { fill: #e67700; }
span.good { color: #2b8a3e; } span.bad { color: #c92a2a; } span.open { color: #b35c00; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f6f6f6; padding: 0.5rem; margin: 0.3rem 0; }
.failure { margin-bottom: 1rem; } code { overflow-wrap: anywhere; }
`;
