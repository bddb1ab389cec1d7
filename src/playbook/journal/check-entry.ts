import { isObject } from '../../core/json.ts';
import type { JournalEntry } from './entries.ts';

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string';
const isNumber: Check = (value) => typeof value === 'number';
const isFlag: Check = (value) => typeof value === 'boolean';
const areTexts: Check = (value) => Array.isArray(value) && value.every(isText);
const areFailures: Check = (value) => Array.isArray(value) && value.every(isFailure);
const areSets: Check = (value) => isObject(value) && Object.values(value).every(areTexts);
const isRunFailure: Check = (value) =>
  isObject(value) && isText(value.step) && areFailures(value.reasons) && isCause(value.cause);
const isTree: Check = (value) =>
  isObject(value) &&
  isText(value.name) &&
  isText(value.text) &&
  isObject(value.used) &&
  Object.values(value.used).every(isTree);

function isFailure(value: unknown): boolean {
  return isObject(value) && isText(value.node) && isText(value.code) && isText(value.reason);
}

function isCause(value: unknown): boolean {
  return (
    value === undefined || (isObject(value) && isText(value.name) && isText(value.title) && areFailures(value.reasons))
  );
}

/** An absent field is right, too. */
function optional(check: Check): Check {
  return (value) => value === undefined || check(value);
}

/** What readers of a journal rely on, by the type of an entry. */
const fields: Readonly<Record<JournalEntry['type'], Readonly<Record<string, Check>>>> = {
  'run-started': {
    ...{ playbook: isText, operator: isText, inputs: isObject, file: optional(isText), dryRun: optional(isFlag) },
    ...{ digest: optional(isText), label: optional(isText), origin: optional(isText), time: optional(isText) },
  },
  process: {
    ...{ host: isText, boot: optional(isText), pid: isNumber, start: optional(isText) },
    ...{ space: optional(isText), machine: optional(isText), form: optional(isNumber) },
  },
  'run-resumed': { operator: isText },
  'journal-stored': { lease: optional(isText), holders: areTexts },
  playbook: { tree: isTree },
  'nodes-found': { sets: areSets, prefix: optional(isText) },
  'step-started': {
    ...{ step: isText, needs: optional(areTexts), name: optional(isText), title: optional(isText) },
    ...{ kind: optional(isText), afterFailure: optional(isFlag) },
  },
  call: {
    ...{ step: isText, requestId: isText, try: isNumber, agent: isText, action: isText, input: isObject },
    ...{ nodes: areTexts, dryRun: optional(isFlag), changes: optional(isFlag), batch: optional(isNumber) },
    undoes: optional(isText),
  },
  outcome: {
    ...{ step: optional(isText), requestId: isText, try: isNumber, node: isText, outcome: isText, data: isObject },
    ...{ status: optional(isNumber), code: isText, message: isText, auditHead: optional(isText) },
  },
  verdict: { step: isText, requestId: isText, failed: areFailures },
  'step-finished': { step: isText, state: isText, failed: optional(areFailures), untouched: optional(areTexts) },
  'run-finished': {
    ...{ state: isText, interruption: optional(isText), failure: optional(isRunFailure), next: optional(isText) },
    ...{ untouched: optional(areTexts), elapsed: optional(isNumber) },
  },
};

/** Milliseconds: no Date is later. */
const lastDate = 8.64e15;

/**
 * Whether a value from a journal is an entry: a crash or a person may have changed the file. A type that a newer program
 * writes is one, and has no meaning here.
 */
export function isEntry(value: unknown): value is JournalEntry {
  if (!isObject(value) || typeof value.type !== 'string' || typeof value.at !== 'number') return false;
  if (Math.abs(value.at) > lastDate) return false;
  const known: Readonly<Record<string, Check>> = Object.hasOwn(fields, value.type)
    ? fields[value.type as JournalEntry['type']]
    : {};
  return Object.entries(known).every(([name, check]) => check(value[name]));
}
