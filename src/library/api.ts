/** What `import … from 'mco-deploy'` gives, as types. Times are in milliseconds. */
import type { NodeFailure, RunEvent, RunReport, StepReport } from '../playbook/events/events.ts';
import type { Agents } from './agents.ts';

/** What an error of this library says. */
export interface ProblemFields extends Error {
  /** Short and stable, such as `policy-denied`; `mco-deploy explain CODE` explains it. */
  readonly code: string;
  /** What to do about it; may be empty. */
  readonly hint: string;
}

export interface ConnectOptions {
  /** client.yaml; where the command line looks for it when left out. */
  readonly config?: string;
  /** Relays to go through, by name, in place of those of client.yaml. */
  readonly via?: readonly string[];
  /** In place of the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Ends everything, as `close()` does. */
  readonly signal?: AbortSignal;
  /** Receives what is worth a person's attention and stops nothing. */
  readonly onWarning?: (message: string) => void;
}

/** Which nodes are meant: all that match everything that is given. */
export interface Filter {
  /** `cluster=bravo`, with the operators = != < > <= >= =~, or the value that each fact must have. */
  readonly facts?: readonly string[] | Readonly<Record<string, string | number | boolean>>;
  /** Names, or `/regex/`. */
  readonly classes?: readonly string[];
  readonly agents?: readonly string[];
  /** Names of nodes, or `/regex/`: any of them. */
  readonly nodes?: readonly string[];
  /** An expression with and, or, not and ( ). */
  readonly select?: string;
}

/** Where nodes are heard of, and for how long; client.yaml says so for what is left out. */
export interface DiscoveryOptions {
  /** `mdns`, `file`, `dns`, `cache`, `exec`, `consul`, `puppetdb` or `sql`. */
  readonly method?: string;
  /** A list of nodes, for the method `file`. */
  readonly file?: string;
  readonly discoveryTimeout?: number;
  /** To connect to a node, and for its reply. */
  readonly timeout?: number;
  /** Only so many of the nodes (`3`), or a share (`'20%'`). */
  readonly limit?: number | string;
  /** Chooses the same of them each time. */
  readonly limitSeed?: number;
  readonly signal?: AbortSignal;
}

export interface FindOptions extends DiscoveryOptions {
  /** Names of facts to return; all when left out. */
  readonly facts?: readonly string[];
}

/** A node that proved itself and matches. */
export interface Node {
  readonly name: string;
  /** Of its daemon. */
  readonly version: string;
  readonly agents: readonly string[];
  readonly classes: readonly string[];
  readonly facts: Readonly<Record<string, unknown>>;
  readonly warnings: readonly string[];
  /** The relays on the way, the nearest first. */
  readonly path: readonly string[];
  readonly elapsed: number;
}

/** A node that should have answered and did not, or that could not prove itself. */
export interface MissingNode {
  readonly node: string;
  /** `silent`, or the code of the problem. */
  readonly code: string;
  readonly message: string;
}

export interface Found {
  readonly nodes: readonly Node[];
  readonly missing: readonly MissingNode[];
}

export interface CallOptions extends DiscoveryOptions {
  /** The nodes to call; all that run the agent when left out. */
  readonly on?: Filter;
  /** Only ask what would change. */
  readonly dryRun?: boolean;
  /** So many nodes at a time, or a share of them (`'25%'`). */
  readonly batch?: number | string;
  /** Between two batches. */
  readonly pause?: number;
}

/** What became of a call on one node. */
export type Reply<Output = Readonly<Record<string, unknown>>> = ReplyFields &
  (
    | { readonly outcome: 'ok'; readonly data: Output }
    | {
        readonly outcome: 'failed' | 'refused' | 'cancelled' | 'no-response';
        readonly data: Readonly<Record<string, unknown>>;
      }
  );

export interface ReplyFields {
  readonly node: string;
  /** Short and stable; empty when all went well. `mco-deploy explain CODE` explains it. */
  readonly code: string;
  readonly message: string;
  /** What to do about it; may be empty. */
  readonly hint: string;
  readonly elapsed: number;
}

export interface Replies<Output> {
  /** One for each node that was called, by name. */
  readonly replies: readonly Reply<Output>[];
  readonly missing: readonly MissingNode[];
}

/**
 * Work in progress: iterate over it to get each part as it comes, await it for the result. It has begun already, and ends
 * even if nobody listens.
 */
export interface Feed<Item, Result> extends Promise<Result>, AsyncIterable<Item> {}

type ActionsOf<Agent> = Agent extends keyof Agents ? Agents[Agent] : Record<string, UntypedAction>;

/** An action of an agent whose types are not known: `mco-deploy agent types` writes them. */
export interface UntypedAction {
  readonly input: Readonly<Record<string, unknown>>;
  readonly output: Readonly<Record<string, unknown>>;
}

type PartOf<Agent, Action, Part extends 'input' | 'output'> = Action extends keyof ActionsOf<Agent>
  ? ActionsOf<Agent>[Action] extends Record<Part, infer Type>
    ? Type
    : never
  : never;

/** A name that is known, with its completion in an editor, or any other. */
type Known<Name> = Name | (string & {});

/** A record of a node's audit log (docs/audit.md), whose signature and chain were checked. */
export interface AuditEntry {
  readonly node: string;
  readonly sequence: number;
  /** ISO 8601, by the node's clock. */
  readonly time: string;
  readonly kind: string;
  /** The line as the node signed it. */
  readonly line: string;
  readonly record: Readonly<Record<string, unknown>>;
}

export interface AuditOptions extends DiscoveryOptions {
  /** The nodes to ask; all that run the agent `audit` when left out. */
  readonly on?: Filter;
  /** Id of a run, or of a request. */
  readonly run?: string;
  readonly request?: string;
  readonly since?: Date;
}

export interface RunOptions extends Omit<DiscoveryOptions, 'limit' | 'limitSeed'> {
  /** Only ask what would change. */
  readonly dryRun?: boolean;
  /** Begin although a node that is known is silent. */
  readonly allowMissing?: boolean;
  /** False: other runs are not kept away. */
  readonly lock?: boolean;
  /** For another run to end. */
  readonly lockWait?: number;
  /** Where the journal is stored besides this host; as client.yaml says when left out. */
  readonly journal?: 'auto' | 'required' | 'local';
  /** Notify the recipient when the run starts, too. */
  readonly notifyStart?: boolean;
  /** Answers the questions of the playbook; a run that asks one fails without it. */
  readonly confirm?: (question: string, signal: AbortSignal) => Promise<boolean>;
  /** Receives what nodes say while they work. */
  readonly onProgress?: (node: string, message: string) => void;
  /** Calls in hand are given up as well; `signal` lets the batch in hand end. */
  readonly kill?: AbortSignal;
}

export type { NodeFailure, RunEvent, RunReport, StepReport };

/** A fleet, as one operator may use it. */
export interface Fleet extends AsyncDisposable {
  /** The name in the operator's certificate. */
  readonly operator: string;
  /** Finds, proves and filters nodes. @throws Problem */
  readonly find: (filter?: Filter, options?: FindOptions) => Promise<Found>;
  /**
   * Calls an action of an agent on all nodes that match. The input is checked before any node is called.
   * Its promise rejects with a `Problem` when no node could be called; what became of each node is in its reply.
   */
  readonly call: <Agent extends Known<keyof Agents>, Action extends keyof ActionsOf<Agent> & string>(
    agent: Agent,
    action: Action,
    input: PartOf<Agent, Action, 'input'>,
    options?: CallOptions,
  ) => Feed<Reply<PartOf<Agent, Action, 'output'>>, Replies<PartOf<Agent, Action, 'output'>>>;
  /**
   * Runs a playbook: a file, or the name of a shipped one. Iterate over its events, await its report. The promise rejects when the
   * run could not begin; a run that failed has a report that says so.
   */
  readonly run: (
    playbook: string,
    inputs?: Readonly<Record<string, unknown>>,
    options?: RunOptions,
  ) => Feed<RunEvent, RunReport>;
  /** The records of nodes' audit logs, node after node, as far as policies let the operator read them. @throws Problem */
  readonly audit: (options?: AuditOptions) => AsyncIterable<AuditEntry>;
  /** Cancels what goes on, and closes all connections. Everything that is called later fails with the code `closed`. */
  readonly close: () => Promise<void>;
}
