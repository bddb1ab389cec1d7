/** Characters of a text that YAML reads as they are: no tabs, other ends of lines or control characters. */
const printable = /^[\n\x20-\x7e\u00a1-\u2027\u2030-\ud7ff]*$/;
/** Characters of a text; a parser of YAML reads a longer one, or refuses it. */
const longest = 65_536;
const setting = /^( *)([a-z][a-z0-9_]{0,99}):(?: +(\S.*))?$/;
const token = / *("[^"\\]*"|[{}[\],]|[^ {}[\],"]+)/y;
const flowKey = /^([a-z][a-z0-9_]*):$/;
const word = /^[A-Za-z/][\w./@:=+~-]*$/;
const number = /^(0|[1-9][0-9]{0,14})$/;
/** Words that YAML reads as another value, or as the same value in another form. */
const special = new Set(['null', 'Null', 'NULL', 'True', 'TRUE', 'False', 'FALSE']);
const deepest = 8;

type Settings = Record<string, unknown>;

/**
 * Settings in the plainest YAML: mappings of words, whole numbers, true and false, strings in double quotes without
 * escapes, and lists and mappings of these in one line. Loading and running a parser of all of YAML takes longer than
 * most of a short command.
 * @returns undefined for any other text, and for one that may have a fault: a parser of YAML decides about it
 */
export function plainSettings(text: string): Settings | undefined {
  if (text.length > longest || !printable.test(text)) return undefined;
  const root: Settings = {};
  const open = [{ indent: 0, map: root }];
  let empty: { readonly indent: number; readonly map: Settings } | undefined;
  for (const line of text.split('\n')) {
    if (/^ *(#|$)/.test(line)) continue;
    const [, spaces, key, value] = setting.exec(withoutComment(line)) ?? [];
    if (spaces === undefined || key === undefined) return undefined;
    const indent = spaces.length;
    if (empty === undefined) while (open.length > 1 && (open.at(-1)?.indent ?? 0) > indent) open.pop();
    else if (indent > empty.indent && open.length <= deepest) open.push({ indent, map: empty.map });
    else return undefined;
    const innermost = open.at(-1);
    if (innermost?.indent !== indent) return undefined;
    const child: Settings = {};
    if (!add(innermost.map, key, value === undefined ? child : readValue(value))) return undefined;
    empty = value === undefined ? { indent, map: child } : undefined;
  }
  return empty === undefined ? root : undefined;
}

function withoutComment(line: string): string {
  return (line.includes('"') ? line : line.replace(/(?<! ) +#.*$/, '')).trimEnd();
}

/** @returns false for a key that is there already or is not a word, and without a value */
function add(map: Settings, key: string, value: unknown): boolean {
  if (value === undefined || typeof readWord(key) !== 'string' || Object.hasOwn(map, key)) return false;
  map[key] = value;
  return true;
}

/** The value in the rest of a line. */
function readValue(text: string): unknown {
  let at = 0;
  const next = (): string => {
    token.lastIndex = at;
    const [whole = '', found = ''] = token.exec(text) ?? [];
    at += whole.length;
    return found;
  };
  const read = (first: string, depth: number): unknown => {
    if (depth > deepest) return undefined;
    if (first === '[') return readList(depth + 1);
    return first === '{' ? readMap(depth + 1) : readWord(first);
  };
  const readList = (depth: number): unknown => {
    const list: unknown[] = [];
    for (let one = next(); ; one = next()) {
      if (one === ']' && list.length === 0) return list;
      const value = read(one, depth);
      if (value === undefined) return undefined;
      list.push(value);
      const after = next();
      if (after !== ',') return after === ']' ? list : undefined;
    }
  };
  const readMap = (depth: number): unknown => {
    const map: Settings = {};
    for (let one = next(); ; one = next()) {
      if (one === '}' && Object.keys(map).length === 0) return map;
      const [, key = ''] = flowKey.exec(one) ?? [];
      if (text[at] !== ' ' || !add(map, key, read(next(), depth))) return undefined;
      const after = next();
      if (after !== ',') return after === '}' ? map : undefined;
    }
  };
  const value = read(next(), 0);
  return at === text.length ? value : undefined;
}

/** @param text in quotes, whole, or without any */
function readWord(text: string): unknown {
  if (text.startsWith('"')) return text.slice(1, -1);
  if (number.test(text)) return Number(text);
  if (!word.test(text) || text.endsWith(':') || special.has(text)) return undefined;
  return text === 'true' || text === 'false' ? text === 'true' : text;
}
