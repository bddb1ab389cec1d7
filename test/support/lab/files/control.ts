import { stringify } from 'yaml';
import type { FileTree } from './file-tree.ts';

/** An operator's certificate, key and CA, as PEM. */
export interface OperatorFiles {
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly caPem: string;
}

/** The path of an operator's home, below the control host's root. */
export function homeOf(operator: string): string {
  return `home/${operator}`;
}

/** The files of one operator on the control host. */
export function operatorFiles(operator: string, { certificatePem, keyPem, caPem }: OperatorFiles): FileTree {
  const directory = `${homeOf(operator)}/.config/mco-deploy`;
  return {
    [`${directory}/client.yaml`]: stringify({
      inputs: { recipient: 'mailto:ops@devco.net' },
      // Seconds: right after its start, a lab's daemons may be slow to answer.
      discovery: { timeout: 5 },
    }),
    [`${directory}/operator.crt`]: certificatePem,
    [`${directory}/operator.key`]: { secret: keyPem },
    [`${directory}/ca.crt`]: caPem,
  };
}
