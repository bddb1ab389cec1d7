/** Callers as Choria and MCollective write them, and their form here. */

/** `choria=rip.mcollective`, the caller that Choria derives from a certificate’s name. */
const choriaCaller = /^choria=([A-Za-z0-9][A-Za-z0-9._@+-]*?)(\.mcollective)?$/;
/** `choria=/^ops-/`: a regex for the name. */
const choriaPattern = /^choria=\/(.+)\/$/;
/** `uid=500` (MCollective's PSK plugin), `user=rip`, `sshkey=…`, `aes_security=…`. */
const otherCaller = /^(uid|gid|user|sshkey|aes|x509|up)=(.+)$/;

/** A rule: its callers are the second column. A line of the file of groups has no columns. */
const ruleParts = /^(\s*(?:allow|deny)\s*\t\s*)([^\t]+)(\t.*)$/s;
/** A regex, which may have spaces, or a text between spaces. */
const word = /(?:choria=)?\/(?:[^/\\]|\\.)+\/|[^\s]+/g;

/** The hint for a caller that this program does not know; undefined for any other text. */
export function foreignCallerHint(word: string): string | undefined {
  const [, name] = choriaCaller.exec(word) ?? [];
  const all = 'or rewrite all policies: mco-deploy policy import PATH --map';
  if (name !== undefined) return `Choria writes a caller so: write cert=${name}, ${all} choria=cert`;
  const [, pattern] = choriaPattern.exec(word) ?? [];
  if (pattern !== undefined)
    return `Choria writes callers so: write ${patternFor(pattern, 'cert=*')}, ${all} choria=cert`;
  if (!otherCaller.test(word)) return undefined;
  return `MCollective writes a caller so: write cert=NAME, the operator that it is, ${all} ${word}=cert=NAME`;
}

/** The content of `--map`: all callers of Choria, and single callers by their text. */
export interface CallerMap {
  /** `*` stands for the name: `cert=*@devco.net`. */
  readonly choria?: string;
  readonly words: ReadonlyMap<string, string>;
}

/** One line that changes. */
export interface Rewritten {
  /** From 1. */
  readonly line: number;
  readonly before: string;
  readonly after: string;
}

/** Rewrites the callers of a policy, or of the file of groups, and leaves everything else as it is. */
export function rewriteCallers(
  text: string,
  map: CallerMap,
): { readonly text: string; readonly changed: readonly Rewritten[] } {
  const changed: Rewritten[] = [];
  const lines = text.split('\n').map((before, index) => {
    if (/^\s*(#|policy\s)/.test(before)) return before;
    const [, start = '', callers = before, rest = ''] = ruleParts.exec(before) ?? [];
    const after = start + callers.replaceAll(word, (one) => rewriteWord(one, map)) + rest;
    if (after !== before) changed.push({ line: index + 1, before, after });
    return after;
  });
  return { text: lines.join('\n'), changed };
}

/** A regex for names as one for callers: `^ops-` for `cert=*` is `/^cert=ops-/`. */
function patternFor(pattern: string, map: string): string {
  const [before = '', after = ''] = map.split('*');
  const start = pattern.startsWith('^') ? pattern.slice(1) : `.*${pattern}`;
  const end = start.endsWith('$') ? `${start.slice(0, -1)}${after.replaceAll('.', '\\.')}$` : start;
  return `/^${before}${end}/`;
}

function rewriteWord(word: string, { choria, words }: CallerMap): string {
  const mapped = words.get(word);
  if (mapped !== undefined) return mapped;
  if (choria === undefined) return word;
  const [, name] = choriaCaller.exec(word) ?? [];
  if (name !== undefined) return choria.replaceAll('*', () => name);
  const [, pattern] = choriaPattern.exec(word) ?? [];
  if (pattern !== undefined) return patternFor(pattern, choria);
  // A regex for callers: the kind differs, and names have no ending.
  if (!word.startsWith('/') || !word.includes('choria=')) return word;
  const [before = '', after = ''] = choria.split('*');
  return word.replaceAll('choria=', before).replaceAll(/\\?\.mcollective/g, after.replaceAll('.', '\\.'));
}
