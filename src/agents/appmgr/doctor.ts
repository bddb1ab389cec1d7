import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DoctorSetup } from '../../core/agent.ts';
import { explainErrno, Problem } from '../../core/errors.ts';
import { runCheck, type Finding, fine } from '../../core/finding.ts';
import type { ApplicationConfig, AppmgrConfig } from './config.ts';
import { defineApplication } from './application.ts';
import { published } from './artifact/source.ts';
import { readStatus } from './actions/status.ts';

/** Whether each application’s directories exist and the serving release is healthy. */
export async function doctorAppmgr(setup: DoctorSetup<AppmgrConfig>): Promise<readonly Finding[]> {
  const applications = Object.entries(setup.config.applications);
  const findings = applications.map(([name, application]) =>
    runCheck('appmgr', 'correct the directory, or the settings of the application', () =>
      checkApplication({ ...application, name }, setup),
    ),
  );
  return (await Promise.all(findings)).flat();
}

async function checkApplication(
  application: ApplicationConfig,
  { run, signal }: DoctorSetup<AppmgrConfig>,
): Promise<Finding> {
  const { name, root, deploy } = application;
  // Only the running agent knows what a custom command deployed.
  if (deploy !== undefined) return fine('appmgr', `“${name}” is deployed by ${deploy.command[0]}`);
  await require(root ?? '', constants.W_OK, `the root of “${name}”`);
  await requireSource(application);
  const { revision, healthy, health } = await readStatus(defineApplication(application, run, ''), undefined, signal);
  if (revision === '') return fine('appmgr', `“${name}” has no release in service yet`);
  if (healthy) return fine('appmgr', `“${name}” serves ${revision}: ${health}`);
  const fix = `see why ${revision} does not serve; “mco-deploy rpc appmgr releases” lists the releases on the node`;
  return { check: 'appmgr', status: 'broken', what: `“${name}” ${revision} is not healthy: ${health}`, fix };
}

/** A server is not asked: it only needs to be up for a fetch. */
async function requireSource({ name, artifacts = '', download, signers = [] }: ApplicationConfig): Promise<void> {
  for (const key of signers) await require(key, constants.R_OK, `a signer’s key of “${name}”`);
  if (artifacts === published) return;
  if (artifacts.startsWith('https:')) {
    if (download.ca !== undefined) await require(download.ca, constants.R_OK, `the CA of the artifacts of “${name}”`);
    return;
  }
  const directory = artifacts.includes('{revision}') ? dirname(artifacts) : artifacts;
  if (!directory.includes('{')) await require(directory, constants.R_OK, `the artifacts of “${name}”`);
}

/** @throws Problem `unusable-directory` */
async function require(directory: string, mode: number, what: string): Promise<void> {
  try {
    await access(directory, mode);
  } catch (cause) {
    throw new Problem('unusable-directory', `${what}, ${directory}, cannot be used: ${explainErrno(cause)}`, '', {
      cause,
    });
  }
}
