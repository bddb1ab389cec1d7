/** HTML from values: every value is text, unless it was made here. */
import { listNames, printable } from '../../../core/text.ts';

/** Valid markup. */
export interface Markup {
  readonly markup: string;
}

type Value = string | number | Markup | readonly Markup[];

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Foreign text as text of a page: no markup, and no characters that are invisible or reverse the order of letters. */
function escapeHtml(text: string): string {
  return printable(text).replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** A template whose values are escaped; attributes must be quoted. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  const filled = parts.map((part, index) => `${part}${index < values.length ? render(values[index] ?? '') : ''}`);
  return { markup: filled.join('') };
}

function render(value: Value): string {
  if (typeof value === 'string') return escapeHtml(value);
  if (typeof value === 'number') return escapeHtml(String(value));
  return 'markup' in value ? value.markup : value.map(({ markup }) => markup).join('\n');
}

/** Characters of one text, and rows of one table. */
const longest = 4000;
export const mostRows = 5000;

export function cut(text: string): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

const mostNames = 40;

export function names(list: readonly string[]): string {
  return listNames(list, mostNames);
}

type Cell = string | Markup;

/** On a narrow screen each row becomes a block, with the column's heading before each cell. */
export function table(heads: readonly string[], rows: readonly (readonly Cell[])[]): Markup {
  const cell = (value: Cell, column: number) => html`<td data-head="${heads[column] ?? ''}">${value}</td>`;
  const left = rows.length > mostRows ? html`<p class="muted">And ${rows.length - mostRows} more.</p>` : html``;
  return html`<table>
<thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${rows.slice(0, mostRows).map((cells) => html`<tr>${cells.map(cell)}</tr>`)}</tbody>
</table>${left}`;
}
