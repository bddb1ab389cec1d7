import type { Detail } from './events/format.ts';
import type { NodeFailure, RunEvent } from './events/events.ts';
import type { Expression } from './expressions/expression.ts';
import type { BatchSize, InputSource, StepSource } from './source/schema.ts';
import type { StepReply } from './call/reply.ts';
import type { Template } from './expressions/template.ts';
import type { RunContext } from './context.ts';

/** A playbook after all checks: every name in it is known, every action and input exists. */
export interface Playbook {
  readonly name: string;
  readonly description: string;
  /** Its path, or the given name. */
  readonly file: string;
  /** Its content: a run keeps to it. */
  readonly source: object;
  readonly inputs: Readonly<Record<string, InputSource>>;
  readonly label: Template;
  readonly nodes: readonly NodeSet[];
  readonly steps: readonly Step[];
  readonly onFailure: readonly Step[];
  readonly always: readonly Step[];
  readonly notices: Notices;
  /** The name of its lease, if it names one. */
  readonly lock: Template | undefined;
  /** The output of its runs, if that differs from other playbooks. */
  readonly format?: (event: RunEvent, detail: Detail) => RunLines;
}

/** Lines for people: results and errors. */
export interface RunLines {
  readonly out: readonly string[];
  readonly err: readonly string[];
}

/** Steps that notify, each list empty if `notify` is omitted; the one for a success is among the steps. */
export interface Notices {
  readonly start: readonly Step[];
  readonly failure: readonly Step[];
}

/** A version that an agent must have. */
export interface VersionRange {
  readonly agent: string;
  /** In the form of the playbook. */
  readonly range: string;
  readonly fits: (version: string) => boolean;
}

/** Nodes that discovery has to find. */
export interface NodeSet {
  readonly name: string;
  readonly filter: Template;
  readonly condition: Expression | undefined;
  readonly atLeast: number;
  readonly limit: number;
  readonly whenEmpty: Template | undefined;
  readonly allowMissing: boolean;
  /** The only nodes that count as missing when they are silent; null for all. */
  readonly expected: Template | undefined;
  /** The source of its nodes, if not the client's configured one; a file’s path is absolute. */
  readonly source: { readonly method: string; readonly file?: string } | undefined;
  /** Milliseconds to wait for the first answer, if not the client's configured time. */
  readonly discoveryTimeout?: number;
  /** The required versions of agents on its nodes. */
  readonly versions?: readonly VersionRange[];
  /** Whether an expression reads its members, so that their facts must be returned. */
  readonly wantsFacts: boolean;
}

export interface Step {
  readonly id: string;
  /** Its name in the output. */
  readonly name: string;
  readonly kind: string;
  readonly source: StepSource;
  readonly condition: Expression | undefined;
  /** Ids of the steps that must have ended well. */
  readonly needs: readonly string[];
  /** Ids of the steps that must have ended, well or not; omitted: none. */
  readonly after?: readonly string[];
  readonly body: StepBody;
}

export interface StepPreview {
  /** Those that did not do it before the run was resumed; undefined if they are not known yet. */
  readonly nodes: readonly string[] | undefined;
  readonly input: Readonly<Record<string, unknown>>;
  readonly batch: readonly BatchSize[];
}

/** The result of compiling a step of one kind. */
export interface StepBody {
  /** `appmgr#upgrade`, `say`, … */
  readonly title: string;
  /** Of a call: its action, and the node set if one is named. */
  readonly asks?: { readonly agent: string; readonly action: string; readonly on: string | undefined };
  /** The nodes and inputs of its call, for a plan; undefined where expressions cannot be evaluated yet. */
  readonly preview?: (run: RunContext, id: string) => StepPreview | undefined;
  /** The steps within it. */
  readonly within?: readonly Step[];
  /** The nested playbook. */
  readonly used?: Playbook;
  /**
   * Finds the nodes of that playbook early, where its inputs are known before the run; the prefix is that of its steps.
   */
  readonly lookAhead?: (run: RunContext, prefix: string) => Promise<RunContext>;
  /** True for a step that calls and may change nodes. */
  readonly changes?: boolean;
  /** True when a resumed run need not do it again. */
  readonly once?: boolean;
  /** @throws Problem when an expression cannot be evaluated; the step has failed then */
  readonly run: (run: RunContext, step: Step) => Promise<StepOutcome>;
}

export interface StepOutcome {
  readonly state: 'done' | 'failed' | 'interrupted';
  /** Whether anything was done (or asked). */
  readonly ran: boolean;
  readonly replies?: readonly StepReply[];
  readonly failed?: readonly NodeFailure[];
  readonly untouched?: readonly string[];
  readonly tries?: number;
  readonly lines?: readonly string[];
  readonly dryRun?: boolean;
  /** What a person types next, if the step failed and the run changed nothing. */
  readonly next?: string;
  /** True when the run ends here, successfully. */
  readonly finish?: boolean;
}
