import type { TSchema } from 'typebox'
import { Compile } from 'typebox/schema'
import { adapter } from './adapter.ts'
import { invalidMessage, type Shape, type ShapeOf, shapesBy } from './shape.ts'

/** Checks TypeBox (JSON) schemas with a compiled validator. */
export const checked: ShapeOf = /* @__PURE__ */ shapesBy(compileShape)

function compileShape(schema: TSchema): Shape {
  const validator = Compile(schema)
  const check = (value: unknown) => validator.Check(value)
  const prepare = adapter(schema, { defaults: true, prune: true })
  const complete = adapter(schema, { defaults: true })
  const convert = adapter(schema, { numerals: true })

  function fail(value: unknown): never {
    const [, errors] = validator.Errors(value)
    // The innermost fault says most: of "must match a schema in anyOf" and "/a must be integer", the latter.
    const error = errors.reduce((a, b) => (b.instancePath.length > a.instancePath.length ? b : a), errors[0] as never)
    throw invalidMessage(error?.instancePath ?? '', error?.message ?? 'is not what its schema says')
  }

  return {
    // Peers in other languages take JSON objects only.
    warning: mayBeObject(schema) ? undefined : 'carries no JSON object: only commlib peers in TypeScript can read it',
    outgoing: value => {
      const prepared = prepare === undefined ? value : prepare(value)
      return check(prepared) ? prepared : fail(prepared)
    },
    incoming: value => {
      const completed = complete === undefined ? value : complete(value)
      if (check(completed)) return completed
      // commlib-py up to 0.13.1 writes negative integers as strings.
      const converted = convert === undefined ? completed : convert(completed)
      return converted !== completed && check(converted) ? converted : fail(completed)
    },
  }
}

function mayBeObject(schema: TSchema): boolean {
  const type = 'type' in schema ? schema.type : undefined
  return type === undefined || type === 'object' || (Array.isArray(type) && type.includes('object'))
}
