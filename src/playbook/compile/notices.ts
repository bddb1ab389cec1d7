// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so
/** Turns `notify:` at the top of a playbook into a set of nodes and steps that send. */
import type { SourceText } from '../source/locations.ts';
import type { NodeSetSource, NotifySource, PlaybookSource, StepSource } from '../source/schema.ts';
import { isLiteral } from '../expressions/template.ts';

/** The set of nodes that send, if `notify` does not name one. */
const notifiersSet = 'notifiers';

/** The id of the step that sends the notification of success. */
const notifyStep = 'notify';

/** A playbook with the notification of success among its steps, and the other notifications beside them. */
export interface WithNotices {
  readonly source: PlaybookSource;
  readonly text: SourceText;
  readonly notices: { readonly start: readonly StepSource[]; readonly failure: readonly StepSource[] };
}

export function addNotices(source: PlaybookSource, text: SourceText): WithNotices {
  const { notify, steps, nodes = {} } = source;
  if (notify === undefined) return { source, text, notices: { start: [], failure: [] } };
  // Steps that only print come after it, as the last words of the run.
  const at = steps.findLastIndex(({ say }) => say === undefined) + 1;
  const send = (id: string, message: string) => sendStep(id, message, notify);
  const done = notify.success ?? "${{ run.operator + ' ran ' + run.playbook + ': done' }}";
  const success: StepSource = { ...send(notifyStep, done), notifies: 'success' };
  const set = notify.on === undefined ? { [notifiersSet]: notifiers(notify) } : {};
  return {
    source: { ...source, nodes: { ...nodes, ...set }, steps: steps.toSpliced(at, 0, success) },
    text: { ...text, locate: (path, key) => text.locate(placeOf(path, at), key) },
    notices: {
      start: [send('notify_start', startMessage)],
      failure: [{ ...send('notify_failure', '${{ failure.notice }}'), notifies: 'failure' }],
    },
  };
}

const startMessage = "${{ run.operator + ' started ' + run.playbook + ' (' + run.label + '), run ' + run.id }}";

function sendStep(id: string, message: string, { on = notifiersSet, to, subject, ...rest }: NotifySource): StepSource {
  const condition = conditionOf({ to, ...rest });
  return {
    id,
    name: 'Notify',
    ...(condition === undefined ? {} : { if: condition }),
    call: 'angelia.sendmsg',
    on,
    limit: 1,
    failover: true,
    with: { recipient: to, message, ...(subject === undefined ? {} : { subject }) },
  };
}

function notifiers(notify: NotifySource): NodeSetSource {
  const condition = conditionOf(notify);
  return {
    description: 'the nodes that send notifications',
    agents: ['angelia'],
    // One of them is enough: the other may be down.
    allow_missing: true,
    ...(condition === undefined ? {} : { if: condition }),
    when_empty: 'no node that sends notifications (agent angelia) was found',
  };
}

/** A recipient from an expression may be null: then nobody is notified. */
function conditionOf({ to, if: condition }: Pick<NotifySource, 'to' | 'if'>): string | undefined {
  const [, inside] = /^\s*\$\{\{(.*)\}\}\s*$/s.exec(to) ?? [];
  const parts = [
    ...(condition === undefined ? [] : [bare(condition)]),
    ...(inside === undefined ? [] : [`${inside} != null`]),
  ];
  return parts.length === 0 || (isLiteral(to) && condition === undefined)
    ? undefined
    : parts.map((one) => `(${one})`).join(' && ');
}

function bare(text: string): string {
  return /^\s*\$\{\{(.*)\}\}\s*$/s.exec(text)?.[1] ?? text;
}

/** The position in the file of a part of the step that was added at an index of `steps`; later ones are one further. */
function placeOf(path: readonly string[], at: number): readonly string[] {
  const [list, index, ...rest] = path;
  const number = Number(index);
  if (list === 'notify') return ['notify'];
  if (list === 'nodes' && index === notifiersSet) return ['notify'];
  if (list !== 'steps' || Number.isNaN(number) || number < at) return path;
  if (number > at) return [list, String(number - 1), ...rest];
  const parts: Readonly<Record<string, string>> = { recipient: 'to', message: 'success', subject: 'subject' };
  const [key, part = ''] = rest;
  if (key === 'if' || key === 'on') return ['notify', key];
  return key === 'with' && parts[part] !== undefined ? ['notify', parts[part]] : ['notify'];
}
