/** Finds wrong names in an expression before anything runs. */
import type { ASTNode } from '@marcbachmann/cel-js';
import { suggest } from '../../core/text.ts';
import type { Shape } from './shapes.ts';

/** Loops in loops multiply: four over a few dozen items take seconds. */
const deepestLoops = 3;
const loops = new Set(['map', 'filter', 'all', 'exists', 'exists_one']);
const anything: Shape = {};

export interface ReferenceFault {
  readonly message: string;
  /** The position in the expression. */
  readonly offset: number;
}

class Fault extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

interface Reader {
  readonly roots: Shape;
  readonly bound: ReadonlyMap<string, Shape>;
}

/** The first fault, or undefined. `roots` has a field for each variable. */
export function findFault(ast: ASTNode, roots: Shape): ReferenceFault | undefined {
  try {
    shapeOf(ast, { roots, bound: new Map() });
    return undefined;
  } catch (error) {
    if (error instanceof Fault) return { message: error.message, offset: error.offset };
    throw error;
  }
}

function shapeOf(node: ASTNode, reader: Reader): Shape {
  switch (node.op) {
    case 'id':
      return reader.bound.get(node.args) ?? field(reader.roots, node.args, node.start);
    case '.':
      return field(shapeOf(node.args[0], reader), node.args[1], node.end - node.args[1].length);
    case '[]':
      return index(node.args[0], node.args[1], reader);
    case 'rcall':
      return method(node, reader);
    case 'value':
      return anything;
    default:
      for (const child of childrenOf(node.args)) shapeOf(child, reader);
      return anything;
  }
}

function field(shape: Shape, name: string, offset: number): Shape {
  if (shape.fields === undefined) return anything;
  if (Object.hasOwn(shape.fields, name)) return shape.fields[name] ?? anything;
  throw new Fault(
    shape.absent?.(name) ?? `there is no “${name}” here: ${suggest(name, Object.keys(shape.fields))}`,
    offset,
  );
}

function index(object: ASTNode, key: ASTNode, reader: Reader): Shape {
  const shape = shapeOf(object, reader);
  if (key.op === 'value' && typeof key.args === 'string') return field(shape, key.args, key.start);
  shapeOf(key, reader);
  return shape.item ?? anything;
}

function method(node: Extract<ASTNode, { op: 'rcall' }>, reader: Reader): Shape {
  const [name, receiver, args] = node.args;
  const list = shapeOf(receiver, reader);
  const [variable, ...bodies] = args;
  if (!loops.has(name) || variable?.op !== 'id') {
    for (const arg of args) shapeOf(arg, reader);
    return name === 'sort' || name === 'unique' ? list : anything;
  }
  const word = variable.args;
  if (reader.roots.fields !== undefined && Object.hasOwn(reader.roots.fields, word)) {
    throw new Fault(`“${word}” is in use: give the variable of the loop another name`, variable.start);
  }
  if (reader.bound.size >= deepestLoops) {
    throw new Fault(`loops are nested deeper than ${deepestLoops} levels`, node.start);
  }
  const inner: Reader = { ...reader, bound: new Map(reader.bound).set(word, list.item ?? anything) };
  const shapes = bodies.map((body) => shapeOf(body, inner));
  return name === 'filter' ? list : name === 'map' ? { item: shapes.at(-1) ?? anything } : anything;
}

function childrenOf(args: unknown): ASTNode[] {
  if (Array.isArray(args)) return args.flatMap(childrenOf);
  return typeof args === 'object' && args !== null && 'op' in args ? [args as ASTNode] : [];
}
