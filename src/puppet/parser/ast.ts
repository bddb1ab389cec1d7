/** The shape of a parsed script. `at` is the offset of a node's first character. */

export type Arrow = '->' | '~>' | '<-' | '<~';

export type BinaryOperator =
  | 'or'
  | 'and'
  | '=='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '=~'
  | '!~'
  | 'in';

/** A literal value of the script. */
export type Literal = undefined | boolean | bigint | number | string;

export type Expression =
  | { readonly kind: 'value'; readonly at: number; readonly value: Literal }
  /** A name without quotes: a string. */
  | { readonly kind: 'word'; readonly at: number; readonly name: string }
  | { readonly kind: 'text'; readonly at: number; readonly parts: readonly (string | Expression)[] }
  | { readonly kind: 'variable'; readonly at: number; readonly name: string }
  | { readonly kind: 'regex'; readonly at: number; readonly source: string }
  | { readonly kind: 'default'; readonly at: number }
  | { readonly kind: 'list'; readonly at: number; readonly items: readonly Expression[] }
  | { readonly kind: 'hash'; readonly at: number; readonly entries: readonly (readonly [Expression, Expression])[] }
  /** A type’s name, capitalised. */
  | { readonly kind: 'reference'; readonly at: number; readonly name: string }
  | { readonly kind: 'access'; readonly at: number; readonly of: Expression; readonly keys: readonly Expression[] }
  | { readonly kind: 'not' | 'minus'; readonly at: number; readonly of: Expression }
  | {
      readonly kind: 'binary';
      /** Of the operator. */
      readonly at: number;
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: 'selector';
      readonly at: number;
      readonly of: Expression;
      readonly options: readonly { readonly key: Expression; readonly value: Expression }[];
    }
  | Call;

export interface Call {
  readonly kind: 'call';
  readonly at: number;
  readonly name: string;
  readonly args: readonly Expression[];
}

export interface Attribute {
  readonly at: number;
  readonly name: string;
  /** True for `+>`. */
  readonly adds: boolean;
  readonly value: Expression;
}

export interface ResourceBody {
  readonly at: number;
  readonly title: Expression;
  readonly attributes: readonly Attribute[];
}

export interface ResourceStatement {
  readonly kind: 'resource';
  readonly at: number;
  readonly type: string;
  readonly virtual: boolean;
  readonly bodies: readonly ResourceBody[];
}

/** The condition of a collector. */
export type Query =
  | { readonly kind: 'and' | 'or'; readonly left: Query; readonly right: Query }
  | {
      readonly kind: 'test';
      readonly at: number;
      readonly attribute: string;
      readonly equal: boolean;
      readonly value: Expression;
    };

export interface Collector {
  readonly kind: 'collector';
  readonly at: number;
  readonly type: string;
  readonly query: Query | undefined;
  readonly attributes: readonly Attribute[];
}

/** The parts between the arrows of a chain, or a single one. */
export type Item =
  | ResourceStatement
  | Collector
  | { readonly kind: 'defaults'; readonly at: number; readonly type: string; readonly attributes: readonly Attribute[] }
  | {
      readonly kind: 'override';
      readonly at: number;
      readonly of: Expression;
      readonly attributes: readonly Attribute[];
    }
  | { readonly kind: 'assign'; readonly at: number; readonly name: string; readonly value: Expression }
  | { readonly kind: 'expression'; readonly at: number; readonly expression: Expression };

export interface Branch {
  readonly condition: Expression;
  readonly body: readonly Statement[];
}

export interface Parameter {
  readonly at: number;
  readonly name: string;
  readonly type: Expression | undefined;
  readonly fallback: Expression | undefined;
}

/** A `define` or a `class`. */
export interface Definition {
  readonly kind: 'define' | 'class';
  readonly at: number;
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly inherits: string | undefined;
  readonly body: readonly Statement[];
}

export type Statement =
  | Definition
  | {
      readonly kind: 'node';
      readonly at: number;
      readonly names: readonly Expression[];
      readonly body: readonly Statement[];
    }
  | {
      readonly kind: 'if';
      readonly at: number;
      readonly branches: readonly Branch[];
      readonly otherwise: readonly Statement[];
    }
  | {
      readonly kind: 'case';
      readonly at: number;
      readonly of: Expression;
      readonly options: readonly { readonly keys: readonly Expression[]; readonly body: readonly Statement[] }[];
    }
  | { readonly kind: 'chain'; readonly at: number; readonly items: readonly Item[]; readonly arrows: readonly Arrow[] };
