// Loaded before a test: notes that it starts other processes, whose counts of what ran may be missing.
import { subscribe } from 'node:diagnostics_channel';
import { writeFileSync } from 'node:fs';

const note = process.env.MUTATE_NOTE;
if (note !== undefined) subscribe('child_process', () => writeFileSync(note, ''));
