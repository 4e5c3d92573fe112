import type { Static, TObject, TOptional, TProperties, TSchema } from 'typebox'

/**
 * The part of a Standard Schema that is used here: any library's schema that carries it will do.
 *
 * @see https://standardschema.dev
 */
export interface StandardSchema<In = unknown, Out = In> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string

    /** Checks a value, and may make another one of it. */
    readonly validate: (value: unknown) => StandardResult<Out> | Promise<StandardResult<Out>>
    readonly types?: { readonly input: In; readonly output: Out } | undefined
  }
}

/** What a Standard Schema makes of a value. */
export type StandardResult<Out> =
  | { readonly value: Out; readonly issues?: undefined }
  | { readonly issues: ReadonlyArray<StandardIssue> }

/** A fault that a Standard Schema has found. */
export interface StandardIssue {
  readonly message: string
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined
}

/** A TypeBox schema or any Standard Schema. */
export type Schema = TSchema | StandardSchema

/** What a receiver of this schema gets. */
export type Output<S> = S extends StandardSchema<infer _, infer Out> ? Out : S extends TSchema ? Static<S> : never

/**
 * What a sender gives. In an object, a property whose schema is typed with a default
 * (`Type.With(Type.Integer(), { default: 0 })`) may be left out.
 */
export type Input<S> =
  S extends StandardSchema<infer In, infer _>
    ? In
    : S extends TObject<infer P>
      ? keyof P extends never
        ? object
        : ObjectInput<P>
      : S extends TSchema
        ? Static<S>
        : never

type ObjectInput<P extends TProperties> = Flat<
  { [K in RequiredKeys<P>]: Input<P[K]> } & { [K in Exclude<keyof P, RequiredKeys<P>>]?: Input<P[K]> }
>

type RequiredKeys<P extends TProperties> = {
  [K in keyof P]: P[K] extends TOptional<TSchema> ? never : P[K] extends { default: unknown } ? never : K
}[keyof P]

type Flat<T> = { [K in keyof T]: T[K] } & {}

export function isStandardSchema(schema: unknown): schema is StandardSchema {
  return typeof schema === 'object' && schema !== null && '~standard' in schema
}

const KEYWORDS = ['~kind', '~standard', 'type', '$ref', 'anyOf', 'oneOf', 'allOf', 'enum', 'const', 'not'] as const

/** Whether a value is a schema rather than an options object that holds some. */
export function isSchema(value: unknown): value is Schema {
  if (typeof value === 'function') return isStandardSchema(Object.assign(value))
  return typeof value === 'object' && value !== null && KEYWORDS.some(keyword => keyword in value)
}
