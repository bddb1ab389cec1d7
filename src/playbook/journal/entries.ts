import type { JsonObject } from '../../core/json.ts';
import type { NodeFailure, RunFailure, RunReport, StepState } from '../events/events.ts';

/** The text of a playbook, and those of the ones that it uses, by the names it uses them by. */
export interface PlaybookTexts {
  readonly name: string;
  readonly text: string;
  readonly used: Readonly<Record<string, PlaybookTexts>>;
}

/** What a run records before it continues: enough to know afterwards which node was called, and the outcome. */
export type JournalEntry = { readonly at: number; readonly runId: string } & (
  | {
      readonly type: 'run-started';
      readonly playbook: string;
      /** Its subject, such as the cluster. */
      readonly label?: string;
      readonly file: string;
      readonly operator: string;
      readonly dryRun: boolean;
      /** Sensitive ones are omitted. */
      readonly inputs: JsonObject;
      /** The reference to the playbook: its absolute path, or the name of a shipped one. */
      readonly origin?: string;
      /** The time of the run, as its expressions see it. */
      readonly time: string;
      /** SHA-256 of the playbook's text. */
      readonly digest: string;
    }
  | {
      /** The operator who started or resumed the run. */
      readonly type: 'process';
      /** The form of the entries from here on; 1 if omitted. */
      readonly form?: number;
      readonly host: string;
      readonly boot: string;
      readonly pid: number;
      readonly start: string;
      readonly space?: string;
      readonly machine?: string;
    }
  | { readonly type: 'run-resumed'; readonly operator: string }
  | {
      /** Nodes store the journal from here on, with everything that was recorded before. */
      readonly type: 'journal-stored';
      /** The run appends to it while it holds this lease. */
      readonly lease: string;
      readonly holders: readonly string[];
    }
  | {
      /** The playbook's text, for an operator who resumes the run without the file. */
      readonly type: 'playbook';
      readonly tree: PlaybookTexts;
    }
  | {
      readonly type: 'nodes-found';
      /** The prefix of the steps of a nested playbook; omitted for the run’s own. */
      readonly prefix?: string;
      readonly sets: Readonly<Record<string, readonly string[]>>;
    }
  | {
      readonly type: 'step-started';
      readonly step: string;
      /** The steps that it waited for; a skipped one is replaced by those that it waited for. */
      readonly needs?: readonly string[];
      /** Its name for people. */
      readonly name?: string;
      /** What it does: `appmgr#upgrade`, `rolling`, … */
      readonly title?: string;
      readonly kind?: string;
      /** True for a step of `on_failure` or `always`. */
      readonly afterFailure?: boolean;
    }
  | {
      readonly type: 'call';
      readonly step: string;
      readonly requestId: string;
      readonly try: number;
      readonly batch: number;
      readonly agent: string;
      readonly action: string;
      readonly dryRun: boolean;
      /** Whether it may have changed anything. */
      readonly changes: boolean;
      /** In a step for after a failure: the scope whose changes it may undo. */
      readonly undoes?: string;
      /** Sensitive ones are omitted. */
      readonly input: JsonObject;
      readonly nodes: readonly string[];
    }
  | {
      readonly type: 'outcome';
      readonly step: string;
      readonly requestId: string;
      readonly try: number;
      readonly node: string;
      readonly outcome: string;
      readonly status: number;
      readonly code: string;
      readonly message: string;
      readonly data: JsonObject;
      /** SEQUENCE:HASH of the node's audit log, as the node signed it. */
      readonly auditHead?: string;
    }
  | {
      /** Nodes that replied to a try, but not as the step requires. */
      readonly type: 'verdict';
      readonly step: string;
      readonly requestId: string;
      /** Secrets are removed from the reasons. */
      readonly failed: readonly NodeFailure[];
    }
  | {
      readonly type: 'step-finished';
      readonly step: string;
      readonly state: StepState;
      /** The reasons, if nodes or the step itself failed; without secrets. */
      readonly failed?: readonly NodeFailure[];
      /** Nodes that should have been called and never were. */
      readonly untouched?: readonly string[];
    }
  | {
      readonly type: 'run-finished';
      readonly state: RunReport['state'];
      readonly interruption?: string;
      readonly failure?: RunFailure;
      /** Nodes that should have been changed and were not. */
      readonly untouched?: readonly string[];
      /** The next command, in words. */
      readonly next?: string;
      /** Milliseconds, without the time in which a person was asked. */
      readonly elapsed?: number;
    }
);
