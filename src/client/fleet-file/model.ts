import type { JsonObject } from '../../core/json.ts';
import type { FileKind } from '../../core/node-files/kinds.ts';
import type { KnownAgent } from '../../core/policy/review.ts';
import type { NodePaths } from '../install/files/desired-files.ts';
import type { ActionDdl } from '../../core/ddl/ddl.ts';

/** The functions of the whole program for nodes: loaded when a fleet is read. */
export interface NodeParts {
  readonly agents: readonly DeclaredAgent[];
  /** JSON Schema of node.yaml. */
  readonly settings: object;
  /** Reads a node.yaml as a daemon does. @throws Problem `bad-configuration` */
  readonly describe: (text: string, file: string) => NodePaths;
}

export type LoadNodeParts = () => Promise<NodeParts>;

export interface DeclaredAgent extends KnownAgent {
  readonly actions: Readonly<Record<string, ActionDdl>>;
  /** JSON Schema of its section of node.yaml. */
  readonly config: object;
}

/** `FILE:LINE:COLUMN` of a value in fleet.yaml, or of its key. */
export type Locate = (path: readonly string[], key?: boolean) => string;

export interface Role {
  readonly name: string;
  readonly agents: Readonly<Record<string, JsonObject>>;
  readonly settings: JsonObject;
  readonly facts: Facts;
  readonly classes: readonly string[];
  readonly checks: Readonly<Record<string, string>>;
  /** Scripts, by name. */
  readonly hooks: Readonly<Record<string, string>>;
  readonly policies: Readonly<Record<string, string | readonly string[]>>;
  readonly groups: Readonly<Record<string, readonly string[]>>;
  readonly relay: boolean;
}

export type Facts = Readonly<Record<string, string | number | boolean>>;

export interface Host {
  readonly name: string;
  readonly role: Role;
  /** HOST or HOST:PORT. */
  readonly address?: string;
  readonly ssh?: string;
  /** Including those of its role. */
  readonly facts: Facts;
}

export interface Upgrade {
  readonly strategy?: 'auto' | 'parallel' | 'rolling' | 'canary';
  readonly batch?: string | number;
  readonly soak?: string;
  readonly on_failure?: 'stop' | 'rollback';
  readonly min_available?: number;
  readonly backend?: string;
  readonly checks?: readonly string[];
  readonly notify?: string | boolean;
}

export interface Application {
  readonly name: string;
  readonly role: string;
  /** Of its hosts, by the fact `cluster`; usually one. */
  readonly clusters: readonly string[];
  /** In the form of appmgr. */
  readonly settings: JsonObject;
  readonly upgrade: Upgrade;
}

/** The rights of an operator. */
export type Rights =
  | { readonly all: true }
  | { readonly all: false; readonly deploy: readonly string[]; readonly apply: readonly FileKind[] };

export interface SshDefaults {
  readonly user?: string;
  readonly identity?: string;
  readonly config?: string;
  readonly service?: string;
  readonly accept_new_host_keys?: boolean;
}

/** A fleet.yaml after all checks: every name in it is known. */
export interface Fleet {
  readonly file: string;
  readonly operators: ReadonlyMap<string, Rights>;
  readonly notify?: string;
  readonly ssh: SshDefaults;
  readonly hosts: readonly Host[];
  readonly roles: readonly Role[];
  readonly applications: readonly Application[];
  readonly locate: Locate;
}
