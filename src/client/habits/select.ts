/** A compound expression of MCollective or Choria, in this program's words; or why it cannot be translated. */
export type TranslatedSelect = { readonly select: string } | { readonly answer: string };

const factCall = /\bfacts?\(\s*(["'])([^"']+)\1\s*\)(?:\.value)?\s*(==|=~|!=|>=|<=|=|<|>)\s*/g;
const nameCall = /\b(?:class|classes|with|agent)\(\s*(["'])([^"']+)\1\s*\)(?!\.)/g;
const dataCall = /\b([a-z_]\w*)\(([^()]*)\)\.\w+/i;

/** `fact('os.name').value=Debian` is `os.name=Debian`; other functions have no equivalent. */
export function translateSelect(text: string): TranslatedSelect {
  const select = text
    .replace(factCall, (_all, _quote, name: string, operator: string) => `${name}${operator}`)
    .replace(nameCall, (_all, _quote, name: string) => name);
  const [, name] = dataCall.exec(select) ?? [];
  if (name === undefined) return { select };
  const how =
    'write what it finds as a fact (facts.d, docs/daemon.md), or ask an agent and pipe the nodes: rpc … -j | rpc …';
  return { answer: `there are no data functions such as ${name}(): ${how}` };
}
