import type { RunCommand } from '../../core/ports.ts';
import type { ApplicationConfig } from './config.ts';
import { commandStore } from './release/command-store.ts';
import { defineHealth, type HealthAsker } from './health/health.ts';
import type { Releases } from './release/releases.ts';
import { archiveStore } from './release/archive-store.ts';

/** One application of this node and what the actions need to work on it. */
export interface Application {
  readonly application: ApplicationConfig;
  readonly releases: Releases;
  readonly health: HealthAsker | undefined;
  readonly run: RunCommand;
}

export function defineApplication(
  application: ApplicationConfig,
  run: RunCommand,
  stateDirectory: string,
): Application {
  const { deploy, root = '' } = application;
  const releases =
    deploy === undefined
      ? archiveStore(application, root, stateDirectory)
      : commandStore(application, deploy, run, stateDirectory);
  return { application, releases, health: defineHealth(application, run), run };
}
