/** What the library needs from its program: it never reads `process` by itself. */
export interface Environment {
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** Aborted when no new work may begin. */
  readonly signal: AbortSignal;
  /** Receives warnings, which stop nothing. */
  readonly warn: (message: string) => void;
  /** Whether a list of nodes may come from standard input, and that list. */
  readonly hasInput: boolean;
  readonly list: () => Promise<string>;
  /** Shows which nodes are asked during discovery. */
  readonly waiting: () => Waiting;
  /** Shows work on a number of nodes; 0: not known yet. */
  readonly begin: (title: string, total: number) => Work;
  /** Called before the first call that may change a node. */
  readonly onChange: () => void;
}

export interface Waiting {
  readonly turn: (name: string, turn: 'begun' | 'answered' | 'given-up') => void;
  readonly end: () => void;
}

export interface Work {
  /** The progress of a node. */
  readonly show: (name: string, doing: string) => void;
  readonly done: (name: string) => void;
  readonly end: () => void;
}

const nothing = () => {};

/** For a program that shows nothing. */
export const unseen: Pick<Environment, 'waiting' | 'begin' | 'onChange'> = {
  waiting: () => ({ turn: nothing, end: nothing }),
  begin: () => ({ show: nothing, done: nothing, end: nothing }),
  onChange: nothing,
};
