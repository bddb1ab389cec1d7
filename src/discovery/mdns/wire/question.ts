import { serviceDomain } from '../service.ts';

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

function encodeLabels(labels: readonly string[]): Buffer {
  const parts = labels.map((label) => {
    const bytes = Buffer.from(label);
    return Buffer.concat([Buffer.of(bytes.length), bytes]);
  });
  return Buffer.concat([...parts, Buffer.of(0)]);
}

function header(id: number, questions: number, answers: number, more: boolean): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt16BE(id, 0);
  bytes.writeUInt16BE(more ? truncatedFlag : 0, 2);
  bytes.writeUInt16BE(questions, 4);
  bytes.writeUInt16BE(answers, 6);
  return bytes;
}

function encodeAsked(question: Question): Buffer {
  const tail = Buffer.alloc(4);
  tail.writeUInt16BE(question.kind === 'instance' ? recordType.ANY : recordType.PTR, 0);
  tail.writeUInt16BE(classIn, 2);
  return Buffer.concat([encodeLabels(labelsOf(question)), tail]);
}

function encodeKnown(question: Question, instance: string): Buffer {
  const data = encodeLabels([instance, ...domainLabels]);
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(recordType.PTR, 0);
  fixed.writeUInt16BE(classIn, 2);
  fixed.writeUInt32BE(knownAnswerTtl, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([encodeLabels(labelsOf(question)), fixed, data]);
}

/**
 * The packets of a one-shot question (RFC 6762, 5.1 and 6.7): one, or more when the instances already heard (known
 * answers, 7.1) do not fit into it; all but the last say that more follows (7.2). Written here, because an instance
 * name is one label whatever its dots.
 */
export function encodeQuestions(id: number, questions: readonly Question[], known: readonly string[] = []): Buffer[] {
  const answers = questions
    .filter((question) => question.kind !== 'instance')
    .flatMap((question) => known.map((instance) => encodeKnown(question, instance)));
  const pages: Buffer[][] = [[]];
  let size = questions.map(encodeAsked).reduce((sum, bytes) => sum + bytes.length, 12);
  for (const answer of answers) {
    if (size + answer.length > largest) {
      pages.push([]);
      size = 12;
    }
    pages.at(-1)?.push(answer);
    size += answer.length;
  }
  return pages.map((page, index) => {
    const asked = index === 0 ? questions.map(encodeAsked) : [];
    return Buffer.concat([header(id, asked.length, page.length, index < pages.length - 1), ...asked, ...page]);
  });
}
