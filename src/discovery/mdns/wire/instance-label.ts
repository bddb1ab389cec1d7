import labelCoder from '@homebridge/ciao/lib/coder/DNSLabelCoder.js';
import { instanceIn } from './instance.ts';

/** The part of ciao's encoder that parses and writes names. */
interface LabelCoder {
  readonly prototype: {
    encodeName(name: string, offset: number): number;
    getNameLength(name: string): number;
    getUncompressedNameLength(name: string): number;
  };
  writeLabel(label: string, buffer: Buffer, offset: number): number;
  encodeUncompressedName(name: string, buffer: Buffer, offset: number): number;
}

const coder = labelCoder.DNSLabelCoder as unknown as LabelCoder;
const writeLabel = coder.writeLabel;

/** Replaces a dot within a label while ciao parses a name; as long as a dot, and in no node's name. */
const inner = '\u0001';

function protect(name: string): string {
  const instance = instanceIn(name.endsWith('.') ? name.slice(0, -1) : name);
  if (instance === undefined) return name;
  return name.slice(0, instance.length).replaceAll('.', inner) + name.slice(instance.length);
}

/**
 * Makes ciao write an instance name with dots as one label (RFC 6763, 4.1.1 and 4.3). By itself it would write
 * `dev1.devco.net` as three labels, and then avahi and others do not accept it as a service instance. Reading needs no
 * change: ciao and this program compare names as text, with dots. Repeating it is harmless.
 */
export function keepInstancesWhole(): void {
  if (coder.writeLabel !== writeLabel) return;
  coder.writeLabel = (label, buffer, offset) => writeLabel(label.replaceAll(inner, '.'), buffer, offset);
  coder.encodeUncompressedName = (name, buffer, offset) => {
    let end = offset;
    for (const label of name === '.' ? [''] : protect(name).split('.')) end += coder.writeLabel(label, buffer, end);
    return end - offset;
  };
  const { encodeName, getNameLength, getUncompressedNameLength } = coder.prototype;
  Object.assign(coder.prototype, {
    encodeName(name: string, offset: number) {
      return encodeName.call(this, protect(name), offset);
    },
    getNameLength(name: string) {
      return getNameLength.call(this, protect(name));
    },
    getUncompressedNameLength(name: string) {
      return getUncompressedNameLength.call(this, protect(name));
    },
  });
}
