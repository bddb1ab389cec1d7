import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { fleetEditorSchema } from '../../../../src/client/fleet-file/editor-schema.ts';
import { nodeParts } from '../../../../src/command-line.ts';
import { ajvOptions } from '../../../../src/core/ddl/schema.ts';
import { shopFleet } from '../../../support/program/fleet-file.ts';

test('the schema for editors accepts a fleet.yaml as it is written, and finds mistakes deep in it', async () => {
  const { useDefaults: _defaults, ...options } = ajvOptions;
  const validate = new Ajv({ ...options, strict: false }).compile(fleetEditorSchema(await nodeParts()));
  const errorsOf = (text: string) => {
    validate(parse(text));
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  };
  assert.deepEqual(errorsOf(shopFleet), []);
  assert.match(errorsOf(shopFleet.replace('sockets:', 'sokets:')).join(), /roles\/balancer\/agents\/haproxy/);
  assert.match(errorsOf(shopFleet.replace('haproxy:', 'haproxi:')).join(), /roles\/balancer\/agents/);
  assert.match(errorsOf(shopFleet.replace('reload:', 'relod:')).join(), /applications\/shop/);
  assert.match(
    errorsOf(shopFleet.replace('classes: [web]', 'settings: { limits: { rte: 1 } }')).join(),
    /settings\/limits/,
  );
});
