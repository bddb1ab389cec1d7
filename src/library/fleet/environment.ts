/** What the library needs of the program around it: nothing in it reads `process` by itself. */
export interface Environment {
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** Aborted when nothing new is to be begun. */
  readonly signal: AbortSignal;
  /** Receives what is worth a person's attention and stops nothing. */
  readonly warn: (message: string) => void;
  /** Whether a list of nodes may come from standard input, and that list. */
  readonly hasInput: boolean;
  readonly list: () => Promise<string>;
  /** Shows who is asked while nodes are found. */
  readonly waiting: () => Waiting;
  /** Shows a piece of work on so many nodes; 0: not known yet. */
  readonly begin: (title: string, total: number) => Work;
  /** Called before the first call that may change a node. */
  readonly onChange: () => void;
}

export interface Waiting {
  readonly turn: (name: string, turn: 'begun' | 'answered' | 'given-up') => void;
  readonly end: () => void;
}

export interface Work {
  /** What a node is doing. */
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
