import type { RunCommand } from '../../core/ports.ts';
import type { ApplicationConfig } from './config.ts';
import { commandStore } from './release/command-store.ts';
import { defineHealth, type HealthAsker } from './health/health.ts';
import type { Releases } from './release/releases.ts';
import { archiveStore } from './release/archive-store.ts';

/** One application of this node with everything that its actions need. */
export interface Application {
  readonly config: ApplicationConfig;
  readonly releases: Releases;
  readonly health: HealthAsker | undefined;
  readonly run: RunCommand;
}

export function defineApplication(config: ApplicationConfig, run: RunCommand, stateDirectory: string): Application {
  const { deploy, root = '' } = config;
  const releases =
    deploy === undefined
      ? archiveStore(config, root, stateDirectory)
      : commandStore(config, deploy, run, stateDirectory);
  return { config, releases, health: defineHealth(config, run), run };
}
