import { serviceDomain } from '../service.ts';
import { encodeDigests, mostDigests } from './known-digests.ts';

/** The target of a question: every node, those with a subtype, or the one with an instance name. */
export type Question =
  | { readonly kind: 'all' }
  | { readonly kind: 'subtype'; readonly label: string }
  | { readonly kind: 'instance'; readonly instance: string };

const recordType = { PTR: 12, ANY: 255 } as const;
const classIn = 1;
const truncatedFlag = 0x0200;
/** At least half of a PTR record's usual lifetime, as a known answer must have left (RFC 6762, 7.1). */
const knownAnswerTtl = 4500;
/** The size of a packet without fragmentation. */
const largest = 1400;

/** Fewer than the records that a node accepts in a packet (header.ts). */
const mostAnswers = 60;

const domainLabels = serviceDomain.split('.');

function labelsOf(question: Question): string[] {
  switch (question.kind) {
    case 'all':
      return domainLabels;
    case 'subtype':
      return [`_${question.label}`, '_sub', ...domainLabels];
    case 'instance':
      return [question.instance, ...domainLabels];
  }
}

function header(id: number, questions: number, answers: number, additionals: number, more: boolean): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt16BE(additionals, 10);
  bytes.writeUInt16BE(id, 0);
  bytes.writeUInt16BE(more ? truncatedFlag : 0, 2);
  bytes.writeUInt16BE(questions, 4);
  bytes.writeUInt16BE(answers, 6);
  return bytes;
}

/** A packet being written: a name that it already has is a pointer to it (RFC 1035, 4.1.4). */
class Page {
  readonly parts: Buffer[] = [];
  readonly #offsets = new Map<string, number>();
  questions = 0;
  answers = 0;
  additionals = 0;
  size = 12;

  ask(question: Question): void {
    const tail = Buffer.alloc(4);
    tail.writeUInt16BE(question.kind === 'instance' ? recordType.ANY : recordType.PTR, 0);
    tail.writeUInt16BE(classIn, 2);
    this.#add(this.#name(labelsOf(question), this.size));
    this.#add(tail);
    this.questions++;
  }

  /** Adds a known answer. @returns false, with nothing added, when it does not fit */
  answer(question: Question, instance: string): boolean {
    const name = this.#name(labelsOf(question), this.size);
    const data = this.#name([instance, ...domainLabels], this.size + name.length + 10);
    const size = this.size + name.length + 10 + data.length;
    if (this.answers > 0 && (size > largest || this.answers === mostAnswers)) return false;
    const fixed = Buffer.alloc(10);
    fixed.writeUInt16BE(recordType.PTR, 0);
    fixed.writeUInt16BE(classIn, 2);
    fixed.writeUInt32BE(knownAnswerTtl, 4);
    fixed.writeUInt16BE(data.length, 8);
    for (const part of [name, fixed, data]) this.#add(part);
    this.answers++;
    return true;
  }

  /** Adds a record that is neither a question nor an answer, at the end. */
  append(record: Buffer): void {
    this.#add(record);
    this.additionals++;
  }

  bytes(id: number, more: boolean): Buffer {
    return Buffer.concat([header(id, this.questions, this.answers, this.additionals, more), ...this.parts]);
  }

  #add(part: Buffer): void {
    this.parts.push(part);
    this.size += part.length;
  }

  /** @param at where the name will stand in the packet */
  #name(labels: readonly string[], at: number): Buffer {
    const parts: Buffer[] = [];
    let offset = at;
    for (const [index, label] of labels.entries()) {
      const rest = labels.slice(index).join('\0');
      const known = this.#offsets.get(rest);
      if (known !== undefined) return Buffer.concat([...parts, Buffer.of(0xc0 | (known >> 8), known & 0xff)]);
      this.#offsets.set(rest, offset);
      const bytes = Buffer.from(label);
      parts.push(Buffer.of(bytes.length), bytes);
      offset += 1 + bytes.length;
    }
    return Buffer.concat([...parts, Buffer.of(0)]);
  }
}

/**
 * The packets of a one-shot question (RFC 6762, 5.1 and 6.7). Written here, because an instance name is one label
 * whatever its dots. One packet, with digests of the instances that need not answer; more of these than digests fit are
 * written as names.
 */
export function encodeQuestions(id: number, questions: readonly Question[], known: readonly string[] = []): Buffer[] {
  const lists = questions.some(({ kind }) => kind !== 'instance');
  if (!lists || known.length === 0 || known.length > mostDigests) return encodeWithNames(id, questions, known);
  const page = new Page();
  for (const question of questions) page.ask(question);
  page.append(encodeDigests(id, known));
  return [page.bytes(id, false)];
}

/**
 * The same with names of the instances that need not answer (known answers, RFC 6762, 7.1): more packets when they do
 * not fit into one; all but the last say that more follows (7.2).
 */
export function encodeWithNames(id: number, questions: readonly Question[], known: readonly string[]): Buffer[] {
  const first = new Page();
  for (const question of questions) first.ask(question);
  const pages = [first];
  let page = first;
  for (const question of questions) {
    if (question.kind === 'instance') continue;
    for (const instance of known) {
      if (page.answer(question, instance)) continue;
      page = new Page();
      pages.push(page);
      page.answer(question, instance);
    }
  }
  return pages.map((one, index) => one.bytes(id, index < pages.length - 1));
}
