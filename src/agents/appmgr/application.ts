import type { RunCommand } from '../../core/ports.ts';
import type { ApplicationConfig } from './config.ts';
import { deployedReleases } from './release/command-store.ts';
import { defineHealth, type HealthAsker } from './health/health.ts';
import type { Releases } from './release/releases.ts';
import { unpackedReleases } from './release/archive-store.ts';

/** One application of this node and what the actions need to work on it. */
export interface Site {
  readonly application: ApplicationConfig;
  readonly releases: Releases;
  readonly health: HealthAsker | undefined;
  readonly run: RunCommand;
}

export function defineSite(application: ApplicationConfig, run: RunCommand, stateDirectory: string): Site {
  const { deploy, root = '' } = application;
  const releases =
    deploy === undefined
      ? unpackedReleases(application, root)
      : deployedReleases(application, deploy, run, stateDirectory);
  return { application, releases, health: defineHealth(application, run), run };
}
