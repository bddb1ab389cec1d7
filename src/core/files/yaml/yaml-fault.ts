import { type Document, isAlias, isCollection, isScalar, type Node, parseDocument, visit, type YAMLError } from 'yaml';

/** Why a text is not YAML that can be used, in plain words, and where. */
export interface YamlFault extends Place {
  /** From 1. */
  readonly line: number;
}

interface Place {
  readonly offset: number;
  readonly message: string;
}

type Parsed = Pick<Document.Parsed, 'contents' | 'errors' | 'warnings'>;

/** What is said of a fault: a text, or a text that depends on what stands there. */
type Words = string | ((found: Found) => string | Place);

interface Found {
  readonly document: Parsed;
  readonly text: string;
  readonly offset: number;
  /** The first word there, for quoting. */
  readonly word: string;
}

/**
 * The parser's messages by their beginnings: they are for people who write parsers. What is not here gets the words
 * for any fault.
 */
const words: readonly (readonly [RegExp, Words])[] = [
  [/^Tabs are not allowed/, 'a tab is here: indent with spaces'],
  [/^Map keys must be unique/, ({ text, offset }) => `the key “${keyAt(text, offset)}” occurs twice`],
  [/^Missing closing (["'])/, unclosedQuote],
  [/^Flow (map|sequence)( in block collection)? must/, unclosedBracket],
  [/^Nested mappings are not allowed/, nested],
  [/^(A block sequence may not|Unexpected block-seq-ind)/, 'a list begins in the line after its key, not beside it'],
  [/^Implicit keys need to be on a single line/, noColon],
  [/^Implicit map keys need to be followed/, ({ word }) => `“:” is missing after “${word}”`],
  [/^All mapping items/, 'this line is not indented like the keys before it'],
  [/^All sequence items/, 'this line is not indented like the items before it'],
  [/^Sequence item without/, '“- ” is missing at the beginning of this line'],
  [/^Plain value cannot start/, ({ word }) => `a value cannot begin with “${word.slice(0, 1)}”: put it in quotes`],
  [/^(Anchor|Alias)/, ({ word }) => `“${word.slice(0, 1)}” has its own meaning in YAML: put the value in quotes`],
  [/^Unresolved tag/, ({ word }) => `“${word}” is a tag that has no meaning here: put the value in quotes`],
  [/^Invalid escape/, 'a “\\” in double quotes is written twice: “\\\\”; or use single quotes'],
  [/^Source contains multiple documents/, 'a second document begins here: a file has one'],
  [/^Block collections are not allowed/, 'a “,” is missing before this, or a value with “: ” in it needs quotes'],
  [/^Missing , /, 'a “,” is missing before this'],
  [/^Missing space after :/, 'a space is missing after “:”'],
  [/^Unexpected (,|empty item)/, 'a “,” is here without a value before it'],
  [/^With stringKeys/, 'a key is a text; a value that begins with “{”, “[” or “?” needs quotes'],
  [/directive/, 'a line that begins with “%” or “---” has its own meaning in YAML: remove it'],
  [/^The : indicator must be/, 'a key has more than 1024 characters'],
  [/^Block scalar header/, 'nothing may follow “|” or “>” in its line: the text begins in the next one'],
  [/^Comments must be separated/, 'a space is missing before “#”'],
  [/^Unexpected scalar at node end/, afterTheEnd],
  [/^Unexpected .* token in YAML/, ({ word }) => `“${word}” is not expected here: check brackets and indentation`],
];

/** The first fault of a document that was parsed; undefined if there is none. A warning is a fault, too. */
export function faultOfYaml(document: Parsed, text: string): YamlFault | undefined {
  const [broken] = [...document.errors, ...document.warnings];
  if (broken !== undefined) return explainYaml(broken, document, text);
  const fault = aliasWithoutAnchor(document);
  return fault && withLine(fault, text);
}

/**
 * The value of a text.
 * @param refuse makes the error of a fault
 */
export function valueOfYaml(text: string, refuse: (fault: YamlFault) => Error): unknown {
  const document = parseDocument(text, { uniqueKeys: true, stringKeys: true });
  const fault = faultOfYaml(document, text);
  if (fault !== undefined) throw refuse(fault);
  return document.toJS({ maxAliasCount: 100 });
}

/** A fault of the parser's in plain words. */
export function explainYaml({ message, pos: [offset] }: YAMLError, document: Parsed, text: string): YamlFault {
  const [word = ''] = /^\S{1,40}/.exec(text.slice(offset, offset + 40)) ?? [];
  const [, said = 'this is not YAML: check indentation, quotes and brackets'] =
    words.find(([pattern]) => pattern.test(message)) ?? [];
  const found = typeof said === 'string' ? said : said({ document, text, offset, word });
  return withLine(typeof found === 'string' ? { offset, message: found } : found, text);
}

function withLine(place: Place, text: string): YamlFault {
  return { ...place, line: text.slice(0, place.offset).split('\n').length };
}

function keyAt(text: string, offset: number): string {
  return (/^("[^"\n]*"|'[^'\n]*'|[^:\n]+)/.exec(text.slice(offset, offset + 80))?.[0] ?? '')
    .trim()
    .replace(/^(["'])(.*)\1$/, '$2');
}

/** The parser reports it at the end of the file. */
function unclosedQuote({ document, text, offset }: Found): Place {
  const quoted = nodesBefore(document, offset).filter((node) => isScalar(node) && /^QUOTE/.test(node.type ?? ''));
  const begin = quoted.at(-1)?.range?.[0] ?? offset;
  const quote = text.charAt(begin);
  return { offset: begin, message: `the ${quote} here is not closed by another ${quote}` };
}

/** The parser reports it where the next line begins. */
function unclosedBracket({ document, text, offset }: Found): Place {
  const inside = nodesBefore(document, offset).filter((node) => isCollection(node) && node.flow === true);
  const ends = inside.map(({ range }) => range?.[1] ?? 0);
  // A bracket at the end of the outer one may be that of the inner one.
  const isClosed = (end: number, index: number) =>
    /[}\]]/.test(text.charAt(end - 1)) && ends.lastIndexOf(end) === index;
  const open = inside.filter((_node, index) => !isClosed(ends[index] ?? 0, index));
  const begin = open.at(-1)?.range?.[0] ?? offset;
  const [opening, closing] = text.charAt(begin) === '[' ? ['[', ']'] : ['{', '}'];
  return {
    offset: begin,
    message: `the “${opening}” here is not closed by “${closing}” (indent the lines between)`,
  };
}

/** The nodes that begin before a place, in their order. */
function nodesBefore({ contents }: Parsed, before: number): readonly Node[] {
  const nodes: Node[] = [];
  visit(contents, { Node: (_key, node) => void ((node.range?.[0] ?? before) < before && nodes.push(node)) });
  return nodes;
}

/** A value with “: ” in it, or a line that is indented further than the one before it, which has a value. */
function nested({ text, offset }: Found): string | Place {
  const end = text.indexOf('\n', offset);
  const line = text.slice(offset, end === -1 ? undefined : end);
  if (/:(\s|$)/.test(line)) return 'this value has “: ” in it: put it in quotes';
  const [space = ''] = /^\s*/.exec(text.slice(end)) ?? [];
  return { offset: end + space.length, message: 'this line is indented further than the line before it allows' };
}

/** Text after a value in quotes, or after the bracket that closes the whole value. */
function afterTheEnd({ text, offset, word }: Found): string {
  const isAfterBracket = /[}\]]\s*$/.test(text.slice(Math.max(0, offset - 1000), offset));
  if (isAfterBracket) return `“${word}” may not follow here: a bracket before it closes too much, or is one too many`;
  return `“${word}” may not follow here: put the whole value in quotes`;
}

function noColon({ word }: Found): string {
  if (word === '-') return 'a list begins below a key: this one stands beside keys';
  if (/^(<{7}|={7}|>{7})/.test(word)) return `“${word}” marks a conflict of git: resolve it`;
  return 'a key with “: ” after it is expected here (a space follows the colon)';
}

/** The parser finds it only when it makes values of the text. */
function aliasWithoutAnchor({ contents }: Parsed): Place | undefined {
  const anchors = new Set<string>();
  let fault: Place | undefined;
  visit(contents, {
    Node: (_key, node) => {
      if (!isAlias(node)) {
        if ('anchor' in node && typeof node.anchor === 'string') anchors.add(node.anchor);
        return undefined;
      }
      if (anchors.has(node.source)) return undefined;
      const why = `“*${node.source}” stands for the value that “&${node.source}” marks, and none does`;
      fault = { offset: node.range?.[0] ?? 0, message: `${why}: put it in quotes if it is a text` };
      return visit.BREAK;
    },
  });
  return fault;
}
