/** A node's reply, for people: its fields by name, nested ones indented. */
import { cut, html, type Markup } from './html.ts';

const deepest = 4;
const mostFields = 200;

/** @param data as the node sent it */
export function drawData(data: unknown): Markup {
  if (typeof data !== 'object' || data === null) return html``;
  return Object.keys(data).length === 0 ? html`` : drawFields(data, 1);
}

function drawFields(data: object, depth: number): Markup {
  const fields = Object.entries(data).filter(([, value]) => value !== '' && value !== null);
  return html`<dl class="data">${fields
    .slice(0, mostFields)
    .map(([name, value]) => html`<div><dt>${cut(name)}</dt><dd>${drawValue(value, depth)}</dd></div>`)}</dl>`;
}

function drawValue(value: unknown, depth: number): Markup {
  if (Array.isArray(value) && value.every((one) => typeof one !== 'object')) return html`${cut(value.join(', '))}`;
  if (typeof value === 'object' && value !== null)
    return depth < deepest ? drawFields(value, depth + 1) : html`<code>${cut(JSON.stringify(value))}</code>`;
  return html`${cut(String(value))}`;
}
