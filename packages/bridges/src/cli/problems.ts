import type { Problem } from './configuration.ts'

/** What a validator says of a value. */
export interface SchemaError {
  readonly keyword: string
  readonly instancePath: string
  readonly message: string
  readonly params: unknown
}

/** Says what a validator has found in words that help, each mistake once. */
export function problemsOf(value: unknown, errors: readonly SchemaError[]): Problem[] {
  const problems = new Map<string, Problem>()
  for (const error of errors) {
    const path = pathOf(value, error.instancePath)
    for (const problem of said(error, path)) problems.set(JSON.stringify(problem), problem)
  }
  return [...problems.values()]
}

function* said({ keyword, message, params }: SchemaError, path: Problem['path']): Generator<Problem> {
  const { additionalProperties, requiredProperties, allowedValues, type, pattern, propertyNames } = params as Readonly<
    Record<string, string | readonly string[] | undefined>
  >
  if (keyword === 'additionalProperties') {
    for (const name of additionalProperties ?? []) yield { path: [...path, name], message: 'there is no such setting' }
  } else if (keyword === 'required') {
    for (const name of requiredProperties ?? []) yield { path, message: `'${name}' is missing` }
  } else if (keyword === 'enum') yield { path, message: `must be one of ${list(allowedValues)}` }
  else if (keyword === 'type')
    yield { path, message: `must be ${Array.isArray(type) ? type.join(' or ') : String(type)}` }
  else if (keyword === 'propertyNames') {
    for (const name of propertyNames ?? []) yield { path: [...path, name], message: NAME }
  } else if (keyword === 'pattern')
    yield {
      path,
      message: FORMS[String(pattern).replace(/^\/(.*)\/u?$/s, '$1')] ?? `must look like ${String(pattern)}`,
    }
  else if (keyword !== 'boolean') yield { path, message }
}

const NAME = 'must be a name of up to 64 letters, digits, _, ., : and -'

const FORMS: Readonly<Record<string, string>> = {
  '^[\\w.:-]{1,64}$': NAME,
  '^[0-9]+(\\.[0-9]+)? ?(B|kB|MB|GB|KiB|MiB|GiB)$': 'must be a size such as 100 MB',
  '^[0-9]+(\\.[0-9]+)? ?(ms|s|min|h|d)$': 'must be a time such as 30 s',
}

function list(values: unknown): string {
  return Array.isArray(values) ? values.join(', ') : String(values)
}

/** The parts of a JSON pointer: numbers where they count. */
function pathOf(value: unknown, pointer: string): (string | number)[] {
  let at = value
  return pointer
    .split('/')
    .slice(1)
    .map(part => {
      const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
      const key = Array.isArray(at) ? Number(name) : name
      at = (at as Readonly<Record<string, unknown>> | undefined)?.[key]
      return key
    })
}
