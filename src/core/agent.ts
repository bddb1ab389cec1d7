import type { FromExtendedSchema } from 'json-schema-to-ts';
import type { Annotations, Ddl, ObjectSchema } from './ddl/ddl.ts';
import type { Finding } from './finding.ts';
import type { JsonObject } from './json.ts';
import type { Jobs } from './request/jobs.ts';
import type { Leases } from './request/lease.ts';
import type { Log, NodeView, RunCommand } from './ports.ts';
import type { ArtifactHolder } from './publish/holder.ts';
import type { SignedRequest } from './wire/messages.ts';

/** The context of a handler: the call that it serves. */
export interface ActionContext {
  readonly requestId: string;
  readonly runId: string;
  /** In the form of policies and the audit log: `cert=NAME`. */
  readonly caller: string;
  /** Whether its certificate is limited, so that only rules that name it allow anything. */
  readonly limited?: boolean;
  /** The lease that the request names, which its caller's run holds on this node; empty outside of one. */
  readonly lease: string;
  /** The request as its caller signed it, for an action that verifies it again. */
  readonly signed: SignedRequest;
  /** Report what would change, and change nothing. */
  readonly dryRun: boolean;
  /** Aborted at the deadline, when the caller is gone, and when the daemon stops. */
  readonly signal: AbortSignal;
  /** Reports progress to the caller. */
  readonly progress: (message: string) => void;
  readonly log: Log;
}

/** Returns the output, or throws a Problem; the input was validated and carries its defaults. */
export type Handler<Input, Output> = (input: Input, context: ActionContext) => Promise<Output>;

/** One handler an action, typed by the DDL. */
export type Handlers<D extends Ddl> = {
  readonly [A in keyof D['actions']]: Handler<
    D['actions'][A]['input'] extends infer S extends ObjectSchema ? FromExtendedSchema<Annotations, S> : never,
    D['actions'][A]['output'] extends infer S extends ObjectSchema ? FromExtendedSchema<Annotations, S> : never
  >;
};

/** Handlers of any agent, for the daemon. */
export type AnyHandlers = Readonly<Record<string, Handler<never, JsonObject>>>;

/** What the daemon provides to an agent. */
export interface AgentSetup<Config = JsonObject> {
  /** The agent's section of node.yaml, validated against its configuration schema, defaults filled in. */
  readonly config: Config;
  readonly node: NodeView;
  /** The agent's own directory, which outlives the daemon (mode 0700). */
  readonly stateDirectory: string;
  readonly run: RunCommand;
  readonly log: Log;
}

/** A running agent. */
export interface Agent {
  readonly handlers: AnyHandlers;
  /** The leases that the agent keeps; the daemon checks them before it serves a request that names one. */
  readonly leases?: Leases;
  /** The detached calls that the agent keeps. */
  readonly jobs?: Jobs;
  /** Set by the agent that keeps published artifacts. */
  readonly artifacts?: ArtifactHolder;
  /** Ends the agent's own background work, such as the retries of a spool. */
  readonly stop?: () => Promise<void>;
}

/** How the daemon and the client load an agent: its description at once, its code only when it is needed. */
export interface AgentEntry {
  readonly ddl: Ddl;
  /** JSON Schema of the agent's section in node.yaml. */
  readonly config: ObjectSchema;
  /** Starts it. */
  readonly load: () => Promise<(setup: AgentSetup<never>) => Promise<Agent>>;
  /** Checks for `doctor` that everything the agent needs exists; omitted if it needs nothing. */
  readonly doctor?: () => Promise<(setup: DoctorSetup<never>) => Promise<readonly Finding[]>>;
}

/** The input of an agent's check for `doctor`, whether the daemon runs or not. The check changes nothing. */
export type DoctorSetup<Config = JsonObject> = Pick<AgentSetup<Config>, 'config' | 'run'> & {
  readonly signal: AbortSignal;
};

/** The paths of agents in other languages, and how they run. */
export interface ExternalSetup {
  /** Executables, each with NAME.json beside it. */
  readonly directory: string;
  /** Their own settings: NAME in this directory. */
  readonly plugins: string;
  /** A directory for the files of their calls; made with mode 0700. */
  readonly scratch: string;
  /** Names that they may not have. */
  readonly taken: readonly string[];
  readonly facts: () => Promise<JsonObject>;
  readonly run: RunCommand;
  readonly log: Log;
}

export interface ExternalAgents {
  readonly entries: readonly AgentEntry[];
  /** Why each agent that was found and refused was refused. */
  readonly refused: readonly string[];
  /** Names of agents that could not be read or whose description is broken: the version in force stays. `all`: every name. */
  readonly unsettled: readonly string[] | 'all';
}

/** Finds the agents in other languages. Never throws: faults are listed in `refused`. */
export type FindExternalAgents = (setup: ExternalSetup) => Promise<ExternalAgents>;

/** What agents in other languages describe, and why others are refused. */
export interface CheckedExternalAgents {
  readonly ddls: readonly Ddl[];
  readonly refused: readonly string[];
}

/** Reads their descriptions, and runs none of them. @throws Problem where their directory cannot be used */
export type CheckExternalAgents = (setup: Pick<ExternalSetup, 'directory' | 'taken'>) => Promise<CheckedExternalAgents>;

/** Binds handlers to their DDL: a missing, foreign or wrongly typed handler does not compile. */
export function defineHandlers<const D extends Ddl>(_ddl: D, handlers: Handlers<D>): AnyHandlers {
  return handlers as unknown as AnyHandlers;
}
