import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newestPoints } from '../../../build/deb/changelog.ts';

test('the changelog of a package has the points of the newest part, without their introduction and headings', () => {
  const text = `# Changelog

## Unreleased

An introduction.

### Added

#### Runs

- \`one\` is
  new.

### Fixed

- Two # signs.

## 0.1.0

- old
`;
  assert.deepEqual(newestPoints(text), ['`one` is new.', 'Two # signs.']);
});
