import type { JsonObject } from '../../core/json.ts';
import type { NodeFailure, RunFailure, RunReport, StepState } from '../events/events.ts';

/** The text of a playbook, and those of the ones that it uses, by the names it uses them by. */
export interface PlaybookTexts {
  readonly name: string;
  readonly text: string;
  readonly used: Readonly<Record<string, PlaybookTexts>>;
}

/** What a run writes down before it continues: enough to know afterwards which node was asked what, and the outcome. */
export type JournalEntry = { readonly at: number; readonly runId: string } & (
  | {
      readonly type: 'run-started';
      readonly playbook: string;
      /** What it is about, such as the cluster. */
      readonly label?: string;
      readonly file: string;
      readonly operator: string;
      readonly dryRun: boolean;
      /** Sensitive ones are left out. */
      readonly inputs: JsonObject;
      /** Where the playbook is found again: its absolute path, or the name of a shipped one. */
      readonly origin?: string;
      /** The time of the run, as its expressions see it. */
      readonly time: string;
      /** SHA-256 of what the playbook says. */
      readonly digest: string;
    }
  | {
      /** The operator who started or resumed the run. */
      readonly type: 'process';
      readonly host: string;
      readonly boot: string;
      readonly pid: number;
      readonly start: string;
    }
  | { readonly type: 'run-resumed'; readonly operator: string }
  | {
      /** Nodes store the journal from here on, with all that was written before. */
      readonly type: 'journal-stored';
      /** The run appends to it while it holds this lease. */
      readonly lease: string;
      readonly holders: readonly string[];
    }
  | {
      /** What the playbook says, for who resumes the run where its file is not. */
      readonly type: 'playbook';
      readonly tree: PlaybookTexts;
    }
  | {
      readonly type: 'nodes-found';
      /** What the steps of a playbook that is used as a step begin with; left out for the run’s own. */
      readonly prefix?: string;
      readonly sets: Readonly<Record<string, readonly string[]>>;
    }
  | {
      readonly type: 'step-started';
      readonly step: string;
      /** The steps that it waited for; in place of a skipped one, those that the skipped one waited for. */
      readonly needs?: readonly string[];
      /** What people call it. */
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
      /** In a step that is for after a failure: the scope whose changes it may undo. */
      readonly undoes?: string;
      /** Sensitive ones are left out. */
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
      /** SEQUENCE:HASH of the end of the node's audit log, as it vouched for it. */
      readonly auditHead?: string;
    }
  | {
      /** Nodes that answered a try, and whose answers were not what the step waits for. */
      readonly type: 'verdict';
      readonly step: string;
      readonly requestId: string;
      /** What must not be written down is left out of the reasons. */
      readonly failed: readonly NodeFailure[];
    }
  | {
      readonly type: 'step-finished';
      readonly step: string;
      readonly state: StepState;
      /** Why, where nodes or the step itself failed; what must not be written down is left out of it. */
      readonly failed?: readonly NodeFailure[];
      /** Nodes that were to be called and never were. */
      readonly untouched?: readonly string[];
    }
  | {
      readonly type: 'run-finished';
      readonly state: RunReport['state'];
      readonly interruption?: string;
      readonly failure?: RunFailure;
      /** Nodes that were to be changed and were not. */
      readonly untouched?: readonly string[];
      /** In words, the next command. */
      readonly next?: string;
      /** Milliseconds, without the time in which a person was asked. */
      readonly elapsed?: number;
    }
);
