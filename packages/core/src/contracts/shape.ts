import { CommlibError } from '../errors.ts'
import { isStandardSchema, type Schema, type StandardIssue, type StandardSchema } from './schema.ts'

export type MaybePromise<T> = T | Promise<T>

/**
 * What a contract knows of one of its messages: how a value is made ready to be sent, and how a received one is
 * checked. Both throw `INVALID_MESSAGE` with the path of the fault.
 */
export interface Shape {
  /** What its users should know, said once for each endpoint. */
  readonly warning?: string | undefined

  /** What is sent of a value. */
  readonly outgoing: (value: unknown) => unknown

  /** What a handler gets of a value that has come. */
  readonly incoming: (value: unknown) => unknown
}

/** How a contract makes shapes of schemas: with a validator, or without one in the lean entry. */
export type ShapeOf = (schema: Schema | undefined) => Shape

const same = (value: unknown) => value

/** Lets every value pass. */
export const anyShape: Shape = { outgoing: same, incoming: same }

/** Schemas as types only. */
export const unchecked: ShapeOf = () => anyShape

/** Standard Schemas say what a receiver makes of a value, so the value itself is what travels. */
export function standardShape(schema: StandardSchema): Shape {
  const { validate } = schema['~standard']
  return {
    incoming: value =>
      whenReady(validate(value), result => (result.issues === undefined ? result.value : fail(result.issues))),
    outgoing: value =>
      whenReady(validate(value), result => (result.issues === undefined ? value : fail(result.issues))),
  }
}

/** Calls `next` now, or when a promise has settled. */
export function whenReady<T, R>(value: MaybePromise<T>, next: (value: T) => R): MaybePromise<R> {
  return value instanceof Promise ? value.then(next) : next(value)
}

export function invalidMessage(path: string, why: string): CommlibError {
  return new CommlibError('INVALID_MESSAGE', `${path === '' ? '/' : path} ${why}`)
}

/** A {@link ShapeOf} out of what compiles a TypeBox schema. */
export function shapesBy(compile: (schema: Exclude<Schema, StandardSchema>) => Shape): ShapeOf {
  return schema =>
    schema === undefined ? anyShape : isStandardSchema(schema) ? standardShape(schema) : compile(schema)
}

function fail([issue]: ReadonlyArray<StandardIssue>): never {
  const path = (issue?.path ?? []).map(part => `/${String(typeof part === 'object' ? part.key : part)}`).join('')
  throw invalidMessage(path, issue?.message ?? 'is not what its schema says')
}
