import type { Log } from '../../../core/ports.ts';
import type { MulticastInterface } from '../interfaces.ts';
import type { ServiceAnswer } from '../wire/answer.ts';
import type { Question } from '../wire/question.ts';

export interface QueryOptions {
  readonly interfaces: readonly MulticastInterface[];
  readonly questions: readonly Question[];
  /** Milliseconds to wait for the first answer. */
  readonly timeout: number;
  /** Milliseconds without a new answer after which the query ends. */
  readonly window: number;
  /** Instances that need not answer; none if omitted. */
  readonly known?: readonly string[];
  /** Bytes of the receive buffer, if it must differ from `wantedBuffer`. */
  readonly buffer?: number;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** An answer with where it came from. */
export interface ReceivedAnswer extends ServiceAnswer {
  readonly interface: string;
  /** The address it was sent from. */
  readonly from: string;
}
